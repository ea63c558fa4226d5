"""What the answers of a site mean: account, partition, room. Pure."""

from __future__ import annotations

import dataclasses

import pytest

from websight_tui.config import Cluster
from websight_tui.presets import Preset
from websight_tui.runs.checks import disk
from websight_tui.runs.checks.finding import Finding
from websight_tui.runs.checks.slurm import Site, check_account, check_partition
from websight_tui.slurm_commands.site import Association, Partition, Qos

HAI = Cluster("hai", account="ingrai", partition="gpu")
PRESET = Preset("rank32", gpus_per_node=8, time_limit="8:00:00")


def node_rows(*rows: tuple[str, str, str, str]) -> list[tuple[str, ...]]:
    """(partition, nodes, state, gres) as sinfo's records."""
    return [(name, "up", "infinite", count, state, gres) for name, count, state, gres in rows]


def judged(cluster: Cluster, known: Site, preset: Preset = PRESET) -> list[Finding]:
    return list(check_partition(cluster, preset, known))


def account(cluster: Cluster, known: Site, limit_s: int = 8 * 3600, gpus: int = 8) -> Finding:
    (found,) = check_account(cluster, known, limit_s, gpus)
    return found


def site_of(*rows: Association, enforced: bool = True, qos: tuple[Qos, ...] = ()) -> Site:
    return Site(accounting=True, enforced=enforced, associations=list(rows), qos={q.name: q for q in qos})


def test_an_account_that_is_yours() -> None:
    assert account(HAI, site_of(Association("ingrai"))).level == "ok"
    unset = dataclasses.replace(HAI, account="")
    assert "ingrai" in account(unset, site_of(Association("ingrai"))).message


def test_an_account_that_is_not_yours_names_those_that_are() -> None:
    found = account(HAI, site_of(Association("vision"), Association("other")))
    assert found.level == "fail"
    assert "vision, other" in found.hint
    assert account(HAI, site_of(Association("vision"), enforced=False)).level == "warn"


def test_no_account_at_all() -> None:
    assert account(HAI, site_of()).level == "warn"
    assert account(HAI, site_of(enforced=False)).level == "ok"


def test_an_account_for_another_partition() -> None:
    found = account(HAI, site_of(Association("ingrai", partition="short")))
    assert found.level == "fail"
    assert "short" in found.hint


def test_a_qos_that_does_not_belong_to_the_account() -> None:
    with_qos = dataclasses.replace(HAI, qos="long")
    assert account(with_qos, site_of(Association("ingrai", qos=("normal",)))).level == "fail"
    assert account(with_qos, site_of(Association("ingrai", qos=("normal", "long")))).level == "ok"


def test_limits_of_account_and_qos_against_what_is_asked_for() -> None:
    assert account(HAI, site_of(Association("ingrai", max_wall_s=3600))).level == "fail"
    normal = Association("ingrai", qos=("normal",))
    assert account(HAI, site_of(normal, qos=(Qos("normal", max_wall_s=3600),))).level == "fail"
    assert account(HAI, site_of(normal, qos=(Qos("normal", gpus_per_user=4),))).level == "fail"
    enough = account(HAI, site_of(normal, qos=(Qos("normal", 8 * 3600, None, 8),)))
    assert enough.level == "ok"
    assert "8 GPUs" in enough.message


def test_a_partition_that_gives_all_that_is_asked_for() -> None:
    known = Site(partitions=[Partition("gpu", True, nodes=4)], nodes=node_rows(("gpu", "4", "mixed", "gpu:h100:8")))
    (found,) = judged(HAI, known)
    assert found.level == "ok"
    assert "4 nodes with 8 GPUs each" in found.message
    (found,) = judged(dataclasses.replace(HAI, partition=""), known)
    assert "default" in found.message


@pytest.mark.parametrize(
    ("partition", "rows", "word"),
    [
        (Partition("other", True), (), "no partition gpu"),
        (Partition("gpu", max_time_s=3600, nodes=4), (), "1 h 00 min"),
        (Partition("gpu", nodes=4), (("gpu", "4", "idle", "gpu:a100:4"),), "4 GPUs, 8 are asked for"),
        (Partition("gpu", nodes=4), (("gpu", "4", "idle", "(null)"),), "no GPUs"),
        (Partition("gpu", nodes=4, accounts=("vision",)), (), "account ingrai may not use"),
        (Partition("gpu", nodes=4, denied=("ingrai",)), (), "account ingrai may not use"),
    ],
)
def test_a_partition_that_cannot(partition: Partition, rows: tuple[tuple[str, str, str, str], ...], word: str) -> None:
    found = judged(HAI, Site(partitions=[partition], nodes=node_rows(*rows)))
    assert [(f.level, word in f.message) for f in found] == [("fail", True)]
    assert found[0].hint


def test_too_many_nodes_and_a_qos_that_is_not_allowed() -> None:
    wide = dataclasses.replace(PRESET, nodes=4)
    (found,) = judged(HAI, Site(partitions=[Partition("gpu", max_nodes=2, nodes=8)]), wide)
    assert "2 nodes" in found.message
    with_qos = dataclasses.replace(HAI, qos="long")
    (found,) = judged(with_qos, Site(partitions=[Partition("gpu", nodes=8, qos=("normal",))]))
    assert "normal" in found.hint


def test_a_way_out_is_named() -> None:
    partitions = [Partition("gpu", max_time_s=3600, nodes=1), Partition("long", max_time_s=86400, nodes=1)]
    (found,) = judged(HAI, Site(partitions=partitions))
    assert "choose partition long" in found.hint


def test_partitions_that_take_no_jobs_now() -> None:
    (found,) = judged(HAI, Site(partitions=[Partition("gpu", state="DOWN", nodes=4)]))
    assert (found.level, "DOWN" in found.message) == ("warn", True)
    rows = node_rows(("gpu", "3", "drained*", "gpu:8"), ("gpu", "1", "down", "gpu:8"))
    (found,) = judged(HAI, Site(partitions=[Partition("gpu", nodes=4)], nodes=rows))
    assert found.level == "warn"
    (found,) = judged(HAI, Site(partitions=[Partition("gpu", nodes=5)], nodes=rows))
    assert (found.level, "4 out of order" in found.message) == ("ok", True)


# room

DF = "Filesystem 1024-blocks Used Available Capacity Mounted on\nnas:/vol/home with space 1000 900 {free} 90% /home\n"
ANSWER = DF + "websight-quota: lustre\n{lustre}websight-quota: unix\n{unix}"


def room(free_gb: float, lustre: str = "", unix: str = "") -> Finding:
    return disk.judge(ANSWER.format(free=int(free_gb * 1e9 / 1024), lustre=lustre, unix=unix), PRESET)


def test_room_on_the_file_system() -> None:
    assert room(100).level == "ok"
    assert room(8).level == "warn"
    assert room(3).level == "fail"
    assert "no quota" in room(100).message


def test_a_quota_counts_if_it_is_less() -> None:
    lustre = "     /scratch 1000000  0 3000000       -   12       0       0       -\n"
    found = room(5000, lustre=lustre)
    assert (found.level, "quota" in found.message) == ("fail", True)
    unix = "Disk quotas for user a (uid 1):\n  Filesystem  blocks  quota  limit grace files\n"
    mine = unix + "nas:/vol/home 49000000* 50000000 50000000 7days 1 0 0\n"
    assert disk.parse_quota(mine, "nas:/vol/home") == 1000000 * 1024
    assert disk.parse_quota(mine, "nas:/other") is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", None),
        ("/scratch 5000 0 0 - 1 0 0 -", None),
        ("/scratch 5000* 0 4000 - 1 0 0 -", 0),
        ("/a/very/long/name\n          1000 0 3000 - 1 0 0 -", 2000 * 1024),
    ],
)
def test_quotas_of_a_parallel_file_system(text: str, left: int | None) -> None:
    assert disk.parse_quota(text) == left


def test_no_answer_of_df_is_said() -> None:
    assert disk.judge("df: what?\n", PRESET).level == "warn"
