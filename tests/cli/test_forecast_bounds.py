"""`forecast --connect` asks the cluster what else than the limit bounds a launch."""

from __future__ import annotations

from tests.cli.conftest import Desk

LONG = ("forecast", "tiny", "--set", "time_limit=9-00:00:00", "--cluster", "small")


def test_the_partition_is_asked_only_with_connect(desk: Desk) -> None:
    (offline,) = desk.json(*LONG)
    assert offline["against"] == []
    (asked,) = desk.json(*LONG, "--connect")
    (partition,) = asked["against"]
    assert partition["kind"] == "partition"
    assert partition["limit_s"] < 9 * 86_400
    assert offline["limit_s"] - asked["limit_s"] == 9 * 86_400 - partition["limit_s"]
    assert "is more than partition" in partition["words"]
    status, out, _ = desk.run(*LONG, "--connect")
    assert status == 0
    assert f"tiny: {partition['words']}." in " ".join(out.split())
