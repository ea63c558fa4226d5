"""What the keys of the home screen act on, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from websight_tui.presets import BUILT_IN, Preset
from websight_tui.runs.phase import OVER, RESUMABLE
from websight_tui.runs.state import RunView
from websight_tui.tui import home_rows, keymap
from websight_tui.tui.present import foreign
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.table import KeyedTable

if TYPE_CHECKING:
    from websight_tui.slurm_commands.model import Job

_BUILT_IN: Final = frozenset(preset.name for preset in BUILT_IN)


def _hidable(run: RunView | None) -> bool:
    return run is not None and run.phase in OVER and not foreign(run)


class HomeKeys(StateScreen[None]):
    """The three lists, what is chosen in them, and the actions on it."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.HOME)

    def __init__(self) -> None:
        super().__init__()
        self._queue: tuple[Job, ...] = ()
        self._jobs: dict[str, Job] = {}
        self._marked: frozenset[str] = frozenset()

    def _table(self, name: str) -> KeyedTable:
        return self.query_one(f"#{name}", KeyedTable)

    @property
    def pane(self) -> str:
        """Which list has the focus: presets, runs or queue."""
        focused = self.focused
        return focused.id if isinstance(focused, KeyedTable) and focused.id else "presets"

    @property
    def jobs(self) -> dict[str, Job]:
        """The queue of the cluster of the moment, by job id; a queue may be long, and is indexed once."""
        view = self.wst.cluster_view
        queue = view.queue if view is not None else ()
        if queue is not self._queue:
            self._queue, self._jobs = queue, {job.job_id: job for job in queue}
        return self._jobs

    @property
    def chosen_preset(self) -> Preset:
        presets = self.wst.config.presets
        return presets.get(self._table("presets").key or "", next(iter(presets.values())))

    @property
    def chosen_run(self) -> RunView | None:
        """The run under the cursor of the list that has the focus."""
        if self.pane == "queue":
            job = self.chosen_job
            return home_rows.run_of_job(self.state, job) if job else None
        return self.state.runs.get(self._table("runs").key or "")

    @property
    def chosen_job(self) -> Job | None:
        if self.pane == "queue":
            return self.jobs.get(self._table("queue").key or "")
        run = self.state.runs.get(self._table("runs").key or "") if self.pane == "runs" else None
        return run.job if run is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys that have nothing to act on are not offered."""
        if action in ("launch", "edit", "compare", "mark"):
            return self.pane == "presets"
        if action == "sweeps":
            return bool(self.state.sweeps)
        if action == "open":
            return self.pane != "presets" and (self.chosen_run is not None or self.chosen_job is not None)
        if action in ("cancel", "stop", "hold", "limit"):
            job, run = self.chosen_job, self.chosen_run if self.pane != "presets" else None
            live = job is not None and job.live and (run is None or run.phase not in OVER)
            if action == "hold":
                return live and run is not None and job is not None and job.state == "PENDING"
            if action == "stop" and run is not None and foreign(run):
                return False
            return live and (run is not None or action == "cancel")
        if action == "resume":
            run = self.chosen_run if self.pane != "presets" else None
            return run is not None and run.phase in RESUMABLE and not foreign(run)
        if action == "undo":
            return self.wst.undoable is not None
        if action == "remove":
            run = self.chosen_run if self.pane == "runs" else None
            return self.chosen_preset.name not in _BUILT_IN if self.pane == "presets" else _hidable(run)
        if action == "overlay":
            return self.pane == "runs" and len(self.state.runs) > 1
        return True

    @property
    def marked(self) -> list[Preset]:
        """The marked presets in the order of the list."""
        return [preset for name, preset in self.wst.config.presets.items() if name in self._marked]

    def action_mark(self) -> None:
        """Marks the preset under the cursor, or unmarks it; the cursor goes on to the next."""
        self._marked ^= {self.chosen_preset.name}
        self._table("presets").action_cursor_down()
        self._changed()

    def action_sweeps(self) -> None:
        self.wst.choose_sweep()

    def action_launch(self) -> None:
        """The marked presets together, if there are several, else the one under the cursor."""
        marked = self.marked
        if len(marked) > 1:
            self._marked = frozenset()
            self.wst.review_sweep(marked)
        else:
            self.wst.review(self.chosen_preset)

    def action_open(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.open_run(run.spec.run_id)
        elif (job := self.chosen_job) is not None:
            self.wst.watch_job(job.job_id)

    def action_preset(self, number: int) -> None:
        names = list(self.wst.config.presets)
        if number <= len(names):
            table = self._table("presets")
            table.focus()
            table.choose(names[number - 1])

    def action_edit(self) -> None:
        self.wst.edit(self.chosen_preset)

    def action_compare(self) -> None:
        self.wst.compare_presets(self.chosen_preset)

    def action_cancel(self) -> None:
        run, job = self.chosen_run, self.chosen_job
        if run is not None:
            self.wst.ask_cancel(run)
        elif job is not None:
            self.wst.ask_cancel_job(job)

    def action_stop(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_stop(run)

    def action_resume(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_resume(run)

    def action_hold(self) -> None:
        run, job = self.chosen_run, self.chosen_job
        if run is not None and job is not None:
            self.wst.hold_or_release(run, job)

    def action_limit(self) -> None:
        if (run := self.chosen_run) is not None:
            self.wst.ask_limit(run)

    def action_overlay(self) -> None:
        self.wst.overlay(self._table("runs").key)

    def action_remove(self) -> None:
        if self.pane == "presets":
            self.wst.remove_preset(self.chosen_preset)
        elif (run := self.chosen_run) is not None:
            self.wst.hide_run(run)

    def action_undo(self) -> None:
        self.wst.action_undo()

    def newest_run_chosen(self) -> None:
        """Puts the cursor on the newest run, after a launch."""
        if self.wst.runs:
            self._table("runs").choose(self.wst.runs[0].spec.run_id)
