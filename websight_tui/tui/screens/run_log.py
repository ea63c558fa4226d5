"""The log of the run screen and its keys: follow, wrap, search, errors, saving it to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual import on, work
from textual.widgets import ContentSwitcher, Input

from websight_tui.runs.expression import expression
from websight_tui.runs.state import LogTail, RunView
from websight_tui.runs.together import is_stderr, together
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.log_view import LogView

TOGETHER: Final = "stdout + stderr"
STREAMS: Final = (TOGETHER, "stdout", "stderr")
"""What one key shows in turn."""


class LogKeys(StateScreen[None]):
    """A screen with the LogView #log in the switcher #lower, and the field #search."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = STREAMS[0]
        self._joined: tuple[LogTail, LogTail, LogTail] | None = None

    @property
    def run(self) -> RunView | None:
        """The run that is shown."""
        raise NotImplementedError

    def shown_tail(self, run: RunView) -> LogTail:
        """The output in front: stdout, stderr, or both in one (put together anew only when one of them moved)."""
        if self.stream != TOGETHER:
            tail: LogTail = getattr(run, self.stream)
            return tail
        if self._joined is None or self._joined[0] is not run.stdout or self._joined[1] is not run.stderr:
            self._joined = (run.stdout, run.stderr, together(run.stdout, run.stderr))
        return self._joined[2]

    @property
    def log_view(self) -> LogView:
        return self.query_one("#log", LogView)

    def log_words(self) -> str:
        """What the log does at the moment, for the frame."""
        log = self.log_view
        parts = ["following" if log.follow else "held still, f follows"]
        if log.query_text:
            parts.append(f"{len(log.matches)} of '{log.query_text[:20]}'")
        return f" {glyph('dot')} ".join([*parts, *(["wrapped"] if log.wrap else [])])

    def action_stream(self) -> None:
        self.stream = STREAMS[(STREAMS.index(self.stream) + 1) % len(STREAMS)]
        self._show_log()
        self.update_view()

    def action_follow(self) -> None:
        self.log_view.set_follow(not self.log_view.follow)

    def action_wrap(self) -> None:
        self.log_view.set_wrap(not self.log_view.wrap)

    def action_search(self) -> None:
        self._show_log()
        self._prepare()
        field = self.query_one("#search", Input)
        field.add_class("-shown")
        field.value = ""
        field.focus()

    def _show_log(self) -> None:
        self.query_one("#lower", ContentSwitcher).current = "log"

    @work(thread=True, description="imports what searches while the expression is typed")
    def _prepare(self) -> None:
        expression("")

    @on(Input.Submitted, "#search")
    def _searched(self, event: Input.Submitted) -> None:
        self.close_search()
        pattern, wrong = expression(event.value) if event.value else (None, "")
        found = self.log_view.search(event.value, pattern)
        if self.log_view.query_text and (wrong or not found):
            said = f"No regular expression ({wrong}): searched for as text. " if wrong else ""
            missing = "" if found else f"'{event.value[:40]}' is not in the last lines of {self.stream}."
            self.notify(f"{said}{missing}", markup=False)

    @on(LogView.GaveUp)
    def _gave_up(self, event: LogView.GaveUp) -> None:
        self.wst.tell(event.why.message, event.why.hint, good=False)

    def close_search(self) -> None:
        """Leaves the field."""
        self.query_one("#search", Input).remove_class("-shown")
        self.log_view.focus()

    def action_match(self, direction: int) -> None:
        self.log_view.step(direction)

    def action_error(self) -> None:
        if not self.log_view.to_first_error():
            self.notify(f"Nothing in the last lines of {self.stream} looks like an error.")

    def action_save_log(self) -> None:
        """Saves what is held of the stream in front to a file that is not there yet."""
        from websight_tui.tui.screens.ask import AskScreen

        run = self.run
        if run is None:
            return
        tail, run_id, stream = self.shown_tail(run), run.spec.run_id, self.stream
        if not tail.lines:
            self.notify(f"There is nothing in {stream} yet.")
            return
        hint = f"{len(tail.lines):,} lines of {stream}"
        if tail.dropped:
            hint += f"; {tail.dropped:,} earlier ones are on the cluster alone"

        def named(path: str | None) -> None:
            if path:
                self._write(Path(path).expanduser(), tail)

        name = f"{run_id.replace(':', '-').replace('/', '-')}.{stream.replace(' ', '')}.log"
        self.app.push_screen(AskScreen("Save the log to", f"{hint}.", name, check=_path_problem), named)

    @work(thread=True, description="saves the log")
    def _write(self, path: Path, tail: LogTail) -> None:
        try:
            with path.open("x", encoding="utf-8") as file:
                marks = ("stderr: " if is_stderr(tail, index) else "" for index in range(len(tail.lines)))
                file.writelines(f"{mark}{line}\n" for mark, line in zip(marks, tail.lines, strict=True))
        except OSError as exc:
            said, good = f"{path} could not be written: {exc.strerror or exc}", False
        else:
            said, good = f"Saved {len(tail.lines):,} lines to {path.absolute()}", True
        self.app.call_from_thread(self.wst.tell, said, good=good)


def _path_problem(text: str) -> str:
    path = Path(text).expanduser()
    if not text.strip() or path.is_dir():
        return "expected the name of a file"
    if path.exists():
        return "that file is there already"
    return "" if path.absolute().parent.is_dir() else f"there is no folder {path.parent}"
