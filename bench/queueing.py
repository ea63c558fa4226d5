"""Many people asking one controller: a single server that takes calls in the order in which they come.

Pessimistic on purpose: slurmctld answers questions in several threads under a read lock, here one after the other; and
answers take exponentially distributed times, more uneven than real ones. Checked against the mean wait of an M/M/1
queue (tests/test_scale_bench.py).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.tables import quantile

Interval = Callable[[random.Random], float]
"""Seconds from the answer to one call to the next call of the same person."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a simulated controller went through.

    Args:
        calls_a_minute: of all people together.
        utilisation: share of the time in which it was answering.
        wait_mean_s, wait_p50_s, wait_p99_s: seconds between a call and the begin of its answer.
    """

    calls_a_minute: float
    utilisation: float
    wait_mean_s: float
    wait_p50_s: float
    wait_p99_s: float


def simulate(
    people: int,
    interval: Interval,
    service_s: float,
    *,
    seconds: float = 1800.0,
    warm_up_s: float = 180.0,
    seed: int = 1,
) -> Load:
    """Lets `people` call for a while; each starts at a random moment and waits for its answer before it goes on.

    Args:
        interval: drawn anew after each answer.
        service_s: seconds that one answer takes the controller, on average.
        seconds: simulated, after `warm_up_s` that are not counted: all begin within one interval, which is no chance.
    """
    chance = random.Random(seed)
    calls = [(chance.random() * interval(chance), number) for number in range(people)]
    heapq.heapify(calls)
    free_at = busy = 0.0
    waits: list[float] = []
    while calls:
        now, person = heapq.heappop(calls)
        if now >= warm_up_s + seconds:
            break
        begin, service = max(now, free_at), chance.expovariate(1 / service_s)
        free_at = begin + service
        if now >= warm_up_s:
            waits.append(begin - now)
            busy += service
        heapq.heappush(calls, (free_at + interval(chance), person))
    mean = sum(waits) / len(waits)
    share = busy / max(seconds, free_at - warm_up_s)
    return Load(60 * len(waits) / seconds, share, mean, quantile(waits, 0.5), quantile(waits, 0.99))
