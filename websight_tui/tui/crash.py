"""What is left on the terminal when the app met an error that it did not expect."""

from __future__ import annotations

import traceback

from rich.text import Text

from websight_tui.words import showable


def crash_report(error: BaseException | None) -> Text:
    """The error with where it happened, to be reported.

    Unlike Textual's own report it shows no values of variables (an answer to a login's question may be among them),
    and what came from a cluster stays text.
    """
    text = Text("websight-tui met an error that it did not expect. Jobs on clusters go on.\n", style="bold")
    text.append(showable("".join(traceback.format_exception(error))) if error is not None else "", style="not bold")
    return text.append("Please report the lines above; they hold no secrets.", style="not bold")
