"""Rows and facts of the home screen: runs and jobs as cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import AppState, ClusterView, Link, Phase, RunView
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.present import (
    JOB_SYMBOLS,
    bar,
    connecting_bar,
    elapsed_s,
    foreign,
    latest,
    left_s,
    live_projection,
    progress_of,
    verdict_text,
    wrapped,
)
from websight_tui.tui.present_preset import hours
from websight_tui.tui.widgets.table import Cell, Column

if TYPE_CHECKING:
    from websight_tui.config import Cluster
    from websight_tui.projection.model import Forecast
    from websight_tui.slurm_commands.model import Job

PRESET_COLUMNS: Final = (
    Column("number", "", 1, 9),
    Column("name", "preset", 10, 10, flex=True),
    Column("lora", "rank/α", 6, 5, right=True),
    Column("epochs", "epochs", 6, 4, right=True),
    Column("batch", "batch", 7, 2, right=True),
    Column("steps", "steps", 6, 3, right=True),
    Column("hours", "hours", 8, 6, right=True),
    Column("verdict", "verdict", 14, 8),
)
RUN_COLUMNS: Final = (
    Column("phase", "state", 1, 9),
    Column("name", "run", 16, 10, flex=True),
    Column("word", "state", 10, 4),
    Column("bar", "", 10, 3),
    Column("share", "done", 4, 6, right=True),
    Column("left", "left", 9, 5, right=True),
    Column("verdict", "verdict", 14, 7),
)
QUEUE_COLUMNS: Final = (
    Column("symbol", "", 1, 9),
    Column("job", "job", 7, 10),
    Column("name", "name", 10, 7),
    Column("state", "state", 14, 8, flex=True),
    Column("elapsed", "elapsed", 15, 4, right=True),
    Column("left", "left", 13, 5, right=True),
)


def mark(palette: Palette) -> dict[str, Text | str]:
    """The cell that tells a preset is marked, in the place of its number."""
    return {"number": Text(glyph("mark"), style=f"bold {palette.warn}")}


def run_row(run: RunView, now: float, palette: Palette) -> dict[str, Cell]:
    """The cells of one run: its state by symbol, word and colour; how far; the verdict."""
    progress, colour = progress_of(run), palette.phase(run.phase)
    projection = live_projection(run)
    left = None
    if projection is not None and projection.finish_at is not None:
        left = max(0.0, projection.finish_at - now)
    over = run.phase in OVER
    name = Text(run_name(run), style=palette.faint if over and run.phase is not Phase.FINISHED else "")
    when = words.time_of_day(run.spec.created_at, now)
    day, _, clock = when.rpartition(" ")
    names = [Text.assemble(name, " ", (said, palette.faint)) for said in dict.fromkeys((when, day or clock))]
    return {
        "phase": Text(glyph(run.phase), style=colour),
        "name": (*names, name),
        "word": Text("" if over else run.phase.value, style=colour),
        "bar": bar(progress.share, 10, palette.accent if not over else palette.faint, palette),
        "share": f"{progress.share:.0%}" if progress.total else glyph("dash"),
        "left": Text.assemble(("in ", palette.faint), hours(left)) if left is not None else "",
        "verdict": verdict_text(projection.verdict, palette)
        if projection is not None
        else Text(run.phase.value, style=colour),
    }


def run_name(run: RunView) -> str:
    """The preset's name; of a job that was not submitted here its own."""
    return plain(run.job.name, 60) if foreign(run) and run.job is not None else run.spec.preset.name


def runs_subtitle(runs: Sequence[RunView]) -> str:
    """ "2 under way, 5 in all"; how to begin if there is none."""
    if not runs:
        return "none yet"
    live = sum(run.phase not in OVER for run in runs)
    return f"{live} under way, {len(runs)} in all" if live else f"{len(runs)} in all"


def job_row(job: Job, state: AppState, now: float, palette: Palette) -> dict[str, Text | str]:
    """The cells of one job of the queue."""
    from websight_tui.slurm_commands.words import reason_words

    phase = JOB_SYMBOLS.get(job.state, Phase.STARTING)
    run = run_of_job(state, job)
    why = reason_words(job.reason)[0] if job.state == "PENDING" and job.reason else ""
    text = Text(plain(why, 80), style=palette.faint) if why else Text(job.state.lower(), style=palette.phase(phase))
    return {
        "symbol": Text(glyph(phase), style=palette.phase(phase)),
        "job": job.job_id,
        "name": Text(run_name(run) if run else plain(job.name, 60), style="" if run else palette.faint),
        "state": text,
        "elapsed": _told(elapsed_s(job, now) if job.state != "PENDING" else None, "so far", palette),
        "left": _starts(job, now, palette) if job.state == "PENDING" else _told(left_s(job, now), "left", palette),
    }


def _told(seconds: float | None, what: str, palette: Palette) -> Text | str:
    """A time, and what it is of: the lists have no room for headings."""
    return "" if seconds is None else Text.assemble(words.clock(seconds), (f" {what}", palette.faint))


def _starts(job: Job, now: float, palette: Palette) -> Text | str:
    if not job.start_time:
        return ""
    return Text.assemble(("starts ", palette.faint), words.time_of_day(job.start_time, now))


def queue_subtitle(view: ClusterView | None, now: float, palette: Palette) -> Text:
    """How many jobs, and how old that is; why there are none to see."""
    trouble = view is not None and bool(view.scheduler_error)
    if view is None or view.queue_at is None:
        online = view is not None and view.link is Link.ONLINE
        if trouble and online:
            return Text("Slurm does not answer", style=palette.warn)
        return Text("asking Slurm" if online else "not connected")
    count = len(view.queue)
    said = f"{count} job{'' if count == 1 else 's'}, {words.age(max(0.0, now - view.queue_at))}"
    return Text(f"{said}, {glyph('warning')} not answered since", style=palette.warn) if trouble else Text(said)


def run_of_job(state: AppState, job: Job) -> RunView | None:
    """The run of this app that a job belongs to."""
    return next((r for r in state.runs.values() if any(j.job_id == job.job_id for j in r.jobs)), None)


def run_facts(run: RunView, now: float, palette: Palette, width: int) -> list[tuple[str, Text | str]]:
    """(label, value) pairs of a run."""
    progress = progress_of(run)
    job = run.job
    share = bar(progress.share, max(8, min(30, width - 24)), palette.accent, palette)
    loss, rate, norm = latest(run, "loss"), latest(run, "lr"), latest(run, "grad_norm")
    pairs: list[tuple[str, Text | str]] = [("progress", share.append(f" {progress.share:.1%}", style=palette.text))]
    if progress.total:
        pairs.append(("step", f"{progress.step:,} of {progress.total:,}"))
    if progress.epoch is not None:
        pairs.append(("epoch", f"{progress.epoch:.2f} of {run.spec.preset.num_train_epochs:g}"))
    pairs.append(("loss", glyph("dash") if loss is None else f"{loss:.4f}"))
    if rate is not None or norm is not None:
        pairs.append(("lr, grad", f"{figure(rate)}, {figure(norm)}"))
    pairs += [
        ("", ""),
        ("name" if foreign(run) else "preset", run_name(run)),
        ("cluster", run.spec.cluster),
        ("job", f"{job.job_id} {job.state.lower()}" if job else glyph("dash")),
        ("jobs", f"{len(run.jobs)} of at most {run.spec.preset.max_jobs}"),
        ("started", words.time_of_day(run.spec.created_at, now)),
    ]
    projection = live_projection(run)
    said = ("problem", run.problems[-1], palette.warn) if run.problems else ("", "", "")
    if not run.problems and projection is not None and projection.reasons:
        said = ("why", projection.reasons[0], "")
    if said[1]:
        pairs += [("", ""), *_paragraph(said[0], Text(plain(said[1], 400), style=said[2]), width)]
    return pairs


LABEL: Final = 10
"""Cells of the labels beside the lists."""


def _paragraph(label: str, said: Text, width: int) -> list[tuple[str, Text | str]]:
    """`said` beside its label, on as many lines as it takes."""
    lines = wrapped(said, max(12, width - LABEL - 1))
    return [(label if not index else "", line) for index, line in enumerate(lines)]


def figure(value: float | None) -> str:
    """A learning rate or norm: "4.1e-05", "1.32"."""
    return glyph("dash") if value is None else f"{value:.3g}"


def job_facts(job: Job, now: float, width: int) -> list[tuple[str, Text | str]]:
    """(label, value) pairs of a job that is no run of this app."""
    from websight_tui.slurm_commands.words import reason_words, state_step

    waits = job.state == "PENDING"
    why = plain(reason_words(job.reason)[0], 120) if waits else ""
    pairs: list[tuple[str, Text | str]] = [
        ("name", plain(job.name, 120)),
        ("state", job.state.lower()),
        *(_paragraph("why", Text(why), width) if why else ()),
        ("partition", plain(job.partition, 60)),
        ("account", plain(job.account, 60)),
        ("nodes", plain(job.node_list, 120) or str(job.nodes or "")),
        *([] if waits else [("elapsed", words.clock(elapsed_s(job, now))), ("left", words.clock(left_s(job, now)))]),
        ("limit", words.duration(job.time_limit_s) if job.time_limit_s else "none"),
    ]
    if step := state_step(job):
        pairs += [("", ""), *_paragraph("next step", Text(plain(step, 300)), width)]
    return pairs


def cluster_facts(cluster: Cluster, view: ClusterView | None) -> list[tuple[str, Text | str]]:
    """(label, value) pairs of a cluster: where launches go."""
    gpus = cluster.gpus_per_node
    return [
        ("host", cluster.endpoint.host or "this machine"),
        ("login", plain(view.address, 60) if view is not None and view.address else glyph("dash")),
        ("", ""),
        ("account", cluster.account or "the cluster's default"),
        ("partition", cluster.partition or "the cluster's default"),
        ("GPUs", f"{gpus} a node" if gpus else "none"),
        ("limit", cluster.time_limit),
        ("", ""),
        ("folder", cluster.root),
        ("Python", cluster.python),
    ]


def forecast_badge(forecast: Forecast | None, palette: Palette) -> Text:
    """The forecast's verdict, with its figure marked as an estimate."""
    if forecast is None or forecast.seconds is None:
        return Text.assemble((" NO FORECAST ", f"bold {palette.back} on {palette.faint}"))
    badge = f" {glyph(forecast.verdict)} {forecast.verdict.value.upper()} "
    return Text.assemble(
        (badge, f"bold {palette.back} on {palette.verdict(forecast.verdict)}"),
        (f"  {glyph('about')} {words.duration(forecast.seconds)}", "bold"),
        ("  estimate", palette.faint),
    )


def empty_runs(loaded: bool, palette: Palette) -> Text:
    """What an empty list of runs says."""
    if not loaded:
        return Text("Reading the history …", style=palette.faint)
    return Text.assemble(
        ("No runs yet. ", palette.text),
        ("1", f"bold {palette.accent}"),
        (" to ", palette.faint),
        ("9", f"bold {palette.accent}"),
        (" choose a preset, ", palette.faint),
        ("Enter", f"bold {palette.accent}"),
        (" shows what a launch will do.", palette.faint),
    )


def empty_queue(view: ClusterView | None, palette: Palette) -> Text:
    """What an empty queue means and what to press."""
    connect = Text.assemble(("s", f"bold {palette.accent}"), (" connects or chooses another cluster.", palette.faint))
    if view is None or view.link in (Link.OFFLINE, Link.FAILED, Link.NEEDS_LOGIN):
        return Text("Not connected. ", style=palette.text).append_text(connect)
    if view.link is not Link.ONLINE:
        text = Text(f"{glyph(view.link)} {view.link.value} to {view.name} …  ", style=palette.warn)
        said = plain(view.stage or view.error, 200)
        return text.append_text(connecting_bar(view, palette)).append(f"\n{said}", style=palette.faint)
    if view.scheduler_error:
        text = Text(f"{glyph('warning')} {plain(view.scheduler_error, 160)} ", style=palette.warn)
        return text.append("It is asked again from time to time.", style=palette.faint)
    if view.queue_at is None:
        return Text(f"Asking Slurm on {view.name} …", style=palette.faint)
    return Text("No job of yours waits or runs.", style=palette.faint)
