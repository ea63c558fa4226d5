"""What else bounds a launch than its own limit: the partition's maximum and the next reservation of its nodes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from websight_tui.config import Cluster
from websight_tui.presets import Preset
from websight_tui.projection.finish import judge
from websight_tui.projection.model import Forecast, Verdict
from websight_tui.slurm_commands.site import Layout, Reservation
from websight_tui.slurm_commands.times import parse_duration
from websight_tui.words import duration, time_of_day


@dataclass(frozen=True, slots=True)
class Bound:
    """A forecast held against one of them.

    Args:
        kind: "partition" or "reservation"; `name` is whose.
        limit_s: seconds that it leaves a job which begins now; 0 if nothing.
        verdict: of the forecast against it, saving at the end included.
        begins_at, ends_at: of a reservation, Unix s.
        words: what is wrong and what helps; "" if nothing is.
    """

    kind: str
    name: str
    limit_s: float
    verdict: Verdict
    begins_at: float | None = None
    ends_at: float | None = None
    words: str = ""


def limit_asked(cluster: Cluster, preset: Preset) -> int | None:
    """Seconds that a job of `preset` asks Slurm for; None for no limit of its own."""
    return parse_duration(preset.time_limit or cluster.time_limit)


def partition_max(cluster: Cluster, layout: Layout) -> int | None:
    """Seconds that the cluster's partition allows a job; None if it is not known or unlimited."""
    partition = layout.partition(cluster.partition)
    return partition.max_time_s if partition is not None else None


def bounds_of(cluster: Cluster, preset: Preset, made: Forecast, layout: Layout, now: float) -> tuple[Bound, ...]:
    """`made` against what `layout` bounds it by; nothing about what is not known.

    Args:
        now: Unix s, for the words too.
    """
    partition = layout.partition(cluster.partition)
    if partition is None or made.seconds is None:
        return ()
    asked, found = limit_asked(cluster, preset), []
    if partition.max_time_s is not None:
        found.append(_by_partition(made, preset, partition.name, partition.max_time_s, asked))
    reservation = layout.next_reservation(partition, preset.nodes, now)
    if reservation is not None:
        found.append(_by_reservation(made, preset, reservation, asked, now))
    return tuple(found)


def _by_partition(made: Forecast, preset: Preset, name: str, most_s: int, asked: int | None) -> Bound:
    verdict = _against(made, preset, most_s)
    allows = f"partition {name} allows ({duration(most_s)})"
    words = ""
    if verdict is Verdict.WILL_NOT_FIT:
        words = f"longer than {allows}"
    elif verdict is Verdict.TIGHT:
        words = f"perhaps longer than {allows}"
    if asked is not None and asked > most_s:
        words = f"{words}, and so is its limit" if words else f"its limit of {duration(asked)} is more than {allows}"
        words += ": Slurm would not start it"
    return Bound("partition", name, most_s, verdict, words=words)


def _by_reservation(made: Forecast, preset: Preset, found: Reservation, asked: int | None, now: float) -> Bound:
    left = max(0.0, found.start - now)
    verdict = _against(made, preset, left)
    what = "maintenance" if found.maintenance else f"reservation {found.name}"
    words = ""
    if left <= 0:
        words = f"{what} until {time_of_day(found.end, now)}; it would start then"
    elif asked is None or asked > left:  # Slurm goes by the limit, whatever the job would really take
        begins = f"{what} begins at {time_of_day(found.start, now)}"
        if verdict is Verdict.FITS:
            words = f"{begins}, inside the limit; it would start before with at most {duration(left)}, else afterwards"
        else:
            words = f"{begins}, before this would end; it would start afterwards"
    return Bound("reservation", found.name, left, verdict, found.start, found.end, words)


def _against(made: Forecast, preset: Preset, seconds: float) -> Verdict:
    """A run that uses the time it has ends by its own limit, and fits wherever that does."""
    return judge(made.seconds, made.seconds_80, max(0.0, seconds - preset.signal_lead_s))
