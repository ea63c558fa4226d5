"""What can be done about a verdict, each remedy with its cost in hours, steps and quality.

Before the launch and while a job waits everything can still be changed. While it runs the limit is Slurm's, and what
counts is the newest checkpoint. After a time limit the run goes on from there. What fits is held against the upper
end of the 80 % band, so that a remedy is not itself a gamble.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from websight_tui.presets import Preset, differences
from websight_tui.projection.model import Forecast, Projection, Remedy, Verdict
from websight_tui.words import duration

_ROUND_LIMIT_S: Final = 900
_WAITING: Final = frozenset({"", "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
_RUNNING: Final = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "SIGNALING", "RESIZING", "STAGE_OUT"})


class _Stage(Enum):
    WAITING = 1
    RUNNING = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class _Work:
    """What is still to be done, and what a job can do of it.

    Args:
        done, total: steps.
        step_s: seconds a step, pauses included; `safe` times as long at the upper end of the band.
        job_s: seconds that a job trains for: its limit less save-and-stop lead and start-up.
        start_up_s: job start to first step.
    """

    stage: _Stage
    preset: Preset
    done: int
    total: int
    step_s: float
    safe: float
    job_s: float
    start_up_s: float

    @property
    def left_s(self) -> float:
        return max(0, self.total - self.done) * self.step_s

    def steps_in(self, seconds: float) -> int:
        """Steps that surely fit."""
        return max(0, int(seconds / (self.step_s * self.safe))) if self.step_s > 0 else 0


def remedies(
    verdict_on: Projection | Forecast,
    preset: Preset,
    *,
    world_size: int,
    limit_s: float | None,
    others: Sequence[tuple[Preset, Forecast]] = (),
    partition_max_s: float | None = None,
    job_state: str = "",
    last_checkpoint_step: int | None = None,
    now: float | None = None,
    last_checkpoint_at: float | None = None,
    start_up_s: float = 240.0,
    saves_at_limit: bool = True,
) -> tuple[Remedy, ...]:
    """Remedies for a run that does not surely fit, the gentlest first; none for one that fits or cannot be judged.

    Args:
        verdict_on: the projection of the running segment, or the forecast before the launch.
        world_size: training processes.
        limit_s: the job's time limit in seconds; None without one (then nothing is wrong).
        others: other presets with their forecasts on the same cluster.
        partition_max_s: the longest limit that the partition allows; None if unknown or unlimited.
        job_state: Slurm's word; "" before the launch.
        last_checkpoint_step, last_checkpoint_at: the newest valid checkpoint, its time in Unix s; None without one.
        now: Unix s.
        start_up_s: job start to first step, for the jobs of a chain.
        saves_at_limit: whether the trainer saves and stops by itself before the limit.
    """
    if limit_s is None or limit_s <= 0 or verdict_on.verdict in (Verdict.FITS, Verdict.TOO_EARLY):
        return ()
    stage = _Stage.WAITING if job_state in _WAITING else _Stage.RUNNING if job_state in _RUNNING else _Stage.ENDED
    work = _work(verdict_on, preset, stage, limit_s, start_up_s, last_checkpoint_step)
    if work is None or work.step_s <= 0:
        return ()
    found: list[Remedy | None] = []
    if stage is _Stage.RUNNING and isinstance(verdict_on, Projection):
        found.append(_let_it_run(work, verdict_on, last_checkpoint_step, last_checkpoint_at, now, saves_at_limit))
        found.append(_chain(work, verdict_on))
        found.append(_save_and_stop(work, verdict_on))
    else:
        longer = _longer_limit(work, limit_s, partition_max_s)
        chain = _chain(work, None)
        found += [longer, chain] if stage is _Stage.WAITING else [chain, longer]
        found.append(_fewer_epochs(work, world_size))
    found += _other_presets(preset, verdict_on, others)
    return tuple(remedy for remedy in found if remedy is not None)


def _work(
    verdict_on: Projection | Forecast,
    preset: Preset,
    stage: _Stage,
    limit_s: float,
    start_up_s: float,
    checkpoint: int | None,
) -> _Work | None:
    job_s = max(0.0, limit_s - preset.signal_lead_s - start_up_s)
    if isinstance(verdict_on, Forecast):
        if verdict_on.seconds is None or verdict_on.seconds_80 is None or verdict_on.steps <= 0:
            return None
        step_s = max(0.0, verdict_on.seconds - start_up_s) / verdict_on.steps
        safe = verdict_on.seconds_80[1] / verdict_on.seconds if verdict_on.seconds > 0 else 1.0
        return _Work(stage, preset, 0, verdict_on.steps, step_s, safe, job_s, start_up_s)
    if verdict_on.total_s is None or verdict_on.total_s_80 is None:
        return None
    left = verdict_on.total_steps - verdict_on.step
    remaining = verdict_on.total_s - verdict_on.elapsed_s
    if left > 0 and remaining > 0:
        step_s = remaining / left
        safe = max(1.0, (verdict_on.total_s_80[1] - verdict_on.elapsed_s) / remaining)
    else:
        step_s = verdict_on.elapsed_s / max(1, verdict_on.step - verdict_on.segment_start)
        safe = 1.05
    done = verdict_on.step
    if stage is not _Stage.RUNNING:
        done = min(done, checkpoint or 0)
        step_s = step_s or (verdict_on.pace_s or 0.0)
    return _Work(stage, preset, done, verdict_on.total_steps, step_s, safe, job_s, start_up_s)


def _let_it_run(
    work: _Work,
    projection: Projection,
    checkpoint: int | None,
    checkpoint_at: float | None,
    now: float | None,
    saves_at_limit: bool,
) -> Remedy:
    at_risk = projection.step - (checkpoint or projection.segment_start)
    seconds = now - checkpoint_at if now is not None and checkpoint_at is not None else at_risk * work.step_s
    since = f"the checkpoint at {checkpoint:,}" if checkpoint else "the start of this job"
    if at_risk > 0:
        cost = f"killed now it would lose {_steps(at_risk)} ({duration(max(0.0, seconds))}) since {since}"
    else:
        cost = "nothing is lost if it is killed now"
    if projection.limit_s is not None and projection.verdict is Verdict.WILL_NOT_FIT:
        reach = projection.step + int(max(0.0, projection.limit_s - projection.elapsed_s) / work.step_s)
        reach = min(reach, projection.total_steps)
        if saves_at_limit:
            cost += f"; before the limit it saves and stops, at about step {reach:,} of {projection.total_steps:,}"
        else:
            lost = reach % work.preset.save_steps
            cost += f"; at the limit it dies at about step {reach:,} and loses {_steps(lost)}"
    return Remedy("let-it-run", "Let it run", cost)


def _save_and_stop(work: _Work, projection: Projection) -> Remedy:
    left = max(0, projection.total_steps - projection.step)
    undone = f"{_steps(left)} ({duration(left * work.step_s)}) stay undone"
    cost = f"gives the GPUs back; {undone} until it is resumed; same result then"
    return Remedy("save-and-stop", f"Save and stop at step {projection.step + 1:,}", cost, str(projection.step + 1))


def _chain(work: _Work, projection: Projection | None) -> Remedy | None:
    """As many jobs as it takes, one after the other."""
    in_a_job = work.steps_in(work.job_s)
    if in_a_job < 1:
        return None
    first = 0
    if projection is not None and projection.limit_s is not None:
        first = work.steps_in(projection.limit_s - projection.elapsed_s)
    left = work.total - work.done - first
    more = max(1, math.ceil(left / in_a_job))
    jobs = more + (projection is not None)
    hours = duration(work.left_s + more * work.start_up_s)
    again = f"{more} more start-up{'s' * (more > 1)} of {duration(work.start_up_s)}"
    if work.stage is _Stage.ENDED:
        title = f"Resume from step {work.done:,}" if work.done else "Start again from the beginning"
        title += f" in {more} jobs" if more > 1 else ""
    elif work.stage is _Stage.RUNNING:
        title = f"Go on in {more} more job{'s' * (more > 1)}"
    else:
        title = f"Take {jobs} jobs, one after the other"
    todo = _steps(max(0, work.total - work.done))
    cost = f"ends after {hours} of computing from now for {todo}, plus waiting in the queue; {again}; same result"
    return Remedy("chain", title, cost, str(jobs))


def _longer_limit(work: _Work, limit_s: float, partition_max_s: float | None) -> Remedy | None:
    needed = work.left_s * work.safe + work.start_up_s + work.preset.signal_lead_s
    limit = math.ceil(needed / _ROUND_LIMIT_S) * _ROUND_LIMIT_S
    if limit <= limit_s or (partition_max_s is not None and limit > partition_max_s):
        return None
    unsure = "" if partition_max_s is not None else ", if the partition allows it"
    todo = _steps(max(0, work.total - work.done))
    cost = f"{duration(limit - limit_s)} more than now for {todo}{unsure}; may wait longer in the queue; same result"
    title = f"Ask for {duration(limit)}"
    if work.stage is _Stage.ENDED:
        title = f"{'Resume' if work.done else 'Start again'} with a limit of {duration(limit)}"
        cost = f"one job does the rest; {cost}"
    return Remedy("longer-limit", title, cost, str(limit))


def _fewer_epochs(work: _Work, world_size: int) -> Remedy | None:
    """The most epochs that fit, to the step."""
    preset = work.preset
    if preset.max_steps is not None:
        return None  # epochs decide nothing
    per_epoch = work.total / preset.num_train_epochs if preset.num_train_epochs > 0 else 0.0
    if per_epoch <= 0:
        return None
    reached = work.done + work.steps_in(work.job_s)
    if work.stage is _Stage.ENDED and reached >= work.total:
        return None  # one job does the rest
    steps = min(reached, work.total - 1)
    epochs = math.floor(steps / per_epoch * 1000) / 1000
    if epochs <= 0 or steps <= work.done:
        return None
    steps = math.ceil(epochs * per_epoch)
    hours = duration((steps - work.done) * work.step_s + work.start_up_s)
    share = 1 - epochs / preset.num_train_epochs
    unseen = f"{1 - epochs:.0%} of the data is never seen" if epochs < 0.995 else f"{share:.0%} less training"
    if work.stage is _Stage.ENDED and work.done:
        unseen += "; the learning rate comes down faster from here"
    batch = preset.effective_batch(world_size)
    cost = f"{hours}, {steps:,} of {work.total:,} steps of {batch}; {unseen}"
    title = f"Train {epochs:g} instead of {preset.num_train_epochs:g} epochs"
    if work.stage is _Stage.ENDED and work.done:
        title = f"Resume, and end after {epochs:g} instead of {preset.num_train_epochs:g} epochs"
    return Remedy("fewer-epochs", title, cost, f"{epochs:g}")


def _other_presets(
    preset: Preset, verdict_on: Projection | Forecast, others: Sequence[tuple[Preset, Forecast]]
) -> list[Remedy]:
    """Presets of the same model that fit, the one that trains most first; at most two."""
    fitting = [
        (other, made)
        for other, made in others
        if other.name != preset.name
        and other.model_name_or_path == preset.model_name_or_path
        and made.verdict is Verdict.FITS
        and made.seconds is not None
    ]
    batch = preset.effective_batch(1)
    fitting.sort(
        key=lambda pair: (
            -pair[0].num_train_epochs,
            pair[0].effective_batch(1) != batch,
            -pair[0].lora_rank,
            pair[1].seconds or 0.0,
        )
    )
    lost = ""
    if isinstance(verdict_on, Projection) and verdict_on.step > 0:
        lost = f"; begins anew, {duration(verdict_on.elapsed_s)} of this run are lost"
    return [
        Remedy(
            "another-preset",
            f"Use the preset {other.name}",
            f"{duration(made.seconds)} for {_steps(made.steps)} ({made.basis}); {quality_words(other, preset)}{lost}",
            other.name,
        )
        for other, made in fitting[:2]
    ]


def quality_words(preset: Preset, base: Preset) -> str:
    """What changing from `base` to `preset` does to the result, in words."""
    changed = differences(preset, base)
    words = []
    if "num_train_epochs" in changed:
        ratio = preset.num_train_epochs / base.num_train_epochs
        words.append(f"{preset.num_train_epochs:g} instead of {base.num_train_epochs:g} epochs ({ratio:.0%})")
    if "lora_rank" in changed:
        size = "smaller" if preset.lora_rank < base.lora_rank else "bigger"
        words.append(f"a {size} adapter (rank {preset.lora_rank} instead of {base.lora_rank})")
    if "max_samples" in changed:
        words.append(f"at most {preset.max_samples:,} samples" if preset.max_samples else "all samples")
    if preset.effective_batch(1) != base.effective_batch(1):
        words.append("another effective batch, so not the same learning-rate scale")
    if preset.gradient_checkpointing != base.gradient_checkpointing:
        words.append("more memory" if not preset.gradient_checkpointing else "less memory")
    return ", ".join(words) or "same result expected"


def _steps(count: int) -> str:
    return f"{count:,} step" + ("" if count == 1 else "s")


def with_epochs(preset: Preset, remedy: Remedy) -> Preset:
    """`preset` with the epochs of a fewer-epochs remedy."""
    return replace(preset, num_train_epochs=float(remedy.value))
