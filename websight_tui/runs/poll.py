"""When the scheduler is asked and when files are read: the load contract of docs/load.md, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AFTER_SUBMIT_S: Final = 5.0
RUNNING_S: Final = 20.0
PENDING_S: Final = 60.0
UNSETTLED_S: Final = 5.0
FRESH_S: Final = 60.0
"""Seconds after a submission or action for which AFTER_SUBMIT_S holds."""
QUICKEST_S: Final = 1.0
"""On clusters whose floor says that it is welcome (the pocket cluster)."""
LONGEST_BACKOFF_S: Final = 300.0
JITTER: Final = 0.15

FOCUSED_FILES_S: Final = 0.8
"""So that a line is seen within a second, the way there and its drawing included."""
LIVE_FILES_S: Final = 5.0
HIDDEN_FILES_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides how often the scheduler is asked.

    Args:
        visible: whether anybody looks.
        running, pending: whether such jobs of the user are in the queue.
        unsettled: whether a submission is unknown or an ended job's end not yet confirmed.
        since_change_s: seconds since the last submission or action; None if there was none.
        errors: how many times in a row the scheduler did not answer.
    """

    visible: bool = True
    running: bool = False
    pending: bool = False
    unsettled: bool = False
    since_change_s: float | None = None
    errors: int = 0


def next_poll_s(situation: Situation, floor_s: float, jitter: float) -> float | None:
    """Seconds to the next scheduler call; None: not before something happens.

    Args:
        floor_s: the least that the site asks for.
        jitter: a random number in [0, 1).
    """
    if not situation.visible:
        return None
    wanted = _wanted(situation)
    if situation.errors:
        wanted = min(LONGEST_BACKOFF_S, max(wanted or 0.0, RUNNING_S / 2) * 2 ** min(situation.errors, 10))
    if wanted is None:
        return None
    if floor_s <= QUICKEST_S and not situation.errors:
        wanted = QUICKEST_S
    return max(floor_s, wanted * (1 + JITTER * (2 * jitter - 1)))


def _wanted(situation: Situation) -> float | None:
    live = situation.running or situation.pending or situation.unsettled
    if not live:
        return None
    fresh = situation.since_change_s is not None and situation.since_change_s < FRESH_S
    if fresh:
        return AFTER_SUBMIT_S
    if situation.unsettled:
        return UNSETTLED_S
    return RUNNING_S if situation.running else PENDING_S


def next_files_s(*, visible: bool, focused: bool, live: bool, floor_s: float) -> float | None:
    """Seconds to the next reading of a run's files; None: not before something happens.

    Reading costs the scheduler nothing; it costs the file server a little.

    Args:
        live: whether the files may still grow.
        focused: whether the run is the one on the screen.
    """
    if not live:
        return None
    if not visible:
        return HIDDEN_FILES_S
    return FOCUSED_FILES_S if focused or floor_s <= QUICKEST_S else LIVE_FILES_S
