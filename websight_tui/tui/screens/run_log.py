"""The log of the run screen and its keys: follow, wrap, search, errors, saving it to a file.

What is held of a log are its last lines. Where a search or a first error needs more, the whole file is looked through
on the cluster, and a place that was found there takes the pane until somebody follows the end again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.widgets import ContentSwitcher, Input

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.expression import Expression, errors, expression
from websight_tui.runs.looking_through import LOOK, Part, Wish
from websight_tui.runs.pieces import Find, Place
from websight_tui.runs.saved_work.tasks import Kind
from websight_tui.runs.state import Link, LogTail, RunView
from websight_tui.runs.together import together
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.log_saving import ask_save
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.task_actions import running
from websight_tui.tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from websight_tui.runs.events import Event

STREAMS: Final = ("stdout", "stderr")
TOGETHER: Final = "stdout + stderr"
SHOWN: Final = (TOGETHER, *STREAMS)
"""What one key shows in turn."""
_PIECE_S: Final = 20.0
"""Of processor time for an expression on one piece of the whole log, in a thread."""
_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class Looking:
    """What the whole log is looked through for at the moment.

    Args:
        nothing: what to say if there is none.
    """

    number: int
    nothing: str
    done: int = 0
    total: int = 0


class LogKeys(StateScreen[None]):
    """A screen with the LogView #log in the switcher #lower, and the field #search."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = TOGETHER
        self.place: Place | None = None
        self.looking: Looking | None = None
        self._pattern: Expression | None = None
        self._joined: tuple[LogTail, LogTail, LogTail] | None = None

    @property
    def run(self) -> RunView | None:
        """The run that is shown."""
        raise NotImplementedError

    def shown_tail(self, run: RunView) -> LogTail:
        """The output in front: a place in it, or the end of stdout, of stderr, or of both in one."""
        return self.place.tail if self.place is not None else self._end(run)

    def _end(self, run: RunView) -> LogTail:
        """The last lines; both outputs are put together anew only when one of them moved."""
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
        log, run = self.log_view, self.run
        parts = ["following" if log.follow else "held still, f follows"]
        if (place := self.place) is not None:
            share = 100 * place.begin // max(1, place.size)
            parts = [f"{place.stream} at {share} % of {words.size(place.size)}, f to the end"]
        if (looking := self.looking) is not None:
            parts = [f"looked through {words.size(looking.done)} of {words.size(looking.total)}, Esc stops"]
        if run is not None and (task := running(run, Kind.LOG)) is not None:
            parts.append(f"saving {words.size(task.done)} of {words.size(task.total)}")
        if log.query_text:
            parts.append(f"{len(log.matches)} of '{log.query_text[:20]}'")
        return f" {glyph('dot')} ".join([*parts, *(["wrapped"] if log.wrap else [])])

    def action_stream(self) -> None:
        self.leave_place()
        self.stream = SHOWN[(SHOWN.index(self.stream) + 1) % len(SHOWN)]
        self._show_log()
        self.update_view()

    def action_follow(self) -> None:
        if self.place is not None:
            self.leave_place()
        else:
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

    def show_lower(self) -> None:
        """Gives the lower half its place again, where the charts have taken it."""
        self.remove_class("-charts-only")
        if self.has_class("-short") or self.has_class("-middle"):
            self.remove_class("-many")

    def _show_log(self) -> None:
        self.show_lower()
        self.query_one("#lower", ContentSwitcher).current = "log"

    @work(thread=True, description="imports what searches while the expression is typed")
    def _prepare(self) -> None:
        expression("")

    @on(Input.Submitted, "#search")
    def _searched(self, event: Input.Submitted) -> None:
        self.close_search()
        self.leave_place()
        text, run = event.value, self.run
        self._pattern, wrong = expression(text) if text else (None, "")
        found = self.log_view.search(text, self._pattern)
        if run is None or not self.log_view.query_text:
            return
        if wrong:
            self.notify(f"No regular expression ({wrong}): searched for as text.", markup=False)
        if not found:
            self._look_back(run, f"'{plain(text, 40)}' is not in {self._where}")

    @on(LogView.GaveUp)
    def _gave_up(self, event: LogView.GaveUp) -> None:
        self._pattern = None
        self.wst.tell(event.why.message, event.why.hint)

    def close_search(self) -> None:
        """Leaves the field."""
        self.query_one("#search", Input).remove_class("-shown")
        self.log_view.focus()

    def action_match(self, direction: int) -> None:
        run, log = self.run, self.log_view
        if run is None or self._pattern is None:
            return
        tail, sought = self.shown_tail(run), f"'{plain(log.query_text, 40)}'"
        if log.step(direction, around=self.place is None and tail.whole):
            return
        if direction < 0:
            self._look_back(run, f"There is no {sought} before this in {self._where}")
        elif self.place is not None:
            after = (Part(self.place.stream, self.place.end),)
            self._look(run, after, f"There is no {sought} after this in {self._where}")
        else:
            self.notify(f"There is no {sought} after this; N goes back.", markup=False)

    def action_error(self) -> None:
        run = self.run
        if run is None:
            return
        self._show_log()
        self.leave_place()
        held = self.log_view.to_first_error()
        said = f"Nothing{' before this' if held else ''} looks like an error in {self._where}"
        parts = tuple(part for part in self._before(run) if part.end != (0, 0))
        if parts or not held:
            self._look(run, parts, said, what=_errors)

    # the whole log

    def leave_place(self) -> None:
        """Follows the end again, and stops looking for anything."""
        self.stop_looking()
        if self.place is not None:
            self.place = None
            self.log_view.set_follow(True)
            self.update_view()

    def stop_looking(self) -> bool:
        """False if there was nothing to stop."""
        run, looking = self.run, self.looking
        self.looking = None
        if run is None or looking is None:
            return False
        run_id = run.spec.run_id
        self.wst.controller.ask(lambda engine: engine.stop_look(run_id))
        self.log_view.post_message(LogView.Changed())
        return True

    @property
    def _where(self) -> str:
        return self.place.stream if self.place is not None else self.stream

    def _before(self, run: RunView) -> list[Part]:
        """What lies before the lines that are shown; the shorter output first."""
        if (place := self.place) is not None:
            return [Part(place.stream, 0, (place.begin, 0))]
        names = STREAMS if self.stream == TOGETHER else (self.stream,)
        parts = [Part(name, 0, tail.since) for name in names if (tail := getattr(run, name)).size]
        return sorted(parts, key=lambda part: part.end or (0, 0))

    def _look_back(self, run: RunView, nothing: str) -> None:
        parts = tuple(part for part in self._before(run) if part.end != (0, 0))
        self._look(run, parts, nothing, forward=False)

    def _look(
        self, run: RunView, parts: Sequence[Part], nothing: str, *, forward: bool = True, what: Find | None = None
    ) -> None:
        """Begins to look through parts of the whole log; says `nothing` if that finds none."""
        self.stop_looking()
        view = self.state.clusters.get(run.spec.cluster)
        if not parts:
            self.notify(f"{nothing}.", markup=False)
            return
        if view is None or view.link is not Link.ONLINE:
            self.wst.tell(f"{nothing}, as far as it is here", "Connect to look through the whole file.")
            return
        pattern = self._pattern
        find = what or (lambda lines: pattern.matches(lines, _PIECE_S) if pattern is not None else [])
        wish = Wish(next(_NUMBERS), tuple(parts), find, forward)
        self.looking = Looking(wish.number, nothing)
        run_id = run.spec.run_id
        self.wst.controller.ask(lambda engine: engine.look_through(run_id, wish))

    def take_events(self, events: Sequence[Event]) -> None:
        from websight_tui.runs.events import ActionDone, LookMoved

        super().take_events(events)
        for event in events:
            looking, run = self.looking, self.run
            if isinstance(event, ActionDone) and event.action == LOOK and run and event.target == run.spec.run_id:
                self.looking = None  # it failed, which is said; perhaps it never began
            if not isinstance(event, LookMoved) or looking is None or event.number != looking.number:
                continue
            self.looking = None if event.over else Looking(looking.number, looking.nothing, event.done, event.total)
            if event.place is not None:
                self.place = event.place
                self.log_view.show_at(event.place.tail, event.place.line)
            elif event.complete:
                self.notify(f"{looking.nothing} ({words.size(event.total)} looked through).", markup=False)
            self.log_view.post_message(LogView.Changed())

    def action_save_log(self) -> None:
        if (run := self.run) is not None:
            names = STREAMS if self.stream == TOGETHER else (self.stream,)
            ask_save(self.wst, run, self.stream, self._end(run), names)


def _errors(lines: Sequence[str]) -> list[int]:
    return list(errors(lines))
