"""A request to stop reaches every rank, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer.runs import write_run
from trainer import ranks
from trainer.ranks import Ranks
from trainer.spec import read_spec

RANK = """
import pathlib, signal, sys
known = (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR2)
listen = lambda to: [signal.signal(number, to) for number in known]
end = lambda: (listen(signal.SIG_IGN), sys.exit(0))  # as the trainer does: the interpreter on its way out hears nothing
listen(lambda number, frame: (pathlib.Path(sys.argv[1]).write_text(signal.Signals(number).name), end()))
signal.pause()
"""


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test process gets its own signal handlers back."""
    before = {number: signal.getsignal(number) for number in ranks.STOP_SIGNALS}
    monkeypatch.setattr(ranks, "_AGAIN_S", 0.05)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR2])
def test_all_ranks_below_torchrun_hear_it_even_if_they_were_not_there_yet(
    tmp_path: Path, number: signal.Signals
) -> None:
    # a shell stands for torchrun: it has two children, and must itself survive
    start = (
        f"{sys.executable} -c '{RANK}' {tmp_path}/0 & {sys.executable} -c '{RANK}' {tmp_path}/1 & wait; wait; exit 7"
    )
    started = Ranks(["bash", "-c", start], {}, "torchrun")
    started.stop(number)  # at once: the children are not listening, or not even there
    for _ in started.wait():
        pass
    assert started.process.returncode == 7
    assert [(tmp_path / rank).read_text() for rank in "01"] == [number.name] * 2
    assert started.asked is number


def test_the_launcher_passes_on_what_it_gets_itself_and_ctrl_c_as_a_term(tmp_path: Path) -> None:
    started = Ranks([sys.executable, "-c", RANK, str(tmp_path / "0")], {}, "rank")
    os.kill(os.getpid(), signal.SIGINT)
    for _ in started.wait():
        pass
    assert started.process.returncode == 0
    assert (tmp_path / "0").read_text() == "SIGTERM"


def test_srun_gets_a_warning_instead_of_a_term_that_would_end_its_step(tmp_path: Path) -> None:
    started = Ranks([sys.executable, "-c", RANK, str(tmp_path / "0")], {}, "srun")
    started.stop(signal.SIGTERM)
    for _ in started.wait():
        pass
    assert (tmp_path / "0").read_text() == "SIGUSR1"
    assert started.asked is signal.SIGTERM


def test_a_single_rank_sees_a_single_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LLaMA-Factory refuses a plain process that sees several, as on a node without cgroups."""
    spec = read_spec(write_run(tmp_path, name="rank32", gpus_per_node=1))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert ranks.node_environment(spec)["CUDA_VISIBLE_DEVICES"] == "0"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert ranks.node_environment(spec)["CUDA_VISIBLE_DEVICES"] == "3"
    eight = read_spec(write_run(tmp_path, "eight", name="rank32", gpus_per_node=8))
    assert "CUDA_VISIBLE_DEVICES" not in ranks.node_environment(eight)
