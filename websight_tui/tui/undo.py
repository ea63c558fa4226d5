"""What can be taken back: changes of config.toml and hidden runs. One step; the toast names the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from websight_tui.errors import WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset
from websight_tui.runs.state import RunView
from websight_tui.tui.job_actions import JobActions

if TYPE_CHECKING:
    from websight_tui.tui.ui_file import Edit


class Undoing(JobActions):
    """Verbs that can be taken back; mixed into the app by `Actions`.

    Attributes:
        undoable: what was done, and what takes it back; None if there is nothing.
    """

    undoable: tuple[str, Callable[[], None]] | None = None

    def done(self, words: str, back: Callable[[], None]) -> None:
        """Tells what was done and how it is taken back."""
        self.undoable = (words, back)
        key = self._app.config.keys.get("home.undo", "u").split(",")[0]
        self._app.notify(f"{words}. {key} undoes it.", markup=False, timeout=8)
        self._app.screen.refresh_bindings()

    def action_undo(self) -> None:
        if self.undoable is None:
            return
        (words, back), self.undoable = self.undoable, None
        try:
            back()
        except WebsightError as exc:
            self._app.tell(exc.message, exc.hint)
        else:
            self._app.notify(f"Undone: {words}", markup=False)
        self._app.screen.refresh_bindings()

    def edited(self, words: str, edit: Edit) -> None:
        """Takes a changed config.toml, and offers to take the change back."""
        self._app.take_edit(edit)
        self.done(words, lambda: self._app.take_edit(edit.undone()))

    def set_ui(self, key: str, value: str | bool, words: str) -> bool:
        """Changes one of [ui] in config.toml and here; whether that worked."""
        from websight_tui.tui.ui_file import set_ui

        try:
            edit = set_ui(self._app.config.path, key, value)
        except WebsightError as exc:
            self._app.tell(exc.message, exc.hint)
            return False
        self.edited(words, edit)
        return True

    def remove_preset(self, preset: Preset) -> None:
        """Takes a preset of the person's own out of config.toml."""
        from websight_tui.tui.ui_file import remove_preset

        try:
            edit = remove_preset(self._app.config.path, preset.name)
        except WebsightError as exc:
            self._app.tell(exc.message, exc.hint)
            return
        self.edited(f"Removed preset {preset.name}", edit)

    def hide_run(self, run: RunView) -> None:
        """Takes an ended run off the list; its history and its files stay."""
        controller, run_id = self._app.controller, run.spec.run_id
        controller.ask(lambda engine: engine.hide(run_id))
        self.done(f"Hid run {plain(run_id, 60)}", lambda: controller.ask(lambda engine: engine.unhide(run_id)))
