"""The checkpoints of the run screen and their keys: download, test on a picture, merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import ContentSwitcher, Static

from websight_tui.runs.saved_work.checkpoints import Saved
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runs.state import Link, RunView
from websight_tui.tui.present import foreign
from websight_tui.tui.saved_rows import chosen, saved_rows, task_lines
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.task_actions import ask_fetch, ask_merge, ask_try
from websight_tui.tui.widgets.table import KeyedTable

if TYPE_CHECKING:
    from websight_tui.runs.events import Event

ON_SAVED = frozenset(("fetch", "try", "merge"))


class SavedKeys(StateScreen[None]):
    """A screen with the pane #checkpoints in the switcher #lower: the table #saved over the lines #tasks."""

    def __init__(self) -> None:
        super().__init__()
        self._looked: object = None
        self._answered: Task | None = None

    @property
    def run(self) -> RunView | None:
        """The run that is shown."""
        raise NotImplementedError

    def show_saved(self, run: RunView) -> None:
        """Draws table and tasks; looks on the cluster again when there is another checkpoint."""
        view = self.state.clusters.get(run.spec.cluster)
        can_look = view is not None and view.link is Link.ONLINE and not foreign(run)
        self.query_one("#saved", KeyedTable).show(saved_rows(run, self.wst.now, self.palette, looking=can_look))
        lines = task_lines(run, self.size.width - 6, self.palette)
        tasks = self.query_one("#tasks", Static)
        hint = "" if foreign(run) else "d downloads, I tests on a picture, M merges"
        tasks.update(lines or Text(hint, style=self.palette.faint))
        ground = (run.phase, [len(segment.checkpoints) for segment in run.log.segments])
        if can_look and ground != self._looked:
            self._looked = ground
            run_id = run.spec.run_id
            self.wst.controller.ask(lambda engine: engine.look_at_saved(run_id))

    def show_answer(self, run: RunView) -> None:
        """Opens the picture once a test has brought one."""
        task = next((t for t in run.tasks if t.kind is Kind.TRY and t.stand is Stand.DONE), None)
        if task is not None and task is not self._answered and task.answer is not None:
            from websight_tui.tui.screens.click import ClickScreen

            self._answered = task
            self.app.push_screen(ClickScreen(task.message, task.answer))

    def says(self, event: Event) -> bool:
        """An answer opens as a picture, and how anything else ended stands in full below the table."""
        from websight_tui.runs.events import TaskMoved

        run = self.run
        if not isinstance(event, TaskMoved) or run is None or event.run_id != run.spec.run_id:
            return False
        task = event.task
        if task.stand is Stand.DONE and task.answer is not None:
            return True
        return (
            task.stand is not Stand.RUNNING and self.saved_shown() and task.kind in (Kind.FETCH, Kind.TRY, Kind.MERGE)
        )

    def saved_shown(self) -> bool:
        """Whether the checkpoints are on the screen."""
        return self.query_one("#lower", ContentSwitcher).current == "checkpoints"

    def _chosen(self) -> tuple[RunView, Saved] | None:
        run = self.run
        if run is None:
            return None
        saved = chosen(run, self.query_one("#saved", KeyedTable).key)
        if saved is None:
            self.wst.tell("Not known yet whether it is there", "Connect to the cluster, or wait a moment.")
        elif not saved.usable:
            self.wst.tell(f"This checkpoint is {saved.whole.value} on the cluster", "Choose one that is complete.")
        else:
            return run, saved
        return None

    def action_fetch(self) -> None:
        if (found := self._chosen()) is not None:
            ask_fetch(self.wst, *found)

    def action_try(self) -> None:
        if (found := self._chosen()) is not None:
            ask_try(self.wst, *found)

    def action_merge(self) -> None:
        if (found := self._chosen()) is not None:
            ask_merge(self.wst, *found)
