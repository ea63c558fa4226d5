"""Shell metacharacters in every field that reaches a command line: they arrive as they are and run nothing.

Real bash reads the scripts, real sh the commands, real sbatch (in the lab) the headers.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.hostile.payloads import EVIL, harm
from tests.lab.client import LabPerson, require_lab
from tests.remote.servers import Person
from websight_tui.errors import PresetError, WebsightError
from websight_tui.presets import BUILT_IN, make_preset
from websight_tui.remote.opening import open_transport
from websight_tui.remote.openssh_command import client_words
from websight_tui.remote.port import Endpoint
from websight_tui.runs.foreign import foreign_track
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands import commands, parse
from websight_tui.slurm_commands.script import render, render_by_hand

META = "a b'c\"d`touch CANARY`$(touch CANARY);touch CANARY|&<>(){}*?[!]~#\\\\$HOME%j%%\t-é€ --x=1"
WORDS = st.text(st.sampled_from("ab '\"`$();|&<>\\*?[]{}!~#%-=\té€$(touch CANARY)"), min_size=1, max_size=60)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TINY = next(preset for preset in BUILT_IN if preset.name == "tiny")
TEXTS = ("model_name_or_path", "dataset_dir", "dataset", "eval_dataset", "template", "mem", "summary")
RECORD = '#!/bin/bash\nprintf "%s\\0" "$PYTHON" "$PWD" "$@" > "$RECORDED"\n'


def bash(script: str, folder: Path) -> list[str]:
    """Runs a job script whose job.sh only notes what it was given; what that was: PYTHON, folder, arguments."""
    recorded = folder / "recorded"
    recorded.unlink(missing_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "RECORDED": str(recorded)}
    done = subprocess.run(["bash"], input=script, text=True, cwd=folder, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("CANARY"))
    return recorded.read_text().split("\0")[:-1]


@given(WORDS, WORDS)
@example(META, META)
@FEW
def test_the_job_script(tmp_path: Path, root: str, python: str) -> None:
    """Whatever the configuration checks: the script alone holds."""
    base = tmp_path / "base"
    shutil.rmtree(base, ignore_errors=True)
    folder = f"{base}/x{root}"
    spec = RunSpec("tiny-1", "wst-0123456789ab", 0.0, "c", TINY, folder, "abc", "acc", "part", python=python)
    Path(spec.run_dir).mkdir(parents=True)
    job = Path(spec.bundle_dir) / "slurm" / "job.sh"
    job.parent.mkdir(parents=True)
    job.write_text(RECORD)
    home = f"{tmp_path}/{python[2:]}" if python.startswith("~/") else python
    assert bash(render(spec), tmp_path) == [home, spec.run_dir, spec.run_dir]


@pytest.mark.parametrize("field", TEXTS)
@given(text=WORDS)
@example(text=META)
@example(text="a\ntouch CANARY\n#SBATCH --x")
@FEW
def test_the_script_by_hand(tmp_path: Path, field: str, text: str) -> None:
    try:
        preset = make_preset("mine", {field: text}, TINY)
    except PresetError:
        return  # refused where it was entered
    (tmp_path / "slurm").mkdir(exist_ok=True)
    (tmp_path / "slurm" / "job.sh").write_text(RECORD)
    given_words = bash(render_by_hand(preset), tmp_path)
    if field not in ("mem", "summary"):
        assert given_words[given_words.index(f"--{field}") + 1] == text


def test_a_preset_refuses_what_no_line_can_hold() -> None:
    for field in ("summary", "model_name_or_path", "mem"):
        with pytest.raises(PresetError):
            make_preset("mine", {field: "a\nb"}, TINY)


@given(WORDS)
@example(META)
@FEW
def test_commands_of_slurm(tmp_path: Path, text: str) -> None:
    """Through a real shell each word reaches the program as it is."""
    for name in ("sbatch", "sacct"):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    def words(command: str) -> list[str]:
        done = subprocess.run(["sh", "-c", command], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout.split("\0")[:-1]

    assert f"--name={text}" in words(commands.find_by_name(text, 60))
    claim = tmp_path / "claims" / "c"
    shutil.rmtree(claim.parent, ignore_errors=True)
    claim.parent.mkdir()
    sent = words(commands.submit(f"{claim}{text.replace('/', '')}", text, token=text, job_name=text))
    assert sent == ["--parsable", f"--comment={text}", f"--job-name={text}", text]
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize("job_id", ["1;touch x", "$(x)", "1 2", "-1", "", "1\n2", "1_2_3", "--all", "٣"])
def test_an_id_that_is_none_reaches_no_command(job_id: str) -> None:
    for make in (commands.show_job, commands.hold, commands.release, commands.requeue):
        with pytest.raises(ValueError, match="job id"):
            make(job_id)
    with pytest.raises(ValueError, match="job id"):
        commands.cancel([job_id])
    assert parse.parse_queue(f"\x1e{job_id}\x1fRUNNING" + "\x1f" * 16) == []


def test_a_folder_that_a_hostile_job_names(tmp_path: Path) -> None:
    """scontrol's WorkDir and StdOut come from whoever submitted the job; they are searched and read by name."""
    work = tmp_path / "deep" / META.replace("/", "").replace("\t", " ")
    work.mkdir(parents=True)
    row = {"current_steps": 10, "total_steps": 90, "loss": 1.5, "elapsed_time": "0:00:10"}
    (work / "trainer_log.jsonl").write_text(json.dumps(row) + "\n")
    os.mkfifo(work / "pipe")
    transport = open_transport(Endpoint(transport="local"))
    transport.connect(Person())

    class Said:
        def show(self, job_id: str) -> dict[str, str]:
            return {"JobId": job_id, "JobState": "RUNNING", "StartTime": "1", "WorkDir": str(work), "JobName": META,
                    "Command": f"{work}/pipe $(touch CANARY)", "StdOut": f"{work}/pipe",
                    "StdErr": "/dev/zero"}  # fmt: skip

    track = foreign_track("c", "7", transport, Said(), 100.0)  # type: ignore[arg-type]
    assert track.events.path == f"{work}/trainer_log.jsonl"
    assert track.streams == {}
    assert not list(tmp_path.rglob("CANARY"))


@pytest.mark.parametrize("host", ["-oProxyCommand=touch CANARY", "a;touch CANARY", "$(x)", "a b", "", "a\nb", "`x`"])
@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_host_that_is_none_reaches_no_ssh(
    host: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    endpoint = Endpoint(host=host or " ", transport=transport)
    with pytest.raises(WebsightError):
        open_transport(endpoint).connect(Person())
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh command on this machine")
def test_a_known_hosts_file_with_spaces_and_percents_is_one_file() -> None:
    """On macOS the embedded cluster lives in "Application Support"."""
    path = '/a b/100%h "x"/known_hosts'
    words = client_words(Endpoint(host="h", known_hosts=path, use_ssh_config=False), "-G")
    told = subprocess.run([*words, "h"], capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in told.splitlines() if line.startswith("userknownhostsfile ")]
    assert line.replace("%%", "%") == f"userknownhostsfile {path}"


@pytest.mark.cluster
def test_real_sbatch_takes_every_field_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's sbatch over SSH, with metacharacters in each free field of the header and of the command line."""
    lab = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", lab.ssh_config)
    text = "a'b\"c`touch CANARY`$(touch CANARY);|&<>(){}*?[!]~#\\$HOME é --x=1"
    there = open_transport(Endpoint(host="lab-key"))
    there.connect(LabPerson(lab))
    base = there.exec("mktemp -d", timeout=20).stdout.strip()
    try:
        preset = dataclasses.replace(TINY, mem="64M", time_limit="0:01:00", gpus_per_node=0)
        # In a header and in a path sbatch takes a backslash for its own. No field of ours that gets there may hold one.
        in_header = text.replace("\\", "")
        spec = RunSpec("r", in_header, 0.0, "c", preset, f"{base}/x {in_header}", "abc", lab.account)
        script = f"{spec.run_dir}/job.sh"
        there.upload(render(spec).encode(), script, mode=0o700)
        by_command = commands.submit(f"{base}/claim", script, token=text, job_name=f"{text}-tiny")
        by_header = shlex.join(["sbatch", "--parsable", script])
        for command, said in ((by_command, text), (by_header, in_header)):
            told = there.exec(command, timeout=60)
            assert told.exit == 0, told.stderr
            job_id = parse.parse_submitted(told.stdout)
            jobs = {job.job_id: job for job in parse.parse_queue(there.exec(commands.queue(), timeout=60).stdout)}
            assert (jobs[job_id].name, jobs[job_id].comment) == (f"{said}-tiny", said)
            shown = parse.parse_show_job(there.exec(commands.show_job(job_id), timeout=60).stdout)
            assert shown["StdOut"] == f"{spec.run_dir}/job-{job_id}.out"
            there.exec(commands.cancel([job_id]), timeout=60)
        found = there.exec(f"find {shlex.quote(base)} ~ -name CANARY", timeout=60)
        assert found.stdout == ""
    finally:
        there.exec(f"rm -rf {shlex.quote(base)}", timeout=60)
        there.close()


@pytest.mark.cluster
def test_names_that_real_slurm_hands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm takes escape sequences, separators and broken UTF-8 in a name and prints them as they are."""
    lab = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", lab.ssh_config)
    there = open_transport(Endpoint(host="lab-key"))
    there.connect(LabPerson(lab))
    try:
        for name in (EVIL.replace("\x00", ""), "a\x1f\x1eb\nc|d", "\udcff\udcfe"):
            words = ["sbatch", "--parsable", "--hold", f"--account={lab.account}", "--mem=64M", f"--job-name={name}"]
            line = f"{shlex.join([*words, '--wrap=true'])} 2>&1"
            told = there.exec(line, timeout=60)
            assert told.exit == 0, told.stdout
            job_id = parse.parse_submitted(told.stdout)
            answer = there.exec(commands.queue(), timeout=60).stdout
            (job,) = [job for job in parse.parse_queue(answer) if job.job_id == job_id]
            assert job.state == "PENDING"
            assert not harm(job.name.encode(), terminal=False)
            parse.parse_show_job(there.exec(commands.show_job(job_id), timeout=60).stdout)
            there.exec(commands.cancel([job_id]), timeout=60)
    finally:
        there.close()
