"""The chapters of a report: what was asked for, what was said when, what ran where, what was kept."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from websight_tui import words
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.metrics.stitch import stitched_evaluations, surviving
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import Preset, differences
from websight_tui.projection.model import Forecast, Score, Verdict
from websight_tui.report.model import Cell, Facts, Marked, Section, Stretch, Table, Tone
from websight_tui.report.panels import figure
from websight_tui.runs.state import VerdictChange
from websight_tui.slurm_commands.model import Job

TONES: Final[Mapping[Verdict, Tone]] = {
    Verdict.FITS: Tone.GOOD,
    Verdict.TIGHT: Tone.WARN,
    Verdict.WILL_NOT_FIT: Tone.BAD,
    Verdict.TOO_EARLY: Tone.CALM,
}
_GROUPS: Final[Mapping[str, str]] = {
    "model_name_or_path": "Model and data",
    "lora_rank": "LoRA",
    "num_train_epochs": "Schedule",
    "bf16": "Precision and speed",
    "logging_steps": "What is kept",
    "nodes": "Resources",
}
"""The first field of each group, in the order of Preset."""
_MOST_CHECKPOINTS: Final = 12
_UNTOLD: Final = frozenset({"name", "summary", "train_samples", "tokens_per_sample"})
"""Fields that describe or only feed estimates."""


def moment(t: float | None) -> str:
    """ "23 Nov 2026 14:02:07", local time; "–" if unknown."""
    return "–" if t is None else f"{datetime.datetime.fromtimestamp(t):%-d %b %Y %H:%M:%S}"


def value_words(value: object) -> str:
    """A setting as it is written in a configuration."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else plain(str(value), 200)


def settings(preset: Preset, base: Preset | None) -> Section:
    """Every setting, in groups; those that differ from `base` marked with what they were."""
    changed = differences(preset, base) if base is not None else {}
    groups: dict[str, list[tuple[str, Cell]]] = {}
    group = ""
    for name in (name for name in Preset.__dataclass_fields__ if name not in _UNTOLD):
        group = _GROUPS.get(name, group)
        value: Cell = value_words(getattr(preset, name))
        if name in changed:
            value = Marked(f"{value} (was {value_words(changed[name][0])})", Tone.WARN)
        groups.setdefault(group, []).append((name, value))
    lead = f"Preset {preset.name}."
    if base is not None:
        count = len(changed)
        lead = f"Preset {base.name}, " + (f"{count} setting{'s' * (count != 1)} changed." if count else "unchanged.")
    return Section("Settings", lead, tuple((title, tuple(facts)) for title, facts in groups.items()))


def verdict_history(changes: Sequence[VerdictChange], begin: float | None, end: float | None, *, kept: bool) -> Section:
    """What was said when.

    Args:
        begin, end: Unix s between which the run was under way; None if unknown.
        kept: whether the changes were seen as they happened, or worked out again from the log.
    """
    if not changes:
        return Section("Verdict history", "No verdict was reached.")
    rows = tuple(
        (
            moment(change.at),
            Marked(change.verdict.value, TONES[change.verdict]),
            f"{change.step:,} of {change.total_steps:,}",
            moment(change.finish_at),
            _spare(change),
            plain(change.reason, 300),
        )
        for change in changes
    )
    lead = (
        "As this machine saw it: nothing is projected while nobody watches."
        if kept
        else "Nobody watched it; worked out again from the log, as it would have been said then."
    )
    last = max(filter(None, (end, changes[-1].at)), default=changes[-1].at)
    times = [*(change.at for change in changes), last]
    strip = tuple(
        Stretch(change.at, until, TONES[change.verdict], f"{change.verdict.value} from {moment(change.at)}")
        for change, until in zip(changes, times[1:], strict=True)
    )
    if begin is not None and begin < changes[0].at:
        strip = (Stretch(begin, changes[0].at, Tone.CALM, "not yet watched"), *strip)
    columns = ("when", "verdict", "step", "finish as projected", "to its deadline", "why")
    table = Table(columns, rows, frozenset({"step"}), frozenset({"why"}))
    if strip[-1].end <= strip[0].begin:
        return Section("Verdict history", lead, table=table)
    ends = (moment(strip[0].begin), moment(strip[-1].end))
    return Section("Verdict history", lead, strip=strip, ends=ends, table=table)


def _spare(change: VerdictChange) -> str:
    if change.finish_at is None or change.deadline is None:
        return "–"
    spare = change.deadline - change.finish_at
    return f"{words.duration(abs(spare))} {'to spare' if spare >= 0 else 'over'}"


def forecast_facts(
    forecast: Forecast | None, score: Score | None, truth_s: float | None, *, finished: bool
) -> tuple[str, Facts]:
    """(sentence, facts) that hold the forecast from before the launch against what became true."""
    if forecast is None or forecast.seconds is None:
        return "No forecast was kept from before the launch.", ()
    facts: list[tuple[str, Cell]] = [
        ("forecast", f"{words.duration(forecast.seconds)}, {forecast.verdict.value}"),
        ("80 % band", "–" if forecast.seconds_80 is None else " to ".join(map(words.duration, forecast.seconds_80))),
        ("steps", f"{forecast.steps:,}"),
        ("from", plain(forecast.basis, 200)),
        ("it took" if finished else "so far", words.duration(truth_s)),
    ]
    if score is not None:
        off = score.ratio - 1
        way = "longer" if off >= 0 else "shorter"
        lead = (
            f"It took {abs(off):.0%} {way} than forecast, " + ("inside" if score.inside else "outside") + " the band."
        )
    else:
        lead = "It finished in a way that says nothing about the forecast." if finished else "The run has not finished."
    return lead, tuple(facts)


def jobs_table(jobs: Sequence[Job]) -> Section:
    """The chain, oldest first."""
    from websight_tui.slurm_commands.words import state_words

    rows = tuple(
        (
            job.job_id,
            _state(job, plain(state_words(job), 160)),
            moment(job.start_time if job.state != "PENDING" else None),
            words.clock(_ran(job)),
            words.clock(job.time_limit_s),
            plain(job.node_list, 80) or "–",
            job.exit_code or "–",
        )
        for job in jobs
    )
    columns = ("job", "state", "started", "ran", "limit", "nodes", "exit")
    lead = "" if jobs else "No job is known."
    return Section(
        "Jobs", lead, table=Table(columns, rows, frozenset({"ran", "limit"}), frozenset({"state"})) if rows else None
    )


def _state(job: Job, shown: str) -> Cell:
    tones = {"COMPLETED": Tone.GOOD, "TIMEOUT": Tone.WARN, "FAILED": Tone.BAD, "NODE_FAIL": Tone.BAD}
    tone = tones.get(job.state, Tone.BAD if job.state == "OUT_OF_MEMORY" else None)
    return Marked(shown, tone) if tone is not None else shown


def _ran(job: Job) -> float | None:
    if job.final and job.start_time is not None and job.end_time is not None:
        return max(0.0, job.end_time - job.start_time)
    return job.elapsed_s


def environment(log: TrainingLog, extra: Sequence[tuple[str, str]] = ()) -> Section:
    """Where it ran and with what, as the trainer said at its start."""
    last = log.last
    meta: Mapping[str, Any] = last.meta if last is not None else {}
    facts = [*extra, *_hardware(log.segments), *_data(meta)]
    versions = meta.get("versions")
    if isinstance(versions, dict):
        facts += [(plain(str(name), 40), plain(str(version), 60)) for name, version in sorted(versions.items())]
    lead = "" if len(facts) > len(extra) else "The log does not say what it ran on."
    return Section("Environment", lead, (("", tuple(facts)),) if facts else ())


def _hardware(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    hosts = dict.fromkeys(str(s.meta["host"]) for s in segments if s.meta.get("host"))
    if hosts:
        facts.append(("host" if len(hosts) == 1 else "hosts", plain(", ".join(hosts), 300)))
    meta = segments[-1].meta if segments else {}
    names = meta.get("gpu_names")
    if isinstance(names, list) and names:
        kinds = dict.fromkeys(map(str, names))
        facts.append(("GPUs", plain(", ".join(f"{list(map(str, names)).count(kind)} × {kind}" for kind in kinds), 300)))
    elif names is not None:
        facts.append(("GPUs", "none"))
    if isinstance(meta.get("world_size"), (int, float)):
        facts.append(("processes", f"{meta['world_size']:g}"))
    return facts


def _data(meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = (
        ("n_train", "training rows"),
        ("n_eval", "evaluation rows"),
        ("trainable_parameters", "trainable parameters"),
        ("total_parameters", "parameters"),
    )
    return [(label, f"{meta[key]:,.0f}") for key, label in named if isinstance(meta.get(key), (int, float))]


def checkpoints(log: TrainingLog, keep: int | None) -> Section:
    """The checkpoints of all segments that still count, newest first.

    Args:
        keep: how many the trainer leaves on the disk; None if unknown.
    """
    found = {c.step: c for segment, _, limit in surviving(log) for c in segment.checkpoints if c.step <= limit}
    if not found:
        return Section("Checkpoints", "None was written.")
    evaluated = {e.step: e.loss for e in stitched_evaluations(log)}
    rows = []
    rotating = 0
    for step, saved in sorted(found.items(), reverse=True)[:_MOST_CHECKPOINTS]:
        loss = evaluated.get(step)
        final = bool(saved.path) and not saved.path.rpartition("/")[2].startswith("checkpoint-")
        rotating += not final
        kept: Cell = "–" if keep is None else "yes" if final or rotating <= keep else "rotated out"
        folder = plain(saved.path.rpartition("/")[2] or f"checkpoint-{step}", 120)
        rows.append(
            (
                f"{step:,}",
                moment(saved.t),
                words.size(saved.bytes),
                _short(saved.seconds),
                "–" if loss is None else figure(loss),
                kept,
                folder,
            )
        )
    columns = ("step", "written", "size", "took", "evaluation loss", "on disk", "folder")
    right = frozenset({"size", "took", "evaluation loss"})
    lead = f"The newest {len(rows)} of {len(found)}." if len(found) > len(rows) else ""
    return Section("Checkpoints", lead, table=_without_empty(Table(columns, tuple(rows), right)))


def _without_empty(table: Table) -> Table:
    """The table without columns of which nothing is known."""
    told = [any(row[i] != "–" for row in table.rows) for i in range(len(table.columns))]
    kept = [i for i, known in enumerate(told) if known]
    columns = tuple(table.columns[i] for i in kept)
    return Table(columns, tuple(tuple(row[i] for i in kept) for row in table.rows), table.right, table.prose)


def _short(seconds: float | None) -> str:
    return f"{seconds:.1f} s" if seconds is not None and seconds < 9.95 else words.duration(seconds)


def findings(texts: Sequence[str]) -> Section | None:
    """What was found to be wrong or odd; None if nothing was."""
    facts = tuple((str(number), plain(text, 400)) for number, text in enumerate(texts, 1))
    return Section("What was found", "", (("", facts),)) if facts else None
