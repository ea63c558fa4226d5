from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):  # the trainer's environment has none, and its tests need none
    from hypothesis import settings

    settings.register_profile("quick", deadline=None)  # a busy machine is no failure
    settings.register_profile("long", max_examples=20_000, deadline=None)
    settings.load_profile("quick")
