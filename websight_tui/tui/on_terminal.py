"""The app on a terminal: what the program is tuned to before the first key, and what is written past the screen."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from websight_tui.tui.app import WebsightApp
from websight_tui.tui.garbage import take_over

if TYPE_CHECKING:
    from websight_tui.config import Config
    from websight_tui.tui.ports import DemoInfo, EngineFactory

_SWITCH_S: Final = 0.001
"""A key passes through three threads before its frame is out; while another one reads a long log or queue, each of them
waits so long for its turn (Python's own 5 ms are felt)."""


def run_app(
    config: Config,
    engine_factory: EngineFactory,
    *,
    demo: DemoInfo | None = None,
    initial_cluster: str | None = None,
) -> tuple[int, str]:
    """Runs the app on the terminal until the person quits.

    Args:
        demo: the banner of the embedded cluster or a replay.
        initial_cluster: connected at the start; None takes the first configured one.

    Returns: (exit status, what is wanted instead). The status is 1 after an error that was not expected, whose report
        is on the terminal then. Wanted may be `first_minute.DEMO`; "" if nothing is.

    Raises: WebsightError if the engine could not be made.
    """
    from websight_tui.tui.notify import TerminalNotifier

    app = WebsightApp(config, engine_factory, demo=demo, initial_cluster=initial_cluster)
    app.notifier = TerminalNotifier(
        partial(_to_terminal, app),
        lambda: app.config.ui,
        failed=lambda words: app.call_from_anywhere(lambda: app.tell(words, "See [ui] webhook in the settings (,).")),
        delivered=lambda item: app.call_from_anywhere(lambda: app.told(item)),
    )
    sys.setswitchinterval(_SWITCH_S)
    app.on_loaded = take_over
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0, app.wanted


def _to_terminal(app: WebsightApp, text: str) -> None:
    driver = app._driver
    if driver is not None and app.is_running:
        driver.write(text)
        driver.flush()
