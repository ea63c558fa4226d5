"""All keys, in one place: screens take their bindings from here, help and palette list them, users change them by id.

A key in config.toml's [keys] is named after the binding's id, such as `run.cancel = "X"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.binding import Binding
from textual.keys import format_key

from websight_tui.tui.glyphs import plain_ascii

_NAMES: Final = {"⏎": "Enter", "⌫": "Backspace", "↑": "up", "↓": "down", "←": "left", "→": "right"}


def _b(
    id: str, key: str, action: str, text: str, *, show: bool = True, tip: str = "", priority: bool = False
) -> Binding:
    return Binding(key, action, text, show=show, tooltip=tip or text, id=id, priority=priority)


APP: Final = (
    _b("help", "question_mark,f1", "help", "Help", tip="All keys"),
    _b("more", "full_stop", "more_keys", "More keys", show=False, tip="Show every key that works here, or few"),
    _b("quit", "q", "leave", "Quit", tip="Leave; jobs go on running"),
    _b("refresh", "ctrl+r,f5", "refresh", "Refresh", show=False, tip="Ask the scheduler now"),
    _b("cluster", "s", "switch_cluster", "Cluster", show=False, tip="Connect, or choose another cluster"),
    _b("settings", "comma", "settings", "Settings", show=False, tip="Theme, symbols, bell, notifications, webhook"),
    _b("theme", "T", "next_theme", "Theme", show=False, tip="Next theme"),
    _b("screenshot", "ctrl+s", "save_screenshot", "Screenshot", show=False, tip="Save a picture of the screen (SVG)"),
)
HOME: Final = (
    _b("home.launch", "enter", "launch", "Launch", tip="Review the launch of the preset", priority=True),
    _b("home.open", "enter", "open", "Open", tip="Open the run", priority=True),
    _b("home.edit", "e", "edit", "Edit", tip="Change the preset before the launch"),
    _b("home.mark", "space", "mark", "Mark", show=False, tip="Mark presets, to launch them together"),
    _b("home.sweeps", "w", "sweeps", "Sweeps", show=False, tip="The table of runs that were launched together"),
    _b("home.compare", "d", "compare", "Differences", tip="Compare the preset with another one"),
    _b("home.cancel", "c", "cancel", "Cancel", tip="Cancel the chosen run's job"),
    _b("home.stop", "p", "stop", "Save+stop", show=False, tip="Save a checkpoint and stop the chosen run's job"),
    _b("home.resume", "r", "resume", "Resume", tip="Go on from the last checkpoint with another job"),
    _b("home.hold", "h", "hold", "Hold", show=False, tip="Hold a pending job back, or release it"),
    _b("home.limit", "t", "limit", "Time limit", show=False, tip="Change the time limit of the chosen job"),
    _b("home.overlay", "o", "overlay", "Overlay", show=False, tip="Mark runs and overlay their curves"),
    _b(
        "home.remove",
        "x,delete",
        "remove",
        "Remove",
        show=False,
        tip="Remove a preset of your own, or hide an ended run",
    ),
    _b("home.undo", "u,ctrl+z", "undo", "Undo", tip="Take the last removal or change of config.toml back"),
    _b("home.next", "tab", "app.focus_next", "Next list", show=False),
    _b("home.previous", "shift+tab", "app.focus_previous", "Previous list", show=False),
    *(_b(f"home.preset{n}", str(n), f"preset({n})", f"Preset {n}", show=False) for n in range(1, 10)),
)
RUN: Final = (
    _b("run.back", "escape,backspace", "back", "Back"),
    _b("run.remedies", "r", "remedies", "Remedies", tip="What can be done about the verdict, with its cost"),
    _b(
        "run.metric",
        "m",
        "metric(1)",
        "Metric",
        tip="Next curve: loss, rate, pace, memory and others",
    ),
    _b("run.axis", "x", "axis", "Axis", tip="Along the bottom: step, epoch or time"),
    _b("run.log", "y", "log_axis", "Log axis", show=False, tip="Logarithmic values"),
    _b("run.smoother", "right_square_bracket", "smooth(1)", "Smoother", show=False),
    _b("run.rougher", "left_square_bracket", "smooth(-1)", "Rougher", show=False),
    _b("run.zoom_in", "plus,equals_sign", "zoom(1)", "Zoom in", show=False),
    _b("run.zoom_out", "minus", "zoom(-1)", "Zoom out", show=False),
    _b("run.whole", "0", "whole", "Whole run", show=False, tip="Whole run to its end and limit, or what was logged"),
    _b("run.many", "a", "many", "All curves", show=False, tip="All curves at once, or the large one alone"),
    _b("run.guide", "g", "guide", "Guide", show=False, tip="Lay the guide's expected loss under the curve"),
    _b("run.left", "left,h", "move(-1)", "Crosshair left", show=False),
    _b("run.right", "right,l", "move(1)", "Crosshair right", show=False),
    _b("run.pan_left", "shift+left,H", "pan(-1)", "Pan left", show=False),
    _b("run.pan_right", "shift+right,L", "pan(1)", "Pan right", show=False),
    _b("run.stream", "o", "stream", "Out/err", tip="The job's stdout and stderr together, or one of them"),
    _b("run.follow", "f", "follow", "Follow", show=False, tip="Follow the log's end, or hold it still"),
    _b("run.search", "slash", "search", "Search", tip="Search the whole log (regular expression)"),
    _b("run.next", "n", "match(1)", "Next match", show=False),
    _b("run.previous", "N", "match(-1)", "Previous match", show=False),
    _b("run.wrap", "w", "wrap", "Wrap", show=False, tip="Wrap long lines of the log"),
    _b("run.error", "e", "error", "First error", show=False, tip="Jump to the first error in the whole log"),
    _b("run.save", "W", "save_log", "Save log", show=False, tip="Save the whole log to a file, or stop that"),
    _b("run.tab", "v", "tab", "View", tip="Log, jobs, checkpoints, verdicts, settings"),
    _b("run.fetch", "d", "fetch", "Download", tip="Download the checkpoint's adapter, or stop the download"),
    _b("run.try", "I", "try", "Test", tip="Ask the checkpoint where it would click on a picture"),
    _b("run.merge", "M", "merge", "Merge", tip="Merge the chosen checkpoint into its base model"),
    _b("run.zoom_pane", "z", "maximise", "Maximise", show=False, tip="The chart or the lower half alone"),
    _b("run.cancel", "c", "cancel", "Cancel", tip="Cancel the run's job"),
    _b("run.stop", "p", "stop", "Save+stop", show=False, tip="Save a checkpoint and stop the job"),
    _b("run.resume", "u", "resume", "Resume", show=False, tip="Go on from the last checkpoint with another job"),
    _b("run.limit", "t", "limit", "Time limit", show=False, tip="Change the time limit of the run's job"),
    _b("run.hold", "b", "hold", "Hold", show=False, tip="Hold the pending job back, or release it"),
    _b("run.requeue", "R", "requeue", "Requeue", show=False, tip="Put the job back into the queue"),
    _b("run.change", "E", "change", "Change", show=False, tip="Launch it again with other settings"),
    _b("run.copy", "i", "copy", "Copy job id", show=False, tip="Copy the job's id to the clipboard"),
    _b("run.report", "X", "report", "Report", show=False, tip="Write the run as an HTML page"),
    _b("run.shell", "exclamation_mark", "shell", "Shell", show=False, tip="A shell inside the running job"),
)
LAUNCH: Final = (
    _b("launch.submit", "enter", "submit", "Submit", priority=True),
    _b("launch.edit", "e", "edit", "Edit"),
    _b("launch.back", "escape", "back", "Back"),
)
EDIT: Final = (
    _b("edit.done", "ctrl+l,f10", "done", "Review", tip="Review the launch with these settings", priority=True),
    _b("edit.save", "ctrl+s,f2", "save", "Save as", tip="Keep these settings as a preset of your own", priority=True),
    _b("edit.revert", "ctrl+z", "revert", "Undo field", tip="Take the field back to the preset's value", priority=True),
    _b("edit.back", "escape", "back", "Back"),
    _b("edit.next", "down", "app.focus_next", "Next field", show=False),
    _b("edit.previous", "up", "app.focus_previous", "Previous field", show=False),
)
OVERLAY: Final = (
    _b("overlay.back", "escape", "back", "Back"),
    _b("overlay.toggle", "space", "show_or_hide", "Show or hide", tip="Put the run's curve in, or take it out"),
    _b("overlay.metric", "m", "metric(1)", "Metric", tip="Next curve"),
    _b("overlay.axis", "x", "axis", "Axis", tip="Along the bottom: step, epoch or time"),
    _b("overlay.log", "y", "log_axis", "Log axis", show=False, tip="Logarithmic values"),
    _b("overlay.smoother", "right_square_bracket", "smooth(1)", "Smoother", show=False),
    _b("overlay.rougher", "left_square_bracket", "smooth(-1)", "Rougher", show=False),
    _b("overlay.zoom_in", "plus,equals_sign", "zoom(1)", "Zoom in", show=False),
    _b("overlay.zoom_out", "minus", "zoom(-1)", "Zoom out", show=False),
    _b("overlay.left", "left,h", "move(-1)", "Crosshair left", show=False, priority=True),
    _b("overlay.right", "right,l", "move(1)", "Crosshair right", show=False, priority=True),
    _b("overlay.pan_left", "shift+left,H", "pan(-1)", "Pan left", show=False),
    _b("overlay.pan_right", "shift+right,L", "pan(1)", "Pan right", show=False),
)
SWEEP_LAUNCH: Final = (
    _b("sweep_launch.submit", "enter", "submit", "Submit all", priority=True),
    _b("sweep_launch.vary", "v", "vary", "Vary", tip="Every combination of some settings, such as lora_rank=8,16"),
    _b("sweep_launch.evaluate", "e", "evaluate", "Clicks", tip="Measure the clicks of each finished run, or not"),
    _b("sweep_launch.back", "escape", "app.pop_screen", "Back"),
)
SWEEP: Final = (
    _b("sweep.back", "escape", "back", "Back"),
    _b("sweep.open", "enter", "open", "Open run", priority=True),
    _b("sweep.sort", "o", "sort", "Sort", tip="By rank, epochs, loss, evaluation loss, clicks, hours, adapter"),
    _b("sweep.reverse", "O", "reverse", "Reverse", show=False, tip="Sort the other way round"),
    _b("sweep.rest", "r", "rest", "Submit rest", tip="Submit the runs that have no job yet; none goes twice"),
    _b(
        "sweep.measure", "M", "measure", "Measure", tip="Measure the clicks of finished runs that have none; look again"
    ),
    _b("sweep.cancel", "c", "cancel", "Cancel all", show=False, tip="Cancel all jobs of the sweep"),
    _b("sweep.metric", "m", "metric(1)", "Metric", show=False, tip="Next curve"),
    _b("sweep.axis", "x", "axis", "Axis", show=False, tip="Along the bottom: step, epoch or time"),
    _b("sweep.log", "y", "log_axis", "Log axis", show=False, tip="Logarithmic values"),
    _b("sweep.smoother", "right_square_bracket", "smooth(1)", "Smoother", show=False),
    _b("sweep.rougher", "left_square_bracket", "smooth(-1)", "Rougher", show=False),
)
GROUPS: Final[Mapping[str, tuple[Binding, ...]]] = {
    "Everywhere": APP,
    "Home": HOME,
    "Run": RUN,
    "Launch": LAUNCH,
    "Edit a preset": EDIT,
    "Overlaid runs": OVERLAY,
    "Launch a sweep": SWEEP_LAUNCH,
    "Sweep": SWEEP,
}


def key_name(key: str) -> str:
    """A key as it is shown, by its name where the terminal has no symbols."""
    shown = format_key(key)
    return _NAMES.get(shown, shown) if plain_ascii() else shown


def known_ids() -> frozenset[str]:
    """Names that [keys] in config.toml may use."""
    lists = ("list.down", "list.up", "list.first", "list.last")
    return frozenset(b.id for group in GROUPS.values() for b in group if b.id) | frozenset(lists)
