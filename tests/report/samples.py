"""Runs and logs for reports, ordinary and hostile."""

from __future__ import annotations

from dataclasses import replace

from tests.tui.fakes import NOW, FakePlanner, config, job, running
from websight_tui.projection.model import Score, Verdict
from websight_tui.report.model import Report
from websight_tui.report.of_run import report_of_run
from websight_tui.runs.phase import phase_of
from websight_tui.runs.state import RunView, VerdictChange

CONFIG = config()
BASE = CONFIG.presets["rank16"]
HOSTILE = '"><script>document.title="ran"</script><img src=http://192.0.2.1/x.png onerror=alert(1)>&\x1b[31m|`*_[a](b)'


def finished() -> RunView:
    """A finished run with everything that a report can show."""
    run = running(replace(BASE, lora_dropout=0.1), "rank16-261122-091500-77de", 1110, 1110, Verdict.FITS, "47980")
    begun = NOW - 22_100
    segment = run.log.segments[0]
    segment.end = "finished"
    segment.meta = {
        "host": "hai-07",
        "gpu_names": ["NVIDIA H100 80GB HBM3"] * 8,
        "world_size": 8,
        "n_train": 71_012,
        "trainable_parameters": 43_646_976,
        "versions": {"torch": "2.13.0", "llamafactory": "0.9.5"},
    }
    said = (
        (Verdict.TOO_EARLY, "3 usable lines so far, 4 are needed"),
        (Verdict.TIGHT, "the deadline is inside the band"),
        (Verdict.FITS, "pace steady"),
    )
    run = replace(
        run,
        jobs=(
            replace(
                job("47980", "COMPLETED", started=begun, final=True), exit_code="0:0", end_time=NOW, node_list="hai-07"
            ),
        ),
        forecast=FakePlanner().forecast(CONFIG.clusters["hai"], BASE),
        score=Score(1.08, True),
        verdicts=tuple(
            VerdictChange(begun + 600 * n, verdict, "47980", 30 * n, 1110, None, begun + 28_500, reason)
            for n, (verdict, reason) in enumerate(said, 1)
        ),
    )
    return replace(run, phase=phase_of(run.outcome, run.jobs, run.log))


def hostile() -> RunView:
    """The same run, with markup in every text that a cluster or a log can set."""
    run = finished()
    segment = run.log.segments[0]
    segment.meta = {"host": HOSTILE, "gpu_names": [HOSTILE] * 2, "versions": {HOSTILE: HOSTILE}}
    segment.checkpoints = [replace(c, path=f"out/{HOSTILE}") for c in segment.checkpoints]
    run.log.notes.append(HOSTILE)
    first, *rest = run.verdicts
    spec = replace(
        run.spec, run_id=HOSTILE, account=HOSTILE, root=HOSTILE, preset=replace(run.spec.preset, dataset=HOSTILE)
    )
    ended = replace(run.jobs[0], node_list=HOSTILE, exit_code=HOSTILE, reason=HOSTILE, state="FAILED")
    return replace(run, spec=spec, jobs=(ended,), problems=(HOSTILE,), verdicts=(replace(first, reason=HOSTILE), *rest))


def report_of(run: RunView) -> Report:
    return report_of_run(run, BASE, now=NOW, made="Made now.")
