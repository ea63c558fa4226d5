"""What can be done about one run at this moment: the remedies of its verdict, as the run screen offers them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from websight_tui import words
from websight_tui.config import Cluster
from websight_tui.metrics.model import Checkpoint
from websight_tui.metrics.stitch import surviving
from websight_tui.presets import Preset
from websight_tui.projection.finish import judge
from websight_tui.projection.model import Forecast, Projection, Remedy, Verdict
from websight_tui.projection.remedies import remedies
from websight_tui.runs.phase import OVER, RESUMABLE
from websight_tui.runs.state import Phase, RunView
from websight_tui.slurm_commands.times import parse_duration
from websight_tui.tui.present import foreign, live_projection, margin_words

_ROUND_LIMIT_S: Final = 900
_BAD: Final = (Verdict.TIGHT, Verdict.WILL_NOT_FIT)

ForecastOf = Callable[[Preset], Forecast | None]
"""The forecast of a preset on the run's cluster; None while it cannot be made."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the list shows.

    Args:
        words: where the run stands, in a line.
        remedies: the gentlest first. Kinds beside the verdict's own, from the newest checkpoint: resume (in so many
            jobs), resume-longer (under a limit of so many seconds), resume-shorter (with so many epochs in all); and
            ask-administrators (a longer limit of a running job; its value is the whole new limit in seconds).
    """

    words: str
    remedies: tuple[Remedy, ...] = ()


def wants_remedy(run: RunView) -> bool:
    """Whether the run does not surely fit, or has stopped before its end."""
    projection = live_projection(run)
    if projection is not None:
        return projection.verdict in _BAD
    return run.phase in RESUMABLE and not foreign(run)


def newest_checkpoint(run: RunView) -> Checkpoint | None:
    """The last checkpoint of the steps that still count; None without one."""
    saved = [c for segment, _, limit in surviving(run.log) for c in segment.checkpoints if c.step <= limit]
    return max(saved, key=lambda c: c.step, default=None)


def offer(
    run: RunView,
    cluster: Cluster,
    presets: Mapping[str, Preset],
    forecast_of: ForecastOf,
    now: float,
    *,
    partition_max_s: float | None = None,
) -> Offer:
    """What can be done about `run`.

    Args:
        cluster: where it runs.
        presets: all that could be launched instead.
        now: Unix s.
        partition_max_s: the longest limit that its partition allows; None if not known or unlimited.
    """
    if run.phase in (Phase.FINISHED, Phase.REJECTED, Phase.SUBMITTING, Phase.UNKNOWN):
        return Offer(_SETTLED[run.phase])
    if run.phase in OVER:
        return _ended(run, cluster, presets, forecast_of, partition_max_s)
    if run.phase in (Phase.PENDING, Phase.STARTING) and (run.job is None or run.job.state != "RUNNING"):
        return _waiting(run, cluster, presets, forecast_of, partition_max_s)
    return _running(run, cluster, presets, forecast_of, now)


_SETTLED: Final = {
    Phase.FINISHED: "It has finished: nothing is left to do.",
    Phase.REJECTED: "Slurm did not take it, so nothing runs. Change the settings and launch it again.",
    Phase.SUBMITTING: "It is still being submitted.",
    Phase.UNKNOWN: "Whether it was submitted is not known yet; the queue is searched for it.",
}


def limit_of(run: RunView, cluster: Cluster) -> float | None:
    """Seconds that one job of the run may take: its own limit, else the preset's or the cluster's."""
    if run.job is not None and run.job.time_limit_s is not None:
        return float(run.job.time_limit_s)
    return parse_duration(run.spec.preset.time_limit or cluster.time_limit)


def _others(
    run: RunView, presets: Mapping[str, Preset], forecast_of: ForecastOf, *, whole: bool = True
) -> list[tuple[Preset, Forecast]]:
    if foreign(run) or not whole:
        return []
    pairs = [(preset, forecast_of(preset)) for preset in presets.values() if preset.name != run.spec.preset.name]
    return [(preset, made) for preset, made in pairs if made is not None]


def _waiting(
    run: RunView,
    cluster: Cluster,
    presets: Mapping[str, Preset],
    forecast_of: ForecastOf,
    partition_max_s: float | None,
) -> Offer:
    preset, limit = run.spec.preset, limit_of(run, cluster)
    made = None if foreign(run) else run.forecast or forecast_of(preset)
    if made is None or made.seconds is None:
        return Offer("It waits in the queue, and no forecast can be made of it.")
    saved = newest_checkpoint(run)
    if saved is not None:
        made = _rest_of(made, saved.step)
    if limit is not None:
        limit_s = max(0.0, limit - preset.signal_lead_s)
        made = replace(made, limit_s=limit_s, verdict=judge(made.seconds or 0.0, made.seconds_80, limit_s))
    found = remedies(
        made,
        preset,
        world_size=preset.world_size(cluster.gpus_per_node),
        limit_s=limit,
        others=_others(run, presets, forecast_of, whole=saved is None),
        partition_max_s=partition_max_s,
        job_state="PENDING",
    )
    if saved is not None:  # epochs of the whole run are not what is left of it
        found = tuple(remedy for remedy in found if remedy.kind != "fewer-epochs")
    said = f"{made.verdict.value}: {words.duration(made.seconds)} forecast, {words.duration(made.limit_s)} to train in."
    return Offer(_sentence(said), found)


def _rest_of(made: Forecast, done: int) -> Forecast:
    """The forecast of what is left after `done` steps."""
    share = max(0, made.steps - done) / made.steps if made.steps else 0.0
    seconds = None if made.seconds is None else made.seconds * share
    band = None if made.seconds_80 is None else (made.seconds_80[0] * share, made.seconds_80[1] * share)
    return replace(made, steps=max(0, made.steps - done), seconds=seconds, seconds_80=band)


def _running(
    run: RunView, cluster: Cluster, presets: Mapping[str, Preset], forecast_of: ForecastOf, now: float
) -> Offer:
    projection = run.projection
    if projection is None or projection.verdict is Verdict.TOO_EARLY:
        return Offer("It is too early to say whether it fits. Look again after a few more logged steps.")
    margin = margin_words(projection)
    said = _sentence(f"{projection.verdict.value}{f': {margin}' if margin else ''}.")
    if projection.verdict not in _BAD:
        return Offer(f"{said} Nothing needs to be done.")
    saved, job = newest_checkpoint(run), run.job
    found = remedies(
        projection,
        _countable(run, projection),
        world_size=run.spec.preset.world_size(cluster.gpus_per_node),
        limit_s=limit_of(run, cluster),
        others=_others(run, presets, forecast_of),
        job_state=job.state if job is not None else "RUNNING",
        last_checkpoint_step=saved.step if saved is not None else None,
        last_checkpoint_at=saved.t if saved is not None else None,
        now=now,
        saves_at_limit=not foreign(run),
    )
    if foreign(run):  # a signal could kill a job of others, and nothing is known of how it was launched
        found = tuple(remedy for remedy in found if remedy.kind == "let-it-run")
    return Offer(said, (*found, *_ask_administrators(run, projection)))


def _countable(run: RunView, projection: Projection) -> Preset:
    """The run's preset; of a foreign job with the distance of its checkpoints in place of the unknown one."""
    preset = run.spec.preset
    if preset.save_steps > 0:
        return preset
    saved = sorted({c.step for segment in run.log.segments for c in segment.checkpoints})
    every = saved[-1] - saved[-2] if len(saved) > 1 else saved[0] if saved else projection.total_steps + 1
    return replace(preset, save_steps=max(1, every))


def _ask_administrators(run: RunView, projection: Projection) -> tuple[Remedy, ...]:
    """A running job's limit is raised by administrators alone."""
    job = run.job
    if job is None or job.time_limit_s is None or projection.limit_s is None or projection.total_s_80 is None:
        return ()
    more = projection.total_s_80[1] - projection.limit_s
    limit = math.ceil((job.time_limit_s + more) / _ROUND_LIMIT_S) * _ROUND_LIMIT_S
    if limit <= job.time_limit_s:
        return ()
    cost = f"{words.duration(limit - job.time_limit_s)} more than now; only they can raise it while the job runs"
    return (Remedy("ask-administrators", f"Ask the administrators for {words.duration(limit)}", cost, str(limit)),)


_FROM_CHECKPOINT: Final = {"chain": "resume", "longer-limit": "resume-longer", "fewer-epochs": "resume-shorter"}
"""What resuming from a checkpoint can be: in as many jobs as it takes, under a longer limit, or with fewer epochs."""


def _ended(
    run: RunView,
    cluster: Cluster,
    presets: Mapping[str, Preset],
    forecast_of: ForecastOf,
    partition_max_s: float | None,
) -> Offer:
    said = _sentence(f"{run.phase.value}.")
    if foreign(run):
        return Offer(f"{said} It was not submitted by this app, so it cannot be resumed from here.")
    saved, projection, preset = newest_checkpoint(run), run.projection, run.spec.preset
    limit, world = limit_of(run, cluster), preset.world_size(cluster.gpus_per_node)
    made = forecast_of(preset)
    found: list[Remedy] = []
    if projection is not None:
        from_here = remedies(
            projection,
            preset,
            world_size=world,
            limit_s=limit,
            job_state=run.job.state if run.job is not None else "FAILED",
            last_checkpoint_step=saved.step if saved is not None else None,
            partition_max_s=partition_max_s,
        )
        kinds = _FROM_CHECKPOINT if saved is not None else {"chain": "resume", "longer-limit": "resume-longer"}
        found += [replace(remedy, kind=kinds[remedy.kind]) for remedy in from_here if remedy.kind in kinds]
    if not any(remedy.kind == "resume" for remedy in found):
        found.insert(0, _resume(run, saved))
    if made is not None:  # another launch begins anew, whatever was trained
        anew = remedies(made, preset, world_size=world, limit_s=limit, others=_others(run, presets, forecast_of))
        lost = f"; begins anew, the {saved.step:,} steps saved are not used" if saved is not None else ""
        found += [
            replace(remedy, cost=remedy.cost + lost)
            for remedy in anew
            if remedy.kind == "another-preset" or (remedy.kind == "fewer-epochs" and saved is None)
        ]
    where = f"the checkpoint at step {saved.step:,} is the newest" if saved is not None else "no checkpoint was saved"
    return Offer(f"{said} {_sentence(where)}.", tuple(found))


def _resume(run: RunView, saved: Checkpoint | None) -> Remedy:
    title = f"Resume from step {saved.step:,}" if saved is not None else "Start again from the beginning"
    pace = run.projection.pace_s if run.projection is not None else None
    left = max(0, run.total_steps - (saved.step if saved is not None else 0))
    cost = "one more job"
    if left:
        cost += f" for the {left:,} steps left"
        cost += f", about {words.duration(left * pace)}" if pace else ""
    return Remedy("resume", title, f"{cost}, plus waiting in the queue; same result", "1")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
