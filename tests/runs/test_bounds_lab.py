"""The partition's maximum and a reservation as a real Slurm tells them, and that it treats jobs as the words say."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.lab.client import Lab, LabPerson, require_lab
from tests.runs.test_bounds import PRESET, made
from websight_tui.config import Cluster
from websight_tui.projection.model import Verdict
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Transport
from websight_tui.runs.bounds import bounds_of
from websight_tui.runs.scheduler import Scheduler

pytestmark = pytest.mark.cluster
IN_S = 1800


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    found = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", found.ssh_config)
    with found.awake():
        found.run("reserve", "gpu[01-04]", str(IN_S))
        yield found
        found.run("unreserve")


@pytest.fixture
def transport(lab: Lab) -> Iterator[Transport]:
    transport = open_transport(Endpoint(host="lab-key"), login_shell=True)
    transport.connect(LabPerson(lab))
    yield transport
    transport.close()


def test_what_slurm_says_and_does(lab: Lab, transport: Transport) -> None:
    now = time.time()
    layout = Scheduler(transport, time.time, deque()).layout()
    cluster = Cluster("lab", Endpoint(host="lab-key"), account=lab.account, time_limit="1:00:00")
    short = bounds_of(replace(cluster, partition="short"), replace(PRESET, time_limit=""), made(0.05), layout, now)
    assert (short[0].name, short[0].limit_s) == ("short", 600)
    assert short[0].words.startswith("its limit of 1 h 00 min is more than partition short allows")
    whole, reserved = bounds_of(cluster, replace(PRESET, time_limit=""), made(0.3), layout, now)
    assert (whole.name, whole.words) == ("gpu", "")
    assert reserved.limit_s == pytest.approx(IN_S, abs=30)
    assert reserved.verdict is Verdict.FITS
    assert "maintenance begins at" in reserved.words
    assert "it would start before with at most 30 min" in reserved.words

    def first_word(limit: int) -> str:
        options = f"--account={lab.account} --mem=50M --time={limit} --wrap 'sleep 1'"
        job = transport.exec(f"sbatch --parsable {options}", timeout=40).stdout.strip()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            said = transport.exec(f"squeue -h -t all -j {job} -o '%T %r'", timeout=40).stdout.strip()
            if not said.startswith("PENDING (null)") and said not in ("PENDING None", "PENDING Priority"):
                break
            time.sleep(0.2)
        transport.exec(f"scancel {job}", timeout=40)
        return said

    assert first_word(60).startswith("PENDING"), "an hour would reach into the maintenance"
    assert first_word(10).split()[0] in ("CONFIGURING", "RUNNING", "COMPLETING", "COMPLETED")
