"""The report of a run out of the history."""

from __future__ import annotations

from typing import Final

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset
from websight_tui.projection.model import Verdict
from websight_tui.report import sections
from websight_tui.report.looks import changes_in, looks_back
from websight_tui.report.model import Report, Section, Tile, Tone
from websight_tui.report.panels import panels_of, projection_panel
from websight_tui.report.tiles import tiles_of
from websight_tui.runs.forecasting import job_seconds, score_of
from websight_tui.runs.phase import OVER
from websight_tui.runs.projecting import projection_of
from websight_tui.runs.state import Measured, Phase, RunView
from websight_tui.sizing import sizes

_ENDS: Final = {
    Phase.FINISHED: Tone.GOOD,
    Phase.STOPPED: Tone.WARN,
    Phase.TIMEOUT: Tone.BAD,
    Phase.CANCELLED: Tone.CALM,
    Phase.FAILED: Tone.BAD,
    Phase.REJECTED: Tone.BAD,
}


def report_of_run(run: RunView, base: Preset | None, *, now: float, made: str) -> Report:
    """All that is known of `run`, without asking a cluster.

    Args:
        base: the configured preset of its name, to say what was changed.
        now: Unix s. made: when and by what the report is made, in words.
    """
    spec, preset, log = run.spec, run.spec.preset, run.log
    ours = bool(spec.token)  # of a job that was submitted elsewhere no settings are known
    truth = _seconds(run, now)
    finished = run.phase is Phase.FINISHED
    job = run.job
    looks = looks_back(log, lambda seen: projection_of(spec, job, seen, None))
    single = len(log.segments) <= 1
    panel = projection_panel(
        [projection for _, projection in looks],
        run.forecast if single else None,
        truth if finished and single else None,
        run.projection.limit_s if run.projection is not None else None,
    )
    lead, facts = sections.forecast_facts(run.forecast, run.score or score_of(run), truth, finished=finished)
    changes = run.verdicts or changes_in(looks, job.job_id if job else "")
    first = next((j.start_time for j in run.jobs if j.start_time is not None and j.state != "PENDING"), None)
    until = job.end_time if job is not None and job.final else now if job is not None and job.live else None
    chapters = [
        Section("Forecast against truth", lead, (("", facts),) if facts else (), panel=panel),
        sections.verdict_history(changes, first, until, kept=bool(run.verdicts)),
        sections.jobs_table(run.jobs),
        sections.checkpoints(log, preset.save_total_limit if ours else None),
        sections.environment(log, _place(run)),
        *([sections.settings(preset, base)] if ours else []),
    ]
    if (found := sections.findings([*run.problems, *log.notes])) is not None:
        chapters.insert(0, found)
    word, tone = _headline(run)
    return Report(
        title=plain(spec.run_id, 120),
        subtitle=" · ".join(plain(part, 80) for part in _about(run) if part),
        headline=word,
        tone=tone,
        sentences=tuple(_sentences(run, truth)),
        tiles=tuple(_tiles(run, truth)),
        panels=panels_of(log, preset.effective_batch(preset.world_size()) if ours else 0),
        sections=tuple(chapters),
        made=made,
    )


def _about(run: RunView) -> tuple[str, ...]:
    spec, job = run.spec, run.job
    if not spec.token:
        return (job.name if job is not None else "", "submitted elsewhere", spec.cluster)
    return (spec.preset.model_name_or_path, spec.preset.dataset, spec.cluster)


def _headline(run: RunView) -> tuple[str, Tone]:
    if run.phase in OVER:
        return run.phase.value.capitalize(), _ENDS[run.phase]
    if run.projection is not None:
        return run.projection.verdict.value.capitalize(), sections.TONES[run.projection.verdict]
    return run.phase.value.capitalize(), Tone.CALM


def _seconds(run: RunView, now: float) -> float | None:
    """Seconds that the run's jobs took, a running one until now."""
    if run.jobs and all(job.final for job in run.jobs):
        return job_seconds(run.jobs)
    started = [job for job in run.jobs if job.start_time is not None and job.state != "PENDING"]
    ends = [now if job.live else job.end_time or now for job in started]
    return sum(max(0.0, end - (job.start_time or end)) for job, end in zip(started, ends, strict=True)) or None


def _sentences(run: RunView, truth: float | None) -> list[str]:
    last, projection = run.log.last, run.projection
    said: list[str] = []
    if last is not None and last.total_steps:
        took = f" in {words.duration(truth)}" if truth else ""
        chain = f" over {len(run.jobs)} jobs" if len(run.jobs) > 1 else ""
        said.append(f"{last.last_step:,} of {last.total_steps:,} steps{took}{chain}.")
    elif run.phase is Phase.REJECTED:
        said.append(plain(run.outcome_text, 300) or "Slurm did not accept it.")
    else:
        said.append("No step has been trained.")
    if run.phase not in OVER and projection is not None and projection.verdict is not Verdict.TOO_EARLY:
        when = sections.moment(projection.finish_at) if projection.finish_at else words.duration(projection.total_s)
        spare = (
            None
            if projection.total_s is None or projection.limit_s is None
            else projection.limit_s - projection.total_s
        )
        margin = (
            "" if spare is None else f", {words.duration(abs(spare))} {'inside' if spare >= 0 else 'past'} its limit"
        )
        said.append(f"Projected to finish {when}{margin}.")
    limit = run.job.time_limit_s if run.job is not None else None
    if run.phase is Phase.FINISHED and truth and limit and len(run.jobs) == 1:
        said.append(f"{words.duration(abs(limit - truth))} {'inside' if truth <= limit else 'past'} its limit.")
    if run.phase in OVER and run.problems:
        said.append(plain(run.problems[-1], 300))
    elif run.phase not in OVER and projection is not None and projection.reasons:
        reason = plain(projection.reasons[0], 300)
        said.append(f"{reason[:1].upper()}{reason[1:]}.")
    return said


def _tiles(run: RunView, truth: float | None) -> list[Tile]:
    preset = run.spec.preset
    tiles = tiles_of(run.log)
    if truth:
        gpus = (preset.gpus_per_node or 0) * preset.nodes
        where = f"{truth / 3600 * gpus:,.1f} GPU hours" if gpus else "on CPU" if run.spec.token else ""
        tiles.append(Tile("time", words.duration(truth), where))
    measured = run.measured or Measured()
    if measured.accuracy is not None:
        band = "" if measured.low is None or measured.high is None else f"{measured.low:.0%} to {measured.high:.0%}, "
        tiles.insert(0, Tile("click accuracy", f"{measured.accuracy:.0%}", f"{band}{measured.rows or 0:,} rows"))
    adapter, how = measured.adapter_bytes, "on disk"
    if adapter is None and run.spec.token:
        adapter, how = sizes(preset).adapter_bytes, "computed"
    if adapter is not None:
        tiles.append(Tile("adapter", words.size(adapter), f"rank {preset.lora_rank}, {how}"))
    return tiles


def _place(run: RunView) -> tuple[tuple[str, str], ...]:
    spec, job = run.spec, run.job
    pairs = [
        ("cluster", spec.cluster),
        ("account", spec.account or (job.account if job is not None else "")),
        ("partition", spec.partition or (job.partition if job is not None else "")),
    ]
    if spec.token:
        digest = spec.config_digest()
        pairs += [("folder", spec.run_dir), ("trainer", spec.bundle[:12]), ("settings digest", digest)]
    else:
        pairs.append(("folder", job.work_dir if job is not None else ""))
    return tuple((label, plain(value, 300)) for label, value in pairs if value)
