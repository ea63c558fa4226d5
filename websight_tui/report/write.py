"""A report in the form that was asked for, as bytes."""

from __future__ import annotations

import datetime

from websight_tui import __version__
from websight_tui.metrics.model import TrainingLog
from websight_tui.report.model import Report


def written(report: Report, log: TrainingLog, kind: str) -> bytes:
    """The report as `kind`: "html", "md", "csv" or "png".

    Args:
        log: the training log that it is of.

    Raises: WebsightError where a picture cannot be made.
    """
    match kind:
        case "md":
            from websight_tui.report.markdown import notebook

            return notebook(report, log).encode()
        case "csv":
            from websight_tui.report.points import table

            return table(log).encode()
        case "png":
            from websight_tui.report.picture import png

            return png(report)
        case _:
            from websight_tui.report.html import page

            return page(report).encode()


def made_words(now: float) -> str:
    """When and by what a report is made, with the zone of its times.

    Args:
        now: Unix s.
    """
    there = datetime.datetime.fromtimestamp(now).astimezone()
    return f"Made {there:%-d %b %Y %H:%M} by websight-tui {__version__}. Times are local ({there.tzname()})."
