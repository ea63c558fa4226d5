"""What a new cluster offers: as its commands say it, and asked of the embedded cluster over real SSH."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from websight_tui.pocket import control
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Transport, Unattended
from websight_tui.runs.checks.slurm import Site
from websight_tui.runs.exploring import FolderOffer, explore, gpu_name, parse_folders, partition_offers
from websight_tui.slurm_commands.site import Partition


@pytest.fixture
def transport(tmp_path: Path) -> Iterator[Transport]:
    info = control.start(tmp_path / "cluster")
    there = open_transport(info.endpoint, login_shell=False)
    there.connect(Unattended())
    try:
        yield there
    finally:
        there.close()
        control.stop(tmp_path / "cluster")


@pytest.mark.xdist_group("pocket")
def test_the_embedded_cluster_offers_what_it_has(transport: Transport) -> None:
    made = "mkdir -p ~/venv/bin ~/venv/lib/python3.12/site-packages/llamafactory && ln -s /bin/true ~/venv/bin/python"
    assert transport.exec(made, timeout=20).exit == 0
    home = transport.exec("echo $HOME", timeout=20).stdout.strip()
    offer = explore(transport)
    assert set(offer.accounts) == {"ingrai", "demo"}
    assert offer.partitions[0].name == "demo", "the default comes first"
    assert {p.name for p in offer.partitions} == {"demo", "short", "gpu"}
    assert all(p.gpus == 8 and p.nodes == 2 and p.usable == 2 for p in offer.partitions)
    assert next(p for p in offer.partitions if p.name == "short").max_time_s == 3600
    assert [f.path for f in offer.folders if f.variable == "HOME"] == [home]
    assert f"{home}/venv/bin/python" in offer.pythons


def test_partitions_that_cannot_be_used_are_not_offered() -> None:
    def node(name: str, state: str, gres: str, count: str = "2") -> tuple[str, ...]:
        return (name, "up", "1:00:00", count, state, gres)

    site = Site(
        partitions=[
            Partition("cpu", default=True, nodes=9),
            Partition("down", state="DOWN"),
            Partition("theirs", accounts=("theirs",)),
            Partition("not-ours", denied=("ours",)),
            Partition("big", nodes=4, max_time_s=86400, accounts=("ours", "theirs")),
        ],
        nodes=[
            node("cpu", "idle", "(null)"),
            node("big", "mixed", "gpu:nvidia_h100_80gb_hbm3:8(S:0-1)", "3"),
            node("big", "drained", "gpu:nvidia_h100_80gb_hbm3:8(S:0-1)", "1"),
        ],
    )
    offers = partition_offers(site, ("ours",))
    assert [offer.name for offer in offers] == ["big", "cpu"], "what has GPUs comes first"
    assert (offers[0].gpus, offers[0].usable, offers[0].nodes) == (8, 3, 4)
    assert gpu_name(offers[0].gpu) == "H100"
    assert gpu_name("pocket") == gpu_name("") == ""


def test_folders_come_once_and_odd_lines_are_skipped() -> None:
    text = "welcome!\nfolder\tSCRATCH\t/s/alice\t1000\nfolder\tWORK\t/s/alice\t1000\nfolder\tHOME\t/home/alice\t\n"
    text += "folder\tDATA\trelative\t5\npython\t/home/alice/v/bin/python\npython\t/home/alice/v/bin/python\n"
    folders, pythons = parse_folders(text)
    assert folders == (FolderOffer("/s/alice", "SCRATCH", 1_024_000), FolderOffer("/home/alice", "HOME", None))
    assert pythons == ("/home/alice/v/bin/python",)
    assert parse_folders("") == ((), ())
