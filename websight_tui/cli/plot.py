"""Charts for the command line, drawn with plotext."""

from __future__ import annotations

import re
import shutil
import sys
from typing import Final

from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.model import Projection

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")
_LOOKS: Final = 48
_UNITS: Final = ((172_800.0, 86_400.0, "days"), (7_200.0, 3_600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "s"))


def projection_chart(log: TrainingLog, projection: Projection, title: str, *, colour: bool | None = None) -> str:
    """How the projected total came about: estimate and 80 % band against elapsed time, with the limit.

    Args:
        log: the lines that were seen.
        projection: the newest answer on them.
        colour: False for plain text; None colours terminals only.

    Returns: the drawing as text; one line of words where there is nothing to draw yet.
    """
    from websight_tui.projection.finish import project
    from websight_tui.projection.timeline import cut_log

    last = log.last
    if last is None or projection.total_s is None or last.total_steps <= last.start_step:
        return f"{title}: nothing to draw yet"
    reached = (last.last_step - last.start_step) / (last.total_steps - last.start_step)
    looks = [project(cut_log(log, reached * i / _LOOKS), limit_s=projection.limit_s) for i in range(1, _LOOKS)]
    looks = [p for p in [*looks, projection] if p.total_s is not None]
    longest = max(p.total_s_80[1] for p in looks if p.total_s_80 is not None)
    _, divisor, unit = next(u for u in _UNITS if max(longest, projection.limit_s or 0) >= u[0])

    import plotext

    plotext.clear_figure()
    size = shutil.get_terminal_size((80, 24))
    plotext.plot_size(min(size.columns, 120), min(max(size.lines - 4, 12), 24))
    coloured = sys.stdout.isatty() if colour is None else colour
    plotext.theme("pro" if coloured else "clear")
    at = [p.elapsed_s / divisor for p in looks]
    for end, label in ((0, "80 % band"), (1, None)):
        edge = [p.total_s_80[end] / divisor for p in looks if p.total_s_80 is not None]
        plotext.plot(at, edge, marker="dot", label=label)
    plotext.plot(at, [(p.total_s or 0.0) / divisor for p in looks], marker="braille", label="projected total")
    if projection.limit_s is not None:
        limit = projection.limit_s / divisor
        plotext.plot([at[0], at[-1]], [limit, limit], marker="-", label="limit")
    plotext.title(title)
    plotext.xlabel(f"elapsed ({unit})")
    plotext.ylabel(f"total ({unit})")
    drawing: str = plotext.build()
    plotext.clear_figure()
    return drawing if coloured else _ESCAPES.sub("", drawing)
