"""When to try again after a connection broke. Callers first ask `Transport.may_prompt`: if it is True they do not."""

from __future__ import annotations

from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 120.0


def next_delay(attempt: int, jitter: float) -> float:
    """Seconds to wait before try number `attempt` (0 = the first after the break).

    Doubles from FIRST_S to LONGEST_S; a random half of it keeps many clients of one rebooted login node apart.

    Args:
        jitter: a random number in [0, 1), made by the caller.
    """
    delay = min(LONGEST_S, FIRST_S * 2.0 ** min(max(attempt, 0), 20))
    return delay * (0.5 + 0.5 * min(max(jitter, 0.0), 1.0))
