"""The report of a bare log, which knows nothing but itself."""

from __future__ import annotations

from websight_tui import words
from websight_tui.metrics.model import TrainingLog
from websight_tui.metrics.terminal_text import plain
from websight_tui.projection.finish import project
from websight_tui.projection.model import Verdict
from websight_tui.report import sections
from websight_tui.report.looks import changes_in, looks_back
from websight_tui.report.model import Report, Section, Tone
from websight_tui.report.panels import panels_of, projection_panel
from websight_tui.report.tiles import tiles_of

_FORMATS = {
    "events": "events.jsonl of this app's trainer",
    "trainer_log": "trainer_log.jsonl of LLaMA-Factory",
    "trainer_state": "trainer_state.json of Hugging Face's Trainer",
    "job_output": "a job's output",
}


def report_of_log(log: TrainingLog, name: str, *, limit_s: float | None, made: str, note: str = "") -> Report:
    """All that a training log tells.

    Args:
        name: the file's. limit_s: seconds that a job may take; None judges nothing.
        note: what a reader should know of the file ("run 2 of 3 in it").
    """
    last = log.last
    looks = looks_back(log, lambda seen: project(seen, limit_s=limit_s))
    final = looks[-1][1] if looks else project(log, limit_s=limit_s)
    finished = last is not None and (last.end == "finished" or 0 < last.total_steps <= last.last_step)
    truth = final.elapsed_s if finished and len(looks) else None
    chapters = []
    panel = projection_panel([projection for _, projection in looks], None, truth, limit_s)
    if panel is not None:
        chapters.append(
            Section("Projection", "Worked out again from the log, as it would have been said then.", panel=panel)
        )
    if limit_s is not None and (changes := changes_in(looks)):
        begin = last.started_at if last is not None else None
        chapters.append(sections.verdict_history(changes, begin, None, kept=False))
    chapters += [sections.checkpoints(log, None), sections.environment(log)]
    if (found := sections.findings(log.notes)) is not None:
        chapters.insert(0, found)
    judged = limit_s is not None and final.verdict is not Verdict.TOO_EARLY
    if finished:
        word, tone = "Finished", Tone.GOOD
    elif judged:
        word, tone = final.verdict.value.capitalize(), sections.TONES[final.verdict]
    else:
        word, tone = "Under way or broken off", Tone.CALM
    sentences = [f"{final.step:,} of {final.total_steps:,} steps." if final.total_steps else f"{final.step:,} steps."]
    if truth is not None:
        sentences = [f"{final.step:,} steps in {words.duration(truth)}."]
    elif final.total_s is not None:
        against = f", against a limit of {words.duration(limit_s)}" if limit_s is not None else ""
        sentences.append(f"{words.duration(final.total_s)} in all as projected{against}.")
    subtitle = " · ".join(part for part in (_FORMATS.get(log.source, log.source), note) if part)
    return Report(
        plain(name, 200),
        subtitle,
        word,
        tone,
        tuple(sentences),
        tuple(tiles_of(log)),
        panels_of(log),
        tuple(chapters),
        made,
    )
