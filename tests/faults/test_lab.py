"""The same on real Slurm and OpenSSH: servers killed and stopped, munge gone, a disk without room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.soak.truth import steps_in
from tests.faults.disks import fill
from tests.faults.world import is_not_online, online, settled, shown, trains
from tests.runs.test_lab_runs import SMALL, Site, _site
from tests.runs.test_pocket_runs import reaches
from websight_tui.runs.engine import Engine
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.state import Link, Outcome, Phase

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("faults-lab")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Somebody with a key in front of the lab; whatever a test has stopped runs again afterwards."""
    for there in _site("lab-key", tmp_path, monkeypatch):
        yield there
        state = subprocess.run([there.lab.script, "status"], capture_output=True, text=True, timeout=60, check=False)
        for name in ("munged", "slurmdbd", "slurmctld", "sshd-login"):
            if f"DOWN  {name}\n" in state.stdout:
                there.lab.run("start", name)


def training(site: Site, steps: int = 100) -> tuple[Engine, Keeper, str]:
    engine, keeper = site.connect("app")
    plan = site.plan(steps, 0.1, **SMALL)
    engine.submit(plan)
    trains(keeper, plan.spec.run_id)
    return engine, keeper, plan.spec.run_id


def ends_whole(site: Site, keeper: Keeper, run_id: str, steps: int = 100) -> None:
    """Finished; every step on the screen once and as in the file; one job, here and in the accounting."""
    reaches(keeper, run_id, Phase.FINISHED, 60)
    run = keeper.state.runs[run_id]
    assert shown(run) == list(range(1, steps + 1))
    assert shown(run) == steps_in(folder(site) / "runs" / run_id / "events.jsonl")
    assert jobs(site, run.spec.token) == 1


def folder(site: Site) -> Path:
    return Path(site.lab.home) / site.lab.users["alice"] / site.cluster.root.removeprefix("~/")


def jobs(site: Site, token: str) -> int:
    """How many jobs with this token Slurm knows: in the queue or in the accounting."""
    command = "{ squeue -h -t all --me -o '%i %k'; sacct -nX -P -o JobIDRaw,Comment --delimiter=' '; } | sort -u"
    listed = as_user(site, command).splitlines()
    return len({line.split()[0] for line in listed if line.endswith(token)})


def as_user(site: Site, command: str) -> str:
    words = ["ssh", "-F", site.lab.ssh_config, "-o", "BatchMode=yes", "lab-key", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_sshd_is_killed_with_all_its_logins(site: Site) -> None:
    _, keeper, run_id = training(site)
    site.lab.run("kill-ssh", "login")
    is_not_online(keeper)
    site.lab.run("start", "sshd-login")
    online(keeper)
    ends_whole(site, keeper, run_id)


def test_slurmctld_is_stopped_while_a_run_trains(site: Site) -> None:
    """The queue ages and says why; the log is read on; the run goes on without a controller."""
    engine, keeper, run_id = training(site)
    site.lab.run("stop", "slurmctld")
    engine.refresh("demo")
    in_trouble(keeper)
    seen = len(shown(keeper.state.runs[run_id]))
    assert keeper.wait(lambda s: len(shown(s.runs[run_id])) > seen, 20), "the log stands still"
    assert keeper.state.clusters["demo"].link is Link.ONLINE
    site.lab.run("start", "slurmctld")
    engine.refresh("demo")
    ends_whole(site, keeper, run_id)
    assert keeper.wait(lambda s: not s.clusters["demo"].scheduler_error, 30)


def test_slurmctld_hangs_while_a_run_trains(site: Site) -> None:
    engine, keeper, run_id = training(site)
    site.lab.run("freeze")
    try:
        engine.refresh("demo")
        in_trouble(keeper)
        assert keeper.state.clusters["demo"].link is Link.ONLINE
    finally:
        site.lab.run("thaw")
    engine.refresh("demo")
    ends_whole(site, keeper, run_id)


@pytest.mark.parametrize("daemon", ["slurmdbd", "munged"])
def test_without_accounting_or_munge_a_run_is_not_lost(site: Site, daemon: str) -> None:
    engine, keeper, run_id = training(site)
    site.lab.run("stop", daemon)
    engine.refresh("demo")
    if daemon == "munged":
        in_trouble(keeper)
    seen = len(shown(keeper.state.runs[run_id]))
    assert keeper.wait(lambda s: len(shown(s.runs[run_id])) > seen, 20), "the log stands still"
    assert keeper.state.runs[run_id].phase not in (Phase.FAILED, Phase.CANCELLED)
    site.lab.run("start", daemon)
    engine.refresh("demo")
    ends_whole(site, keeper, run_id)


@pytest.mark.parametrize("daemon", ["slurmctld", "munged"])
def test_a_submission_while_it_is_down_is_one_job_or_none(site: Site, daemon: str) -> None:
    engine, keeper = site.connect("app")
    site.lab.run("stop", daemon)
    plan = site.plan(3, 0.05, **SMALL)
    run_id = plan.spec.run_id
    engine.submit(plan)
    over = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.ACCEPTED)
    assert keeper.wait(lambda s: run_id in s.runs and s.runs[run_id].outcome in over, 90), keeper.state.runs
    site.lab.run("start", daemon)
    engine.refresh("demo")
    settled(keeper, 90)
    run = keeper.state.runs[run_id]
    assert jobs(site, run.spec.token) == (1 if run.outcome is Outcome.ACCEPTED else 0), run.outcome_text
    if run.outcome is Outcome.REJECTED:
        engine.submit(plan)
    ends_whole(site, keeper, run_id, 3)


def test_no_room_on_the_cluster(site: Site) -> None:
    """A real file system without a byte left under the runs of this account."""
    there = folder(site)
    there.mkdir()
    uid = there.parent.stat().st_uid
    os.chown(there, uid, there.parent.stat().st_gid)
    options = f"size=300k,uid={uid},mode=700"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", there], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        fill(there / "filler")
        engine, keeper = site.connect("app")
        plan = site.plan(3, 0.05, **SMALL)
        engine.submit(plan)
        run = reaches(keeper, plan.spec.run_id, Phase.REJECTED, 60)
        assert "full" in run.outcome_text, run.outcome_text
        assert jobs(site, run.spec.token) == 0
        (there / "filler").unlink()
        engine.submit(plan)
        ends_whole(site, keeper, plan.spec.run_id, 3)
    finally:
        subprocess.run(["umount", "--lazy", there], check=True)


def in_trouble(keeper: Keeper, timeout_s: float = 60) -> None:
    """The screen says that the scheduler does not answer."""
    assert keeper.wait(lambda s: bool(s.clusters["demo"].scheduler_error), timeout_s), keeper.state.clusters
