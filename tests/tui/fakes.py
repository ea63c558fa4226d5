"""An engine that does nothing by itself: tests and pictures tell it what to say, in the real events."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from websight_tui.config import Cluster, Config, parse_config
from websight_tui.metrics.model import Checkpoint, Evaluation, Segment, TrainingLog
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast, Projection, Verdict
from websight_tui.remote.port import Prompter
from websight_tui.runs import events as e
from websight_tui.runs.bounds import partition_max
from websight_tui.runs.looking_through import Wish
from websight_tui.runs.plan import LaunchPlan, plan_launch
from websight_tui.runs.saved_work.checkpoints import Saved, Whole
from websight_tui.runs.state import Evaluation as Clicks
from websight_tui.runs.state import Link, LogTail, Measured, Outcome, RunView, Sweep, VerdictChange
from websight_tui.runs.sweeps.planning import variants
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.site import NOT_KNOWN, Layout

NOW = 1_795_500_000.0
CONFIG = """
[clusters.hai]
host = "hai"
account = "ingrai"
partition = "hai"
"""


def config(path: object = None) -> Config:
    return parse_config(CONFIG, Path(str(path or "/nowhere/config.toml")))


@dataclass
class FakeEngine:
    """Keeps what it was asked for in `calls`; `tell(event…)` speaks."""

    emit: Callable[[e.Event], None]
    calls: list[tuple[object, ...]] = field(default_factory=list)
    on_load: tuple[e.Event, ...] = ()
    saved: tuple[Saved, ...] = (
        Saved(400, Whole.COMPLETE, 1_047_000_000, NOW - 1170),
        Saved(200, Whole.COMPLETE, 1_047_000_000, NOW - 5070),
    )
    plans: list[LaunchPlan] = field(default_factory=list)
    prompter: Prompter | None = None
    on_preflight: Callable[[FakeEngine, LaunchPlan], None] | None = None
    on_submit: Callable[[FakeEngine, LaunchPlan], None] | None = None

    def tell(self, *events: e.Event) -> None:
        for event in events:
            self.emit(event)

    def load(self) -> None:
        self.tell(*self.on_load)

    def configure(self, config: Config) -> None:
        self.calls.append(("configure", tuple(config.clusters)))

    def connect(self, cluster: str, prompter: Prompter | None = None) -> None:
        self.calls.append(("connect", cluster))
        self.prompter = prompter

    def disconnect(self, cluster: str) -> None:
        self.calls.append(("disconnect", cluster))

    def explore(self, cluster: str) -> None:
        self.calls.append(("explore", cluster))

    def examine(self, plan: LaunchPlan) -> None:
        self.calls.append(("examine", plan.spec.run_id))
        self.plans.append(plan)

    def preflight(self, plan: LaunchPlan) -> None:
        self.calls.append(("preflight", plan.spec.run_id))
        if self.on_preflight is not None:
            self.on_preflight(self, plan)

    def submit(self, plan: LaunchPlan) -> None:
        self.calls.append(("submit", plan.spec.run_id))
        self.plans.append(plan)
        if self.on_submit is not None:
            self.on_submit(self, plan)

    def submit_sweep(self, sweep: Sweep) -> None:
        self.calls.append(("submit_sweep", sweep))

    def measure(self, run_ids: Sequence[str]) -> None:
        self.calls.append(("measure", tuple(run_ids)))

    def evaluate(self, run_ids: Sequence[str]) -> None:
        self.calls.append(("evaluate", tuple(run_ids)))

    def count_jobs(self, cluster: str) -> None:
        self.calls.append(("count_jobs", cluster))

    def cancel(self, run_id: str) -> None:
        self.calls.append(("cancel", run_id))

    def cancel_sweep(self, sweep: Sweep) -> None:
        self.calls.append(("cancel_sweep", sweep.sweep_id))

    def cancel_job(self, cluster: str, job_id: str) -> None:
        self.calls.append(("cancel_job", cluster, job_id))

    def watch_job(self, cluster: str, job_id: str) -> str:
        self.calls.append(("watch_job", cluster, job_id))
        return f"{cluster}:{job_id}"

    def requeue(self, run_id: str) -> None:
        self.calls.append(("requeue", run_id))

    def resume(self, run_id: str, changes: Mapping[str, object] | None = None) -> None:
        self.calls.append(("resume", run_id, dict(changes)) if changes else ("resume", run_id))

    def set_max_jobs(self, run_id: str, jobs: int) -> None:
        self.calls.append(("set_max_jobs", run_id, jobs))

    def hold(self, run_id: str) -> None:
        self.calls.append(("hold", run_id))

    def release(self, run_id: str) -> None:
        self.calls.append(("release", run_id))

    def save_and_stop(self, run_id: str) -> None:
        self.calls.append(("save_and_stop", run_id))

    def set_time_limit(self, run_id: str, seconds: int) -> None:
        self.calls.append(("set_time_limit", run_id, seconds))

    def look_at_saved(self, run_id: str) -> None:
        self.calls.append(("look_at_saved", run_id))
        self.tell(e.SavedSeen(run_id, self.saved, NOW))

    def fetch(self, run_id: str, step: int | None, folder: Path) -> None:
        self.calls.append(("fetch", run_id, step, folder))

    def stop_fetch(self, run_id: str) -> None:
        self.calls.append(("stop_fetch", run_id))

    def look_through(self, run_id: str, wish: Wish) -> None:
        self.calls.append(("look_through", run_id, wish))

    def stop_look(self, run_id: str) -> None:
        self.calls.append(("stop_look", run_id))

    def save_log(self, run_id: str, targets: Mapping[str, Path]) -> None:
        self.calls.append(("save_log", run_id, dict(targets)))

    def stop_save(self, run_id: str) -> None:
        self.calls.append(("stop_save", run_id))

    def try_picture(self, run_id: str, step: int | None, picture: Path, prompt: str) -> None:
        self.calls.append(("try_picture", run_id, step, picture, prompt))

    def merge(self, run_id: str, step: int | None) -> None:
        self.calls.append(("merge", run_id, step))

    def hide(self, run_id: str) -> None:
        self.calls.append(("hide", run_id))

    def unhide(self, run_id: str) -> None:
        self.calls.append(("unhide", run_id))

    def focus(self, run_id: str | None) -> None:
        self.calls.append(("focus", run_id))

    def set_visible(self, visible: bool) -> None:
        self.calls.append(("visible", visible))

    def refresh(self, cluster: str) -> None:
        self.calls.append(("refresh", cluster))

    def close(self) -> None:
        self.calls.append(("close",))


class FakePlanner:
    """The real plan, with a forecast that does not depend on the cost model."""

    def plan(self, config: Config, cluster: Cluster, preset: Preset, base: Preset, now: float) -> LaunchPlan:
        return plan_launch(config, cluster, preset, base, now=now, forecast=self.forecast(cluster, preset))

    layouts: Mapping[str, Layout] = {}

    def learn(self, runs: object, layouts: Mapping[str, Layout]) -> None:
        self.layouts = layouts

    def forecast(self, cluster: Cluster, preset: Preset, samples: int | None = None) -> Forecast:
        steps = preset.total_steps(preset.world_size(cluster.gpus_per_node), samples)
        seconds = steps * 19.5 * (0.9 + preset.lora_rank / 320)
        most = partition_max(cluster, self.layouts.get(cluster.name, NOT_KNOWN))
        limit = min(8 * 3600, most or 8 * 3600) - 300.0
        verdict = Verdict.FITS if seconds * 1.15 < limit else Verdict.TIGHT if seconds < limit else Verdict.WILL_NOT_FIT
        return Forecast(
            preset.name,
            steps,
            seconds,
            (seconds * 0.85, seconds * 1.25),
            limit,
            verdict,
            "no run of yours yet: cost model",
        )


def training_log(
    steps: int,
    total: int,
    *,
    pace: float = 19.5,
    begun: float = NOW - 9000,
    seed: int = 7,
    every: int = 10,
    floor: float = 0.42,
) -> TrainingLog:
    """A loss curve as LoRA runs have it, with evaluations and checkpoints."""
    noise, steady = random.Random(seed), random.Random(seed + 1)
    log, segment = TrainingLog(), Segment(total_steps=total, started_at=begun)
    for step in range(every, steps + 1, every):
        share = step / total
        segment.columns.append(
            step=step,
            t=begun + step * pace,
            elapsed=step * pace,
            epoch=share,
            loss=2.36 * math.exp(-step / (total * 0.055)) + floor + 0.12 * (1 - share) + noise.gauss(0, 0.035),
            lr=5e-5 * min(1.0, step / (0.05 * total)) * 0.5 * (1 + math.cos(math.pi * share)),
            grad_norm=abs(1.1 + 2.2 * math.exp(-step / (total * 0.08)) + noise.gauss(0, 0.18)),
            tokens=step * 64 * 1480.0 + steady.gauss(0, 9000),
            memory=61.3e9 if step < 60 else 66.8e9,
            utilization=round(min(100.0, 93 + steady.gauss(0, 2.5))),
        )
    segment.checkpoints = [
        Checkpoint(s, f"out/checkpoint-{s}", t=begun + s * pace, seconds=6.0, bytes=1_047_000_000)
        for s in range(200, steps + 1, 200)
    ]
    segment.evaluations = [
        Evaluation(s, loss=floor + 0.1 + 2 * math.exp(-s / (total * 0.06)))
        for s in range(total // 5, steps + 1, total // 5)
    ]
    log.segments.append(segment)
    log.version = steps
    return log


def projection(
    steps: int, total: int, verdict: Verdict, *, pace: float = 19.5, now: float = NOW, over: float = 1.0
) -> Projection:
    begun = now - steps * pace
    seconds = total * pace * over
    limit = 8 * 3600.0 - 300
    reasons = {
        Verdict.FITS: "the whole band ends before the deadline; pace steady over the last 300 steps",
        Verdict.TIGHT: "the deadline is inside the band; one more evaluation is still to come",
        Verdict.WILL_NOT_FIT: "even the fast end of the band is past the deadline",
        Verdict.TOO_EARLY: "3 usable lines so far, 4 are needed",
    }
    early = verdict is Verdict.TOO_EARLY
    return Projection(
        steps,
        total,
        0,
        steps * pace,
        None if early else seconds,
        None if early else (seconds * 0.98, seconds * 1.03),
        None if early else (seconds * 0.95, seconds * 1.06),
        limit,
        verdict,
        (reasons[verdict],),
        None if early else begun + seconds,
        begun + limit,
        None if early else pace,
    )


def spec(preset: Preset, run_id: str, *, created: float = NOW - 9200, cluster: str = "hai") -> RunSpec:
    filled = replace(preset, gpus_per_node=preset.gpus_per_node or 8, time_limit=preset.time_limit or "8:00:00")
    return RunSpec(
        run_id, "wst-00112233aabb", created, cluster, filled, "/home/alice/websight-v2", "0f3c", "ingrai", "hai"
    )


def job(
    job_id: str,
    state: str = "RUNNING",
    *,
    started: float | None = NOW - 9000,
    reason: str = "",
    name: str = "wst-00112233aabb-rank32",
    final: bool = False,
) -> Job:
    return Job(
        job_id,
        name=name,
        user="alice",
        account="ingrai",
        partition="hai",
        state=state,
        reason=reason,
        submit_time=NOW - 9200,
        start_time=started,
        end_time=started + 8 * 3600 if started else None,
        time_limit_s=8 * 3600,
        elapsed_s=int(NOW - started) if started else 0,
        nodes=1,
        node_list="hai-07" if started else "",
        final=final,
    )


def running(
    preset: Preset, run_id: str, steps: int, total: int, verdict: Verdict, job_id: str, **more: object
) -> RunView:
    seed = int(job_id)
    log = training_log(steps, total, begun=NOW - steps * 19.5, seed=seed, floor=0.36 + seed % 7 * 0.03)
    c = log.segments[0].columns
    lines = tuple(
        f"{{'loss': '{c.loss[i]:.4f}', 'grad_norm': '{c.grad_norm[i]:.3f}', "
        f"'learning_rate': '{c.lr[i]:.3e}', 'epoch': '{c.epoch[i]:.2f}'}}"
        for i in range(len(c))
    )
    return RunView(
        spec(preset, run_id),
        Outcome.ACCEPTED,
        jobs=(job(job_id, started=NOW - steps * 19.5),),
        log=log,
        log_version=log.version,
        stdout=LogTail(lines, 0, 12345),
        stderr=LogTail(("[W] tokenizers: fork after use", "0it [00:00, ?it/s]")),
        projection=projection(steps, total, verdict, **more),  # type: ignore[arg-type]
    )


def judged(job_id: str) -> tuple[VerdictChange, ...]:
    """How the verdict of a run of 1,110 steps changed on a slow morning."""
    deadline = NOW + 19_000
    said = (
        (30, Verdict.TOO_EARLY, None, "30 steps tell little: the band reaches from 5 to 9 hours"),
        (80, Verdict.TIGHT, deadline - 600, "the limit lies within the band of 80 %"),
        (
            120,
            Verdict.WILL_NOT_FIT,
            deadline + 2_500,
            "the last 40 steps took 27 s each, as many again will",
        ),
        (210, Verdict.FITS, deadline - 5_800, "the pace is back at 19.5 s a step"),
    )
    return tuple(
        VerdictChange(NOW - (460 - step) * 19.5, verdict, job_id, step, 1110, finish, deadline, reason)
        for step, verdict, finish, reason in said
    )


def story(cfg: Config) -> tuple[e.Event, ...]:
    """A busy afternoon on a cluster, for pictures."""
    presets = cfg.presets
    live = running(presets["rank32"], "rank32-261123-140212-9f3a", 460, 1110, Verdict.FITS, "48213")
    live = replace(live, verdicts=judged("48213"))
    tight = running(presets["batch6"], "batch6-261123-150640-11c0", 300, 1480, Verdict.TIGHT, "48220")
    done = running(presets["rank16"], "rank16-261122-091500-77de", 1110, 1110, Verdict.FITS, "47980")
    done.log.segments[0].end = "finished"
    done = replace(
        done,
        spec=replace(done.spec, created_at=NOW - 90_000),
        jobs=(replace(job("47980", "COMPLETED", started=NOW - 90_000), exit_code="0:0", final=True),),
    )
    lost = running(presets["baseline"], "baseline-261121-220100-c0de", 900, 3906, Verdict.WILL_NOT_FIT, "47801")
    lost = replace(
        lost,
        spec=replace(lost.spec, created_at=NOW - 170_000),
        jobs=(replace(job("47801", "TIMEOUT", started=NOW - 170_000), final=True),),
        problems=("Ended by its time limit at step 900 of 3,906. Resume it: it goes on from step 800.",),
    )
    queue = (
        job("48213", started=NOW - 460 * 19.5),
        job("48220", started=NOW - 300 * 19.5),
        replace(job("48231", "PENDING", started=None, reason="Priority", name="eval-sweep"), start_time=NOW + 5400),
    )
    return (
        e.LinkChanged("local", Link.OFFLINE, NOW),
        e.RunLoaded(lost),
        e.RunLoaded(done),
        e.RunLoaded(live),
        e.RunLoaded(tight),
        e.LinkChanged("hai", Link.ONLINE, NOW, "alice@login.hai.example.edu"),
        e.QueueSeen("hai", queue, NOW - 4),
        e.PollPlanned("hai", NOW + 10, 4.0, NOW),
    )


def swept(cfg: Config) -> tuple[e.Event, ...]:
    """A sweep in the middle: three finished, two of them measured; one under way, one waiting, one never submitted."""
    base = cfg.presets["rank32"]
    chosen = variants([base], {"lora_rank": [8, 16, 32], "num_train_epochs": [0.5, 1.0]})
    runs: list[RunView] = []
    for n, variant in enumerate(chosen):
        preset = variant.preset
        total = preset.total_steps(8)
        steps = (total, total, total, 640, 0, 0)[n]
        run = running(preset, f"{preset.name}-261123-1{n}0000-9f3{n}", steps, total, Verdict.FITS, f"4830{n}")
        started = NOW - 3600 * (8 - n)
        if n < 3:
            run.log.segments[0].end = "finished"
            ended = replace(job(f"4830{n}", "COMPLETED", started=started, final=True), end_time=started + total * 20.0)
            shares = ((0.58, 0.55, 0.61), (0.71, 0.68, 0.74), None)[n]
            size = 43_700_000 * 2 ** (preset.lora_rank // 16)
            done = Measured(size, *(shares or (None, None, None)), 500 if shares else None, evaluation=Clicks.DONE)
            asking = replace(done, evaluation=Clicks.RUNNING, asked=120, to_ask=500)
            run = replace(run, jobs=(ended,), measured=replace(done if shares else asking, attempt=1))
        elif n == 4:
            waiting = job(f"4830{n}", "PENDING", started=None, reason="Priority")
            run = replace(run, jobs=(waiting,), log=TrainingLog(), projection=None)
        run = replace(run, spec=replace(run.spec, evaluate=True))
        runs.append(replace(run, forecast=FakePlanner().forecast(cfg.clusters["hai"], preset)))
    sweep = Sweep("sweep-261123-100000-5b1e", "hai", NOW - 30_000, tuple(run.spec for run in runs))
    return (e.SweepLoaded(sweep), *(e.RunLoaded(run) for run in runs[:5]))
