"""The review before a launch, the submission itself, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, ScrollableContainer, VerticalScroll
from textual.widgets import Footer, Static

from websight_tui import words
from websight_tui.errors import WebsightError
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset
from websight_tui.runs.events import ActionDone
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import Link, Outcome, RunView
from websight_tui.tui import keymap
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.home_rows import forecast_badge
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import bar, columns
from websight_tui.tui.present_preset import batch_words, difference_rows, forecast_lines
from websight_tui.tui.screens.base import StateScreen
from websight_tui.tui.widgets.status_bar import StatusBar


class LaunchScreen(StateScreen[None]):
    """Enter submits `preset`; a refusal keeps everything, to be changed and sent again."""

    BINDINGS: ClassVar[list[BindingType]] = list(keymap.LAUNCH)

    def __init__(self, preset: Preset, base: Preset) -> None:
        super().__init__()
        self._preset, self._base = preset, base
        self._plan: LaunchPlan | None = None
        self._problem = ""
        self._sent = False

    def compose(self) -> ComposeResult:
        yield StatusBar(banner=self.wst.banner)
        with Container(id="columns"):
            with VerticalScroll(id="plan") as plan:
                plan.border_title = "Launch"
                yield Static(id="what")
            with ScrollableContainer(id="script") as script:
                script.border_title = "Job script"
                yield Static(id="text")
        yield Static(id="outcome")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._make_plan()
        self.query_one("#plan").focus()

    def _make_plan(self) -> None:
        self._sent = False
        try:
            self._plan = self.wst.plan(self._preset, self._base)
            self._problem = ""
        except WebsightError as exc:
            self._plan, self._problem = None, f"{exc.message}. {exc.hint}"

    @property
    def run(self) -> RunView | None:
        """The run as submitted, once its intent is on record."""
        return self.state.runs.get(self._plan.spec.run_id) if self._plan is not None and self._sent else None

    def update_view(self) -> None:
        palette, plan = self.palette, self._plan
        if plan is None:
            self._say(self._problem, palette.bad)
            return
        self.query_one("#text", Static).update(Text(plan.script, no_wrap=True))
        self.query_one("#what", Static).update(plan_text(plan, self._base, palette, link=self._link))
        run = self.run
        if run is None:
            self._say("", "")
        elif run.outcome is Outcome.ACCEPTED:
            self.wst.switch_screen(self._run_screen(run.spec.run_id))
        elif run.outcome is Outcome.REJECTED:
            text = f"{glyph('warning')} Not accepted. {plain(run.outcome_text)}"
            self._say(f"{text}\nNothing was queued: e edits, Enter sends it again.", palette.bad)
        elif run.outcome is Outcome.UNKNOWN:
            self._say(
                f"? Not known whether the job exists. {plain(run.outcome_text)}\nIt is not sent a second time. The "
                "queue is searched for its token as soon as the cluster answers; Esc leaves, the search goes on.",
                palette.warn,
            )
        else:
            share = run.stage_done / run.stage_total if run.stage_total else 0.0
            self._say("", "", progress=(run.stage or "preparing", share, run.stage_done, run.stage_total))

    @property
    def _link(self) -> Link:
        view = self.wst.cluster_view
        return view.link if view is not None else Link.OFFLINE

    def _run_screen(self, run_id: str) -> StateScreen[None]:
        from websight_tui.tui.screens.run import RunScreen

        return RunScreen(run_id)

    def _say(self, text: str, colour: str, *, progress: tuple[str, float, int, int] | None = None) -> None:
        said = Text(text, style=colour)
        if progress is not None:
            stage, share, done, total = progress
            said = Text().append(f"{glyph('arrow')} {plain(stage, 80)}  ", style=self.palette.accent)
            if total:
                said.append_text(bar(share, 30, self.palette.accent, self.palette))
                said.append(f"  {words.size(done)} of {words.size(total)}", style=self.palette.faint)
        outcome = self.query_one("#outcome", Static)
        outcome.update(said)
        outcome.set_class(bool(said.plain), "-shown")

    def take_events(self, events: object) -> None:
        for event in events if isinstance(events, (tuple, list)) else ():
            if isinstance(event, ActionDone) and event.action == "submit" and not event.ok and self._sent:
                self._make_plan()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        run = self.run
        waiting = self._sent and (run is None or run.outcome is Outcome.INTENT)
        unknown = run is not None and run.outcome is Outcome.UNKNOWN
        if action == "submit":
            return self._plan is not None and not waiting and not unknown
        return not waiting if action == "edit" else True

    def action_submit(self) -> None:
        if self._link is not Link.ONLINE:
            self.notify(
                f"Not connected to {self.wst.cluster_name}. Press s to connect.", severity="warning", markup=False
            )
            return
        if self.run is not None:
            self._make_plan()
        if (plan := self._plan) is not None:
            self._sent = True
            self.wst.controller.ask(lambda engine: engine.submit(plan))
            self.refresh_bindings()

    def action_edit(self) -> None:
        self.app.pop_screen()
        self.wst.edit(self._preset, self._base)

    def action_back(self) -> None:
        self.app.pop_screen()


def plan_text(plan: LaunchPlan, base: Preset, palette: Palette, *, link: Link = Link.ONLINE) -> Text:
    """What a launch will do, in words."""
    spec, preset = plan.spec, plan.spec.preset
    gpus = (preset.gpus_per_node or 0) * preset.nodes
    world = preset.world_size()
    epochs = f"{preset.num_train_epochs:g} epoch{'s' * (preset.num_train_epochs != 1)}"
    steps = f"{preset.total_steps(world):,} steps"
    if gpus:
        resources = f"{gpus} GPU{'s' * (gpus != 1)} on {preset.nodes} node{'s' * (preset.nodes != 1)}"
    else:
        resources = f"CPU, {preset.cpus_per_task} core{'s' * (preset.cpus_per_task != 1)}"
    where = Text(spec.cluster)
    if link is not Link.ONLINE:
        where.append(f", {link.value}", style=palette.warn)
    pairs: list[tuple[str, Text | str]] = [
        ("preset", Text(preset.name, style="bold")),
        ("model", preset.model_name_or_path),
        ("LoRA", f"rank {preset.lora_rank}, alpha {preset.lora_alpha}"),
        ("training", f"{epochs}, {steps}, {batch_words(preset, world)}"),
        ("", ""),
        ("cluster", where),
        ("account", spec.account or "the cluster's default"),
        ("partition", spec.partition or "the cluster's default"),
        ("resources", resources),
        ("limit", f"{preset.time_limit}, saves and stops {words.duration(preset.signal_lead_s)} before"),
        ("folder", spec.run_dir),
    ]
    total = sum(size for _, size in plan.upload)
    files = f"{len(plan.upload)} files, {words.size(total)}"
    pairs.append(("upload", f"{files}, if not there yet" if plan.upload else "nothing"))
    text = Text(no_wrap=True, overflow="ellipsis").append_text(forecast_badge(plan.forecast, palette))
    for line in forecast_lines(plan.forecast, palette):
        text.append("\n").append_text(line)
    text.append("\n\n").append_text(columns(pairs, palette, 10))
    heading = f"\n\ndiffers from {base.name}\n" if plan.differences else "\n\n"
    text.append(heading, style=palette.faint)
    return text.append_text(difference_rows(plan.differences, palette))
