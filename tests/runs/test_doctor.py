"""The doctor on the embedded cluster over SSH, and on this machine without Slurm."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.clinic import CONFIG, SMALL, examined, of, opener, plan_for
from websight_tui.config import Cluster
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import Endpoint, Unattended
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.checks.finding import Doing, Finding, Tell, fail, ok, warn
from websight_tui.runs.checks.slurm import Site, check_account, check_accounting, check_controller
from websight_tui.runs.checks.steps import PREFLIGHT
from websight_tui.runs.doctor import examine, inspect
from websight_tui.runs.preflight import Preflight, preflight_of
from websight_tui.runs.scratch import Scratch


def trainer_python() -> str:
    """A Python that has the trainer's packages; skips the test where there is none."""
    beside = Path(__file__).parents[2] / ".venv-trainer/bin/python"
    python = os.environ.get("WEBSIGHT_TUI_TRAINER_PYTHON") or str(beside)
    check = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('torch', 'llamafactory'))))"
    if not Path(python).exists() or subprocess.run([python, "-c", check], check=False).returncode:
        pytest.skip("no Python with the trainer's packages (set WEBSIGHT_TUI_TRAINER_PYTHON)")
    return python


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketInfo]:
    folder = tmp_path_factory.mktemp("pocket")
    yield control.start(folder)
    control.stop(folder)


@pytest.fixture
def cluster(info: PocketInfo) -> Cluster:
    return Cluster(
        "hai",
        info.endpoint,
        root="~/work/websight",
        account="demo",
        partition="demo",
        gpus_per_node=0,
        time_limit="1:00:00",
        python=sys.executable,
    )


def fault(info: PocketInfo, *words: str) -> None:
    subprocess.run([str(info.folder / "bin/pocketctl"), *words], check=True, timeout=20)


# a cluster that works


def test_everything_is_there_and_nothing_is_left_behind(cluster: Cluster, info: PocketInfo) -> None:
    cluster = dataclasses.replace(cluster, python=trainer_python())
    before = files_under(info.home)
    findings = examined(cluster, bundle=None)
    assert [f for f in findings if f.level != "ok"] == []
    checks = list(dict.fromkeys(f.check for f in findings))
    assert checks[:11] == [
        *("name", "reach", "host key", "login", "shell", "files"),
        *("slurm", "controller", "accounting", "account", "partition"),
    ]
    assert checks[11:] == ["folder", "disk", "python", "environment", "model", "data", "submit"]
    assert "22.05.8" in of(findings, "slurm").message
    assert "llamafactory" in of(findings, "python").message
    assert "partition demo" in of(findings, "submit").message
    assert files_under(info.home) == before
    assert not any(".websight-check" in f.message for f in findings)
    queue = subprocess.run([str(info.folder / "bin/squeue"), "-h", "-t", "all"], capture_output=True, check=True)
    assert queue.stdout == b""


def test_the_preflight_counts_the_true_rows(cluster: Cluster, info: PocketInfo) -> None:
    cluster = dataclasses.replace(cluster, python=trainer_python())
    before = files_under(info.home)
    transport = opener(cluster)
    transport.connect(Unattended())
    try:
        told: list[Doing | Finding] = []
        found = preflight_of(transport, plan_for(cluster).at(str(info.home)).spec, tell=told.append)
    finally:
        transport.close()
    assert found.ok, found.findings
    steps = dict.fromkeys(item.check for item in told if isinstance(item, Doing))
    assert tuple(steps) == PREFLIGHT, "each step was told, in its order"
    uploads = [item for item in told if isinstance(item, Doing) and item.words == "uploading"]
    assert uploads, told
    assert all(0 <= item.done <= item.total and item.in_bytes for item in uploads)
    heard = [item for item in told if isinstance(item, Finding)]
    assert [item for item in heard if item.check != "output"] == list(found.findings)
    assert (found.train_rows, found.eval_rows) == (160, 16)
    assert found.tokens_per_row is not None
    assert found.longest_row is not None
    assert 0 < found.tokens_per_row <= found.longest_row
    assert files_under(info.home) == before


def test_an_uploaded_trainer_is_used_and_stays_as_it_was(cluster: Cluster, info: PocketInfo) -> None:
    code = b"import json\nfrom trainer import words\nprint('noise')\nprint(json.dumps({'findings': words.ALL}))\n"
    rows = [{"level": "strange", "check": "data", "message": "a\x1b[31m\nb", "hint": ""}, "no row", None]
    bundle = Bundle(
        {
            "trainer/__init__.py": b"",
            "trainer/words.py": f"ALL = {rows!r}".encode(),
            "trainer/__main__.py": code,
            "slurm/job.sh": b"",
        }
    )
    there = info.home / "kept"
    for name, content in bundle.files.items():
        (there / "bundles" / bundle.sha / name).parent.mkdir(parents=True, exist_ok=True)
        (there / "bundles" / bundle.sha / name).write_bytes(content)
    before = files_under(there)
    findings = examined(dataclasses.replace(cluster, root=str(there)), bundle=bundle)
    assert of(findings, "data") == Finding("warn", "data", "a b", "")
    assert files_under(there) == before
    shutil.rmtree(there)


# what is wrong with the configuration


def test_a_wrong_account_is_refused_by_name_and_by_slurm(cluster: Cluster) -> None:
    findings = examined(dataclasses.replace(cluster, account="nosuch"))
    found = of(findings, "account")
    assert found.level == "fail"
    assert "ingrai, demo" in found.hint
    assert of(findings, "slurm").message.endswith("(not on the system's own PATH)")
    assert of(findings, "submit").level == "fail"
    assert "account" in of(findings, "submit").message


def test_limits_gpus_and_partition_against_the_configuration(cluster: Cluster) -> None:
    long = dataclasses.replace(CONFIG.presets["tiny"], time_limit=None)
    findings = examined(dataclasses.replace(cluster, partition="short", time_limit="8:00:00"), long)
    assert (of(findings, "partition").level, of(findings, "submit").level) == ("fail", "fail")
    assert "1 h 00 min" in of(findings, "partition").message
    hint = of(findings, "partition").hint
    assert hint == "Lower time_limit in [clusters.hai], or choose partition demo or gpu."
    many = dataclasses.replace(CONFIG.presets["tiny"], gpus_per_node=16)
    findings = examined(cluster, many)
    assert "8 GPUs, 16 are asked for" in of(findings, "partition").message
    assert of(findings, "partition").hint == "Lower gpus_per_node of preset tiny."
    findings = examined(dataclasses.replace(cluster, partition="nosuch"))
    assert "demo, short, gpu" in of(findings, "partition").hint


def test_setup_lines_that_fail_and_a_python_that_is_not_there(cluster: Cluster) -> None:
    findings = examined(dataclasses.replace(cluster, setup=("echo loaded", "source ~/nowhere/bin/activate")))
    found = of(findings, "python")
    assert found.level == "fail"
    assert "nowhere/bin/activate" in found.message
    assert of(findings, "data") == Finding("skip", "data", "not looked at: python failed")
    assert of(findings, "submit").level == "ok"
    findings = examined(dataclasses.replace(cluster, python="~/venv/bin/python"))
    assert "venv/bin/python" in of(findings, "python").message
    assert of(findings, "python").level == "fail"


def test_setup_lines_may_print_and_use_unset_variables(cluster: Cluster) -> None:
    lines = ("echo '{\"version\": [2, 7, 1]}'", "echo $NOT_SET_ANYWHERE", f"export PY={shlex.quote(sys.executable)}")
    found = of(examined(dataclasses.replace(cluster, setup=lines)), "python")
    assert ".".join(map(str, sys.version_info[:3])) in found.message


def test_a_python_that_is_too_old(cluster: Cluster, info: PocketInfo) -> None:
    old = info.home / "old-python"
    old.write_text('#!/bin/sh\necho \'{"version": [3, 8, 10], "path": "/usr/bin/python3", "packages": {}}\'\n')
    old.chmod(0o755)
    found = of(examined(dataclasses.replace(cluster, python="~/old-python")), "python")
    old.unlink()
    assert found.level == "fail"
    assert "3.8.10" in found.message


def test_a_stand_in_that_says_nothing_is_asked_for_its_preflight(cluster: Cluster) -> None:
    findings = examined(dataclasses.replace(cluster, python="/bin/true"))
    assert of(findings, "python").level == "warn"
    assert of(findings, "data").level == "fail"


def test_something_that_is_not_our_trainer_is_refused_with_words(cluster: Cluster) -> None:
    found = of(examined(cluster), "data")
    assert found.level == "fail"
    assert "did not run" in found.message


def test_missing_data_and_model_are_said_with_what_to_do(cluster: Cluster) -> None:
    findings = examined(cluster, CONFIG.presets["rank32"], bundle=None)
    assert any(f.check == "data" and f.level == "fail" and "prepare" in f.hint for f in findings)
    assert any(f.check == "model" and f.level != "ok" and "Qwen" in f.hint for f in findings)


def test_a_folder_that_cannot_be_written(cluster: Cluster, info: PocketInfo) -> None:
    (info.home / "a-file").write_text("")
    before = files_under(info.home)
    findings = examined(dataclasses.replace(cluster, root="~/a-file/inside"))
    assert of(findings, "folder").level == "fail"
    assert "~/a-file" in of(findings, "folder").message
    assert [of(findings, check).level for check in ("disk", "data")] == ["skip", "skip"]
    assert of(findings, "submit").level == "ok"
    assert files_under(info.home) == before
    (info.home / "a-file").unlink()


# what is wrong with Slurm


def test_accounting_that_is_off(cluster: Cluster, info: PocketInfo) -> None:
    fault(info, "accounting", "off")
    try:
        findings = examined(dataclasses.replace(cluster, account="whatever"))
    finally:
        fault(info, "accounting", "on")
    assert of(findings, "accounting").level == "warn"
    assert of(findings, "submit").level == "ok"


def test_a_controller_that_is_down_is_asked_once(cluster: Cluster, info: PocketInfo) -> None:
    fault(info, "controller", "down", "0.2")
    try:
        findings = examined(cluster)
    finally:
        fault(info, "controller", "up")
    assert of(findings, "controller").level == "fail"
    skipped = [f.check for f in findings if f.message == "not looked at: controller failed"]
    assert skipped == ["accounting", "account", "partition", "submit"]
    assert of(findings, "folder").level == "ok"


def test_no_slurm_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        *("sh", "bash", "env", "tail", "tr", "cut", "dirname", "mkdir", "rm", "rmdir", "dd", "cat", "find"),
        *("test", "df", "id", "mv", "tar", "sha256sum", "timeout"),
    ):
        (tools / name).symlink_to(shutil.which(name) or "/bin/false")
    monkeypatch.setenv("PATH", str(tools))
    root = tmp_path / "root"
    cluster = Cluster("here", Endpoint(transport="local"), root=str(root), python=sys.executable)
    findings = examined(cluster, open_transport=lambda _: LocalTransport(login_shell=False))
    found = of(findings, "slurm")
    assert found.level == "fail"
    assert "login_shell = true in [clusters.here]" in found.hint
    reasons = {f.message for f in findings if f.level == "skip"}
    assert reasons == {"not looked at: slurm failed"}
    assert of(findings, "submit").level == "skip"
    assert of(findings, "folder").level == "ok"
    assert not root.exists()


def test_an_accounting_database_that_is_down_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "scontrol": "echo 'AccountingStorageType = accounting_storage/slurmdbd'",
        "sacctmgr": "echo 'sacctmgr: error: Problem talking to the database: Connection refused' >&2; exit 1",
    }
    for name, text in answers.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    transport, known = LocalTransport(login_shell=False), Site()
    transport.connect(Unattended())
    assert [f.level for f in check_controller(transport, known)] == ["ok"]
    (found,) = check_accounting(transport, known)
    assert (found.level, "does not answer" in found.message) == ("warn", True)
    assert [f.level for f in check_account(Cluster("hai", account="ingrai"), known, None, 8)] == ["skip"]


# while it looks


def test_looking_over_a_connection_that_is_there_leaves_it_open(cluster: Cluster) -> None:
    transport = opener(cluster)
    transport.connect(Unattended())
    try:
        told: list[Doing | Finding] = []
        inspect(transport, cluster, plan_for(cluster, None, SMALL), told.append)
        assert next(item for item in told if isinstance(item, Finding)).check == "shell"
        assert transport.connected
    finally:
        transport.close()


def test_what_the_trainer_finds_is_told_at_once_and_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    at_home, missing = ok("environment", "Python 3.11.9"), fail("data", "the file is not there", "Make it.")
    told: list[Doing | Finding] = []
    seen_meanwhile: list[Finding] = []

    def preflight(*_: object, tell: Tell, **__: object) -> Preflight:
        for item in (Doing("environment"), at_home, Doing("data"), missing, ok("storage", "told as disk before")):
            tell(item)
        seen_meanwhile.extend(item for item in told if item in (at_home, missing))
        return Preflight((at_home, missing, warn("data", "only known at the end")))

    monkeypatch.setattr("websight_tui.runs.doctor.preflight_in", preflight)
    transport = opener(cluster)
    transport.connect(Unattended())
    try:
        inspect(transport, cluster, plan_for(cluster, None, SMALL), told.append)
    finally:
        transport.close()
    assert seen_meanwhile == [at_home, missing]
    begun = told.index(Doing("data", ""))  # the doctor's own word for the trainer's part
    assert told[begun + 1 : begun + 6] == [
        Doing("environment"), at_home, Doing("data"), missing, warn("data", "only known at the end"),
    ]  # fmt: skip


# the folder that is removed again


def test_giving_up_half_way_leaves_nothing_behind(cluster: Cluster, info: PocketInfo) -> None:
    before = files_under(info.home)
    there = before

    def tell(item: Doing | Finding) -> None:
        nonlocal there
        if isinstance(item, Finding) and item.check == "folder":
            there = files_under(info.home)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(cluster, plan_for(cluster, None, SMALL), open_transport=opener, prompter=Unattended(), tell=tell)
    assert there != before
    assert files_under(info.home) == before


def test_what_a_broken_visit_left_is_removed_after_hours(tmp_path: Path) -> None:
    transport = LocalTransport(login_shell=False)
    transport.connect(Unattended())
    stale, recent, foreign = (tmp_path / name for name in (".websight-check-old", ".websight-check-new", "runs"))
    for folder in (stale, recent, foreign):
        (folder / "inside").mkdir(parents=True)
        (folder / "inside/file").write_text(json.dumps({}))
    hours_ago = time.time() - 6 * 3600
    os.utime(stale, (hours_ago, hours_ago))
    os.utime(foreign, (hours_ago, hours_ago))
    scratch = Scratch(transport, str(tmp_path))
    assert not stale.exists()
    assert recent.exists()
    assert scratch.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == [recent.name, foreign.name]


def test_a_folder_that_was_made_for_the_visit_stays_if_somebody_uses_it(tmp_path: Path) -> None:
    transport = LocalTransport(login_shell=False)
    transport.connect(Unattended())
    scratch = Scratch(transport, str(tmp_path / "a b/root"))
    assert scratch.root_is_new
    assert (Path(scratch.path).stat().st_mode & 0o777) == 0o700
    (tmp_path / "a b/root/runs").mkdir()
    assert scratch.remove()
    assert [path.name for path in (tmp_path / "a b/root").iterdir()] == ["runs"]
