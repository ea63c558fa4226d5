"""The form of a preset: every field, checked as it is typed and explained below; what it changes stands beside it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from websight_tui.errors import PresetError, WebsightError
from websight_tui.presets import BUILT_IN, Preset, check_field, differences, make_preset
from websight_tui.tui import keymap
from websight_tui.tui.home_rows import LABEL, forecast_badge
from websight_tui.tui.present import columns, squeezed
from websight_tui.tui.present_preset import bound_lines, difference_rows, forecast_lines, preset_facts
from websight_tui.tui.preset_fields import FIELDS, GROUPS, left_out
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar


def typed(value: object) -> str:
    """A value as it stands in its field: empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


_BUILT_IN: Final = frozenset(preset.name for preset in BUILT_IN)


class EditScreen(StateScreen[None]):
    """Changes `preset`, which came from `base`."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.EDIT)
    AUTO_FOCUS = "Input"

    def __init__(self, preset: Preset, base: Preset) -> None:
        super().__init__()
        self._start, self._base = preset, base
        self._problems: dict[str, str] = {}
        self.preset = preset

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Horizontal(id="columns"):
            with VerticalScroll(id="form", can_focus=False) as form:
                form.border_title = Content(f"Edit {self._start.name}")
                for title, fields in GROUPS.items():
                    yield Static(title, classes="group")
                    for field in fields:
                        with Horizontal(classes="row", id=f"row-{field}"):
                            yield Static(field)
                            value = typed(getattr(self._start, field))
                            yield Input(value, left_out(field, self.wst.cluster), id=field, compact=True)
            with VerticalScroll(id="effect", can_focus=False):
                yield Static(id="changes")
        yield Static(id="about")
        yield Static(id="problem")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#effect").border_title = Content(f"Differs from {self._base.name}")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Says below the form what the field is."""
        self.query_one("#about", Static).update(Content(FIELDS.get(event.widget.id or "", "")))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        field = event.input.id or ""
        try:
            value = check_field(field, event.value.strip())
        except PresetError as exc:
            self._problems[field] = exc.message
        else:
            self._problems.pop(field, None)
            self.preset = make_preset(self.preset.name, {field: value}, self.preset)
        self.update_view()

    def update_view(self) -> None:
        changed = differences(self.preset, self._base)
        for field in FIELDS:
            row = self.query_one(f"#row-{field}")
            row.set_class(field in changed, "-changed")
            row.set_class(field in self._problems, "-wrong")
        problem = next(iter(self._problems.values()), "")
        self.query_one("#problem", Static).update(Content(problem))
        forecast, palette = self.wst.forecast(self.preset), self.palette
        text = difference_rows(changed, palette).append("\n\n").append_text(forecast_badge(forecast, palette))
        bounds = bound_lines(self.wst.bounds(self.preset, forecast), palette)
        for line in (*bounds, *forecast_lines(forecast, palette)):
            text.append("\n").append_text(line)
        facts = preset_facts(self.preset, self.wst.cluster)[:10]
        text.append("\n\n").append_text(columns(facts, palette, LABEL))
        lines = list(text.split("\n", allow_blank=True))
        self.query_one("#changes", Static).update(squeezed(lines, self.query_one("#effect").content_size.height))

    @on(Input.Submitted)
    def action_done(self) -> None:
        if self._complain():
            return
        self.app.pop_screen()
        self.wst.review(self.preset, self._base)

    def action_save(self) -> None:
        from websight_tui.tui.preset_file import free_name
        from websight_tui.tui.screens.ask import AskScreen

        if self._complain():
            return

        def named(name: str | None) -> None:
            if name:
                self._keep(name)

        hint = f"Written as [presets.NAME] to {self.wst.config.path}; the rest of the file stays as it is."
        name = free_name(self._base.name, self.wst.config.presets)
        self.app.push_screen(AskScreen("Save as", hint, name, check=self._name_problem), named)

    def _name_problem(self, name: str) -> str:
        try:
            check_field("name", name)
        except PresetError as exc:
            return exc.message
        return f"'{name}' is built in; choose another name" if name in _BUILT_IN else ""

    def _keep(self, name: str) -> None:
        from websight_tui.tui.ui_file import put_preset

        preset = dataclasses.replace(self.preset, name=name, summary=f"from {self._base.name}")
        path, known = self.wst.config.path, name in self.wst.config.presets
        try:
            edit = put_preset(path, preset, self._base, self.wst.config.presets)
        except WebsightError as exc:
            self.wst.tell(exc.message, exc.hint)
            return
        self.wst.edited(f"{'Changed' if known else 'Saved'} preset {name} in {path}", edit)
        self.preset = self._start = preset  # it is kept: leaving loses nothing
        self.query_one("#form").border_title = Content(f"Edit {name}")

    def _complain(self) -> bool:
        if self._problems:
            field = next(iter(self._problems))
            self.query_one(f"#{field}", Input).focus()
            self.notify(self._problems[field], severity="error", markup=False)
        return bool(self._problems)

    def action_revert(self) -> None:
        field = self.focused.id if isinstance(self.focused, Input) else None
        if field:
            self.query_one(f"#{field}", Input).value = typed(getattr(self._base, field))

    def action_back(self) -> None:
        from websight_tui.tui.screens.confirm import ConfirmScreen

        if self.preset == self._start and not self._problems:
            self.app.pop_screen()
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.app.pop_screen()

        body = "The changes in this form are not saved."
        self.app.push_screen(ConfirmScreen("Leave the form?", body, "Leave"), answered)
