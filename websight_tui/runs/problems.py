"""What is wrong with a run, in plain words with a next step: joined from Slurm, the output and the training log."""

from __future__ import annotations

from typing import Final

from websight_tui.metrics.death import findings
from websight_tui.metrics.health import signs
from websight_tui.runs.phase import DIED, phase_of, segment_of
from websight_tui.runs.state import Outcome
from websight_tui.runs.track import RunTrack
from websight_tui.slurm_commands.words import reason_words, state_step, state_words

STUCK_REASONS: Final = frozenset(
    {"DependencyNeverSatisfied", "PartitionTimeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS", "JobHeldAdmin"}
)
"""Reasons for which a pending job never starts by itself."""
_OUTPUT: Final = 200_000


def problems_of(track: RunTrack, now: float | None) -> tuple[str, ...]:
    """All that is wrong, gravest last; empty for a run that goes well. Call under the track's lock.

    Args:
        now: Unix s by the cluster's clock; None leaves out what depends on it (offline).
    """
    job = track.job
    if job is None or track.outcome is not Outcome.ACCEPTED:
        return ()
    log = track.log
    phase = phase_of(track.outcome, track.jobs, log)
    found: list[str] = []
    if job.state == "PENDING" and (job.reason in STUCK_REASONS or "held" in job.reason):
        found.append(_sentence(f"Job {job.job_id} {reason_words(job.reason)[0]}", reason_words(job.reason)[1]))
    segment = segment_of(job, log)
    told = [sign for sign in signs(log, now if job.live else None) if sign.severity != "note"]
    found += [_sentence(sign.message, sign.hint) for sign in reversed(told)]
    if phase in DIED:
        lines = (line for stream in track.streams.values() for line in stream.text.lines)
        reasons = findings("\n".join(lines)[-_OUTPUT:])
        if reasons:
            found += [_sentence(reason.message, reason.hint) for reason in reversed(reasons[:3])]
        elif segment is not None and segment.meta.get("end_message"):
            found.append(_sentence(str(segment.meta["end_message"]), state_step(job)))
        else:
            found.append(_sentence(f"Job {job.job_id} {state_words(job)}", state_step(job)))
    return tuple(dict.fromkeys(found))


def _sentence(text: str, step: str) -> str:
    text = text[:1].upper() + text[1:].rstrip(".") + "."
    return f"{text} {step}" if step else text
