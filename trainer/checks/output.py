"""What an earlier start of the run left in its output folder, and whether this one may go on from it."""

from __future__ import annotations

from collections.abc import Iterator

from trainer.checkpoints import folders, newest_valid
from trainer.checks.finding import Finding
from trainer.plan import FINISHED
from trainer.spec import Spec, changed_settings, fixed_settings


def check_output(spec: Spec) -> Iterator[Finding]:
    """Findings about the run's output folder."""
    if not spec.out_dir.exists():
        yield Finding("ok", "output", "a new run: its output folder does not exist yet")
        return
    if (spec.out_dir / FINISHED).exists():
        message = "this run is finished: starting it again does nothing"
        yield Finding("warn", "output", message, "Submit a new run to train again.")
        return
    found = folders(spec.out_dir)
    newest = newest_valid(spec.out_dir)
    if newest is None:
        if found:
            message = f"none of the {len(found)} checkpoints in {spec.out_dir} is whole: the run starts at step 0"
            yield Finding("warn", "output", message, "They are moved aside, not deleted.")
        else:
            yield Finding("ok", "output", "no checkpoint yet: the run starts at step 0")
        return
    wanted = fixed_settings(spec, spec.settings.world_size)
    changed = changed_settings(wanted, newest.fixed)
    if changed:
        what = ", ".join(f"{name} {newest.fixed.get(name)} → {wanted[name]}" for name in changed)
        hint = "Set them back, or submit a new run: a checkpoint cannot go on with other settings."
        yield Finding("fail", "output", f"{newest.path.name} was trained with other settings: {what}", hint)
        return
    newer = [path.name for path in found[found.index(newest.path) + 1 :]]
    if newer:
        message = f"{', '.join(newer)} is not whole: the run goes on from {newest.path.name}"
        yield Finding("warn", "output", message, "A job was killed while saving; a few steps are trained again.")
    else:
        yield Finding("ok", "output", f"the run goes on from {newest.path.name}")
