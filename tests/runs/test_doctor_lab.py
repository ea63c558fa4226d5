"""The doctor in front of a real Slurm and real SSH servers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.lab.client import Lab, LabPerson, require_lab
from tests.runs.clinic import SMALL, examined, of, opener
from websight_tui.config import Cluster
from websight_tui.presets import BUILT_IN
from websight_tui.remote.port import Endpoint, Unattended
from websight_tui.slurm_commands import job_counts
from websight_tui.slurm_commands.job_counts import JobCounts

pytestmark = pytest.mark.cluster
RANK32 = next(preset for preset in BUILT_IN if preset.name == "rank32")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    found = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", found.ssh_config)
    with found.awake():
        yield found


def place(lab: Lab, host: str, **changes: object) -> Cluster:
    values = {"root": f"~/doctor-{secrets.token_hex(3)}", "account": lab.account, "python": "/usr/bin/python3"}
    return Cluster(host, Endpoint(host=host), **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["lab-key", "lab-via", "lab-otp", "lab-noisy", "lab-bare"])
def test_every_way_to_a_real_slurm(lab: Lab, host: str) -> None:
    cluster = place(lab, host)
    findings = examined(cluster, RANK32, prompter=LabPerson(lab))
    wrong = {f.check for f in findings if f.level == "fail"} - {"data"}  # SMALL is no trainer
    if "needs 3.11" in of(findings, "python").message:  # the suite's own Python, not Slurm's
        wrong -= {"python"}
    assert not wrong, findings
    assert "slurm" in of(findings, "slurm").message
    assert "8 GPUs" in of(findings, "partition").message
    assert "in partition" in of(findings, "submit").message or ", partition " in of(findings, "submit").message
    assert (of(findings, "accounting").level == "warn") == (host == "lab-bare")
    assert (of(findings, "shell").level == "warn") == (host == "lab-noisy")
    transport = opener(cluster)
    transport.connect(LabPerson(lab))
    try:
        left = transport.exec(f"ls -d {cluster.root}", timeout=20)
        queue = transport.exec("squeue --me --noheader --states=all --format=%j", timeout=40).stdout
    finally:
        transport.close()
    assert left.exit != 0, left.stdout
    assert "rank32" not in queue


def test_what_real_slurm_says_of_wrong_settings(lab: Lab) -> None:
    findings = examined(place(lab, "lab-key", account="nosuch", partition="short", gpus_per_node=16), RANK32)
    assert lab.account in of(findings, "account").hint
    said = [f.message for f in findings if f.check == "partition"]
    assert len(said) == 2
    assert "10 min" in said[0]
    assert "8 GPUs, 16" in said[1]
    assert "account" in of(findings, "submit").message


def test_real_slurm_says_how_many_jobs_a_user_may_have(lab: Lab) -> None:
    cluster = place(lab, "lab-key")
    transport = opener(cluster)
    transport.connect(LabPerson(lab))

    def counts() -> JobCounts:
        result = transport.exec(job_counts.command(lab.account), timeout=40)
        assert result.exit == 0, result.stderr
        return job_counts.parse(result.stdout)

    user = ("user", "where", f"name={lab.users['alice']}", "set")
    try:
        assert counts() == JobCounts()
        lab.run("sacctmgr", "modify", *user, "maxjobs=3", "maxsubmit=7")
        lab.run("sacctmgr", "modify", "qos", "normal", "set", "maxjobsperuser=2", "maxsubmitjobsperuser=9")
        assert counts() == JobCounts(running=2, submitted=7)
    finally:
        lab.run("sacctmgr", "modify", *user, "maxjobs=-1", "maxsubmit=-1")
        lab.run("sacctmgr", "modify", "qos", "normal", "set", "maxjobsperuser=-1", "maxsubmitjobsperuser=-1")
        transport.close()


def test_a_login_that_asks_and_nobody_is_there(lab: Lab) -> None:
    findings = examined(place(lab, "lab-otp"), prompter=Unattended(), bundle=SMALL)
    found = of(findings, "login")
    assert found.level == "fail"
    assert "terminal" in found.hint


def test_slurm_that_only_a_login_shell_finds(lab: Lab) -> None:
    findings = examined(place(lab, "lab-noisy", login_shell=False))
    assert of(findings, "slurm").level == "fail"
    assert "login_shell = true" in of(findings, "slurm").hint
