"""The simulation of docs/scale.md against theory, and what 64 nodes do to parsers and screens."""

from __future__ import annotations

import random

import pytest
from rich.text import Text

from bench.controller import sdiag_s
from bench.queueing import simulate
from bench.scale import RANKS, ours, queue_record, ranks_output, scattered
from websight_tui.metrics.death import findings
from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.slurm_commands.hostlist import expand
from websight_tui.slurm_commands.parse import parse_queue
from websight_tui.tui.home_rows import job_facts


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_the_wait_is_that_of_theory(load: float) -> None:
    """Very many people who rarely call are a Poisson stream: the mean wait of M/M/1 is ρ·s / (1−ρ)."""
    service, people = 0.01, 2000
    rate = load / service / people

    def pause(chance: random.Random) -> float:
        return chance.expovariate(rate)

    told = simulate(people, pause, service, seconds=900, warm_up_s=5 / rate)
    assert told.calls_a_minute == pytest.approx(60 * load / service, rel=0.05)
    assert told.utilisation == pytest.approx(load, rel=0.05)
    assert told.wait_mean_s == pytest.approx(load * service / (1 - load), rel=0.15)


def test_one_caller_never_waits_and_too_many_wait_long() -> None:
    alone = simulate(1, lambda chance: 2.0, 0.5, seconds=600)
    assert alone.wait_p99_s == 0.0
    assert alone.utilisation == pytest.approx(0.2, rel=0.15)
    crowd = simulate(100, lambda chance: 1.0, 0.1, seconds=600)
    assert crowd.utilisation > 0.95
    assert crowd.wait_p50_s == pytest.approx(100 * 0.1 - 1.0 - 0.1, rel=0.2)


def test_this_app_calls_as_docs_load_says() -> None:
    chance = random.Random(1)
    waits = [ours(chance) for _ in range(1000)]
    assert 17 <= min(waits) <= max(waits) <= 23


def test_what_sdiag_says() -> None:
    text = "\tREQUEST_JOB_USER_INFO     ( 2039) count:150    ave_time:1234   total_time:185100\n"
    assert sdiag_s(text) == {"REQUEST_JOB_USER_INFO": 0.001234}


def test_the_first_rank_is_named_among_512_that_died_with_it() -> None:
    text = TerminalText(5000)
    text.feed(ranks_output(RANKS))
    assert len(text.lines) > 3 * (RANKS - 1)
    found = findings("\n".join(text.lines))
    assert found[0].kind == "cuda-oom"


def test_node_lists_of_64_nodes() -> None:
    nodes = scattered(64)
    (job,) = parse_queue(queue_record("7", nodes))
    assert job.node_list == nodes
    assert len(expand(nodes)) == 64
    assert len(expand("gpu[001-064]")) == 64
    shown = dict(job_facts(job, 1.7e9, 60))
    assert len(str(shown["nodes"])) <= 120, "a long list is cut, not wrapped over the screen"
    assert isinstance(shown["nodes"], (str, Text))
