"""What sites say of accounts, partitions and QOS; the samples are in the form that Slurm 22.05 prints."""

from __future__ import annotations

import shlex

import pytest

from websight_tui.slurm_commands import site

PARTITIONS = (
    "PartitionName=gpu AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A "
    "DefaultTime=NONE DisableRootJobs=NO MaxNodes=UNLIMITED MaxTime=2-00:00:00 MinNodes=0 Nodes=gpu[01-04] "
    "State=UP TotalCPUs=256 TotalNodes=4 TRES=cpu=256,mem=2000G,node=4,gres/gpu=32\n"
    "PartitionName=lab AllowAccounts=ingrai,vision DenyAccounts=guest AllowQos=normal,long Default=NO MaxNodes=1 "
    "MaxTime=UNLIMITED State=DRAIN TotalNodes=2\n"
)


def test_partitions() -> None:
    gpu, lab = site.parse_partition_settings(PARTITIONS)
    assert gpu == site.Partition("gpu", True, "UP", 2 * 24 * 3600, None, 4, node_list="gpu[01-04]")
    assert lab == site.Partition(
        "lab", False, "DRAIN", None, 1, 2, ("ingrai", "vision"), ("guest",), ("normal", "long")
    )
    assert site.parse_partition_settings("No partitions in the system\n\n") == []


def test_associations() -> None:
    text = "ingrai|||\nvision|lab|normal,long|1-00:00:00\nnot a row\n"
    assert site.parse_associations(text) == [
        site.Association("ingrai"),
        site.Association("vision", "lab", ("normal", "long"), 86400),
    ]


def test_qos() -> None:
    found = site.parse_qos("normal|||\nbig|08:00:00|cpu=64,gres/gpu=16|gres/gpu=8,node=2\n")
    assert found["normal"] == site.Qos("normal")
    assert found["big"] == site.Qos("big", 8 * 3600, 16, 8)


def test_configuration() -> None:
    text = (
        "Configuration data as of 2026-11-23T08:59:31\nAccountingStorageType   = accounting_storage/none\nX = a = b\n"
    )
    assert site.parse_configuration(text) == {"AccountingStorageType": "accounting_storage/none", "X": "a = b"}


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("gpu:h100:8(S:0-1)", 8),
        ("gpu:4", 4),
        ("gpu:8,nvme:1", 8),
        ("gpu:a100:2,gpu:h100:6(S:0,1)", 8),
        ("(null)", 0),
        ("nvme:gpu:3", 0),
        ("", 0),
    ],
)
def test_gpus_of_a_node(gres: str, count: int) -> None:
    assert site.gpus_in(gres) == count


@pytest.mark.parametrize(
    ("text", "number"),
    [("slurm-wlm 22.05.8", (22, 5, 8)), ("slurm 20.11.9-1", (20, 11, 9)), ("slurm 25.05.0rc1", (25, 5)), ("?", ())],
)
def test_versions(text: str, number: tuple[int, ...]) -> None:
    assert site.version_number(text)[: len(number)] == number
    assert bool(number) == bool(site.version_number(text))


def test_when_a_test_submission_would_start() -> None:
    said = "sbatch: Job 16 to start at 2026-11-23T09:02:14 using 96 processors on nodes gpu04 in partition gpu\n"
    assert site.planned_start(said).startswith("2026-11-23 09:02:14 ")
    assert "gpu04" in site.planned_start(said)
    assert site.planned_start("sbatch: something else") == ""


def test_questions_ask_for_the_user_in_the_shell_and_for_english() -> None:
    for command in (site.version(), site.configuration(), site.partition_settings(), site.qos_limits()):
        assert shlex.split(command)[:2] == ["env", "LC_ALL=C"]
    assert site.associations().endswith('user="$(id -un)"')
    assert shlex.split(site.try_submit())[-2:] == ["sbatch", "--test-only"]
