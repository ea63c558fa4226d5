"""A forecast against the partition's maximum and the next reservation, as Slurm 22.05 shows both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.runs.fakes import configuration
from websight_tui.config import Cluster
from websight_tui.presets import BUILT_IN
from websight_tui.projection.model import Forecast, Verdict
from websight_tui.runs.bounds import bounds_of
from websight_tui.runs.forecasting import forecast_for
from websight_tui.slurm_commands.site import NOT_KNOWN, Layout, parse_partition_settings, parse_reservations

NOW = 1_800_000_000.0
HOUR = 3600
PRESET = next(preset for preset in BUILT_IN if preset.name == "rank32")
ALLOWS = "partition gpu allows (4 h 00 min)"
TOO_LONG = "and so is its limit: Slurm would not start it"
PARTITIONS = (
    "PartitionName=gpu AllowGroups=ALL Default=YES QoS=N/A MaxNodes=UNLIMITED MaxTime=04:00:00 MinNodes=0 "
    "Nodes=gpu[01-04] State=UP TotalNodes=4\n"
    "PartitionName=long Default=NO MaxTime=UNLIMITED Nodes=gpu[01-02] State=UP TotalNodes=2\n"
)


def reservations(start_in: float, hours: float, nodes: str = "gpu[01-04]", flags: str = "MAINT,SPEC_NODES") -> str:
    begin, end = int(NOW + start_in * HOUR), int(NOW + (start_in + hours) * HOUR)
    return (
        f"ReservationName=upgrade StartTime={begin} EndTime={end} Duration=08:00:00 Nodes={nodes} NodeCnt=4 "
        f"CoreCnt=128 Features=(null) PartitionName=(null) Flags={flags} TRES=cpu=128 Users=root Groups=(null) "
        "Accounts=(null) Licenses=(null) State=INACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)\n"
    )


def layout(reserved: str = "No reservations in the system\n") -> Layout:
    return Layout(tuple(parse_partition_settings(PARTITIONS)), tuple(parse_reservations(reserved)))


def made(hours: float) -> Forecast:
    band = (0.9 * hours * HOUR, 1.1 * hours * HOUR)
    return Forecast("rank32", 1000, hours * HOUR, band, None, Verdict.FITS, "3 runs of yours")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return replace(configuration(tmp_path).clusters["fake"], partition="gpu", time_limit="8:00:00")


@pytest.mark.parametrize(
    ("hours", "limit", "verdict", "words"),
    [
        (3.0, "4:00:00", Verdict.FITS, ""),
        (3.0, "8:00:00", Verdict.FITS, f"its limit of 8 h 00 min is more than {ALLOWS}: Slurm would not start it"),
        (6.0, "4:00:00", Verdict.WILL_NOT_FIT, f"longer than {ALLOWS}"),
        (4.0, "4:00:00", Verdict.TIGHT, f"perhaps longer than {ALLOWS}"),
        (6.0, "8:00:00", Verdict.WILL_NOT_FIT, f"longer than {ALLOWS}, {TOO_LONG}"),
    ],
)
def test_the_partition(cluster: Cluster, hours: float, limit: str, verdict: Verdict, words: str) -> None:
    (bound,) = bounds_of(cluster, replace(PRESET, time_limit=limit), made(hours), layout(), NOW)
    assert (bound.kind, bound.name, bound.limit_s) == ("partition", "gpu", 4 * HOUR)
    assert bound.verdict is verdict
    assert bound.words == words


def test_the_partitions_maximum_counts_in_the_verdict(cluster: Cluster) -> None:
    free, bound = forecast_for(cluster, PRESET), forecast_for(cluster, PRESET, layout=layout())
    assert free.limit_s == 8 * HOUR - PRESET.signal_lead_s
    assert bound.limit_s == 4 * HOUR - PRESET.signal_lead_s
    unlimited = forecast_for(replace(cluster, partition="long"), PRESET, layout=layout())
    assert unlimited.limit_s == free.limit_s


@pytest.mark.parametrize(
    ("hours", "start_in", "verdict", "part"),
    [
        (2.0, 3.0, Verdict.FITS, "inside the limit; it would start before with at most 3 h 00 min, else afterwards"),
        (6.0, 3.0, Verdict.WILL_NOT_FIT, "before this would end; it would start afterwards"),
        (6.0, -1.0, Verdict.WILL_NOT_FIT, "; it would start then"),
    ],
)
def test_a_reservation(cluster: Cluster, hours: float, start_in: float, verdict: Verdict, part: str) -> None:
    found = bounds_of(cluster, PRESET, made(hours), layout(reservations(start_in, 8)), NOW)
    bound = found[-1]
    assert (bound.kind, bound.name) == ("reservation", "upgrade")
    assert bound.limit_s == max(0, start_in) * HOUR
    assert bound.verdict is verdict
    assert bound.words.startswith("maintenance ")
    assert part in bound.words


@pytest.mark.parametrize(
    ("reserved", "why"),
    [
        (reservations(-9, 8), "it is over"),
        (reservations(1, 8, nodes="gpu[01-03]"), "one node is left, and one is enough"),
        (reservations(1, 8, nodes="cpu[01-90]"), "they are other nodes"),
        (reservations(1, 8, nodes="(null)"), "it is of licences only"),
        ("ReservationName=x StartTime=Unknown EndTime=never\n", "it says no time"),
    ],
)
def test_a_reservation_that_is_no_matter(cluster: Cluster, reserved: str, why: str) -> None:
    assert [b.kind for b in bounds_of(cluster, PRESET, made(2), layout(reserved), NOW)] == ["partition"], why


def test_one_that_begins_after_the_limit_has_no_words(cluster: Cluster) -> None:
    bound = bounds_of(cluster, PRESET, made(2), layout(reservations(9, 8)), NOW)[-1]
    assert (bound.kind, bound.words) == ("reservation", "")


def test_a_job_of_several_nodes_needs_several_left(cluster: Cluster) -> None:
    two = replace(PRESET, nodes=2)
    found = bounds_of(cluster, two, made(2), layout(reservations(1, 8, nodes="gpu[01-03]")), NOW)
    assert found[-1].kind == "reservation"


def test_what_is_not_known_is_not_said(cluster: Cluster) -> None:
    assert bounds_of(cluster, PRESET, made(2), NOT_KNOWN, NOW) == ()
    assert bounds_of(replace(cluster, partition="other"), PRESET, made(2), layout(), NOW) == ()


def test_the_default_partition_is_meant_where_none_is_named(cluster: Cluster) -> None:
    (bound,) = bounds_of(replace(cluster, partition=""), PRESET, made(2), layout(), NOW)
    assert bound.name == "gpu"
