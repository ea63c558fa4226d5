"""The form of a preset: every field, checked as it is typed, with what changes and what it comes to beside it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from websight_tui.errors import PresetError, WebsightError
from websight_tui.presets import BUILT_IN, Preset, check_field, differences, make_preset
from websight_tui.tui import keymap
from websight_tui.tui.home_rows import forecast_badge
from websight_tui.tui.present import columns
from websight_tui.tui.present_preset import bound_lines, difference_rows, forecast_lines, preset_facts
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.status_bar import StatusBar

GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("LoRA", ("lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_rslora")),
    (
        "Schedule",
        (
            "num_train_epochs",
            "max_steps",
            "use_the_time",
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "learning_rate",
            "lr_scheduler_type",
            "warmup_ratio",
            "seed",
        ),
    ),
    ("What is kept", ("save_steps", "save_total_limit", "eval_steps", "logging_steps", "report_to")),
    (
        "Resources",
        (
            "time_limit",
            "nodes",
            "gpus_per_node",
            "cpu_ranks",
            "cpus_per_task",
            "mem",
            "signal_lead_s",
            "max_jobs",
        ),
    ),
    (
        "Model and data",
        (
            "model_name_or_path",
            "template",
            "dataset_dir",
            "dataset",
            "eval_dataset",
            "cutoff_len",
            "image_max_pixels",
            "max_samples",
            "max_eval_samples",
            "test_dataset",
            "max_test_samples",
        ),
    ),
    ("Precision and speed", ("bf16", "gradient_checkpointing", "flash_attn", "deepspeed", "dataloader_num_workers")),
    ("Estimates", ("train_samples", "tokens_per_sample")),
)


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
                for title, fields in GROUPS:
                    yield Static(title, classes="group")
                    for field in fields:
                        with Horizontal(classes="row", id=f"row-{field}"):
                            yield Static(field)
                            value = typed(getattr(self._start, field))
                            yield Input(value, self._left_out(field), id=field, compact=True)
            with VerticalScroll(id="effect", can_focus=False):
                yield Static(id="changes")
        yield Static(id="problem")
        yield KeyLine()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#effect").border_title = Content(f"Differs from {self._base.name}")

    def _left_out(self, field: str) -> str:
        """What an empty field means."""
        cluster = self.wst.cluster
        return {
            "time_limit": f"{cluster.time_limit}, the cluster's",
            "gpus_per_node": f"{cluster.gpus_per_node}, the cluster's",
            "max_samples": "all",
            "max_steps": "as many as the epochs have",
            "eval_dataset": "no evaluation",
        }.get(field, "")

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
        for _, fields in GROUPS:
            for field in fields:
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
        self.query_one("#changes", Static).update(text.append("\n\n").append_text(columns(facts, palette, 10)))

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
