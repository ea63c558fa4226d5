"""A cluster on this machine for tests: real shell and files, a Slurm whose state and faults the test decides."""

from __future__ import annotations

import dataclasses
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from websight_tui.config import Cluster, Config, load_config
from websight_tui.errors import ConnectionLost
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import Endpoint, ExecResult, FileChunk, Hear, Progress, Prompter, ReadRequest
from websight_tui.remote.steps import Tell, to_nobody
from websight_tui.slurm_commands.commands import ACCOUNT_FIELDS, QUEUE_FIELDS, RECORD, SEPARATOR
from websight_tui.slurm_commands.times import format_duration

SBATCH = """\
#!/bin/sh
# what an sbatch would be asked, one line a call; the answer is in files that the test writes
for word in "$@"; do printf '%s\\t' "$word"; done >>"{folder}/sbatch.calls"
printf '\\n' >>"{folder}/sbatch.calls"
. "{folder}/sbatch.sh"
"""
ACCEPTS = """\
id=$(($(cat "{folder}/last_id") + 1)); echo $id >"{folder}/last_id"
mkdir -p "{folder}/taken"
for word in "$@"; do printf '%s\\n' "$word"; done >"{folder}/taken/$id.part"
mv "{folder}/taken/$id.part" "{folder}/taken/$id"
"""
ANSWERS = "echo $id\n"
TIMED_OUT = 'echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1\n'


def rejects(reason: str) -> str:
    """An sbatch that refuses."""
    return f'echo "sbatch: error: Batch job submission failed: {reason}" >&2; exit 1\n'


@dataclasses.dataclass
class FakeJob:
    """A job in the fake Slurm; `listed` False: it has left squeue."""

    job_id: str
    name: str
    comment: str
    state: str = "PENDING"
    reason: str = "None"
    submit: int = 0
    start: int = 0
    end: int = 0
    limit_s: int = 600
    exit_code: str = "0:0"
    listed: bool = True
    accounted: bool = True
    accounted_state: str = ""
    work_dir: str = ""
    stdout: str = ""
    dependency: str = ""


class FakeSlurm:
    """The cluster's side; outlives connections. `calls` counts programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "last_id").write_text("100")
        shim = folder / "bin" / "sbatch"
        shim.write_text(SBATCH.format(folder=folder))
        shim.chmod(0o755)
        self.accounting = True
        self.broken: dict[str, ExecResult] = {}
        self.shown = {"partition": "", "reservation": "No reservations in the system\n"}
        self.calls: list[str] = []
        self.extra: list[FakeJob] = []
        self.jobs: dict[str, FakeJob] = {}
        self.lock = threading.RLock()
        self.sbatch(ACCEPTS + ANSWERS)

    def sbatch(self, script: str) -> None:
        """What sbatch does from now on (shell; ACCEPTS takes the job, ANSWERS prints its id)."""
        (self.folder / "sbatch.sh").write_text(script.replace("{folder}", str(self.folder)))

    @property
    def sbatch_calls(self) -> list[list[str]]:
        path = self.folder / "sbatch.calls"
        return [line.split("\t")[:-1] for line in path.read_text().splitlines()] if path.exists() else []

    def all_jobs(self) -> list[FakeJob]:
        with self.lock:
            taken = self.folder / "taken"
            for path in sorted(taken.iterdir()) if taken.exists() else []:
                if path.suffix != ".part" and path.name not in self.jobs:
                    options = [w[2:] for w in path.read_text().split("\n") if w.startswith("--") and "=" in w]
                    words = dict(option.split("=", 1) for option in options)
                    self.jobs[path.name] = FakeJob(
                        path.name, words["job-name"], words["comment"], submit=int(time.time())
                    )
            return [*self.jobs.values(), *self.extra]

    def answer(self, words: list[str]) -> ExecResult:
        program, *rest = words
        self.calls.append(program)
        if program in self.broken:
            return self.broken[program]
        return getattr(self, f"_{program}")(rest)

    def _squeue(self, words: list[str]) -> ExecResult:
        assert f"--format={RECORD}{SEPARATOR.join(letter for _, letter in QUEUE_FIELDS)}" in words
        text = "".join(self._queue_row(job) for job in self.all_jobs() if job.listed)
        return ExecResult(0, text, "")

    @staticmethod
    def _queue_row(job: FakeJob) -> str:
        values = {
            "job_id": job.job_id,
            "state": job.state,
            "reason": job.reason,
            "submit_time": str(job.submit),
            "start_time": str(job.start or "N/A"),
            "end_time": str(job.end or "N/A"),
            "time_limit_s": format_duration(job.limit_s),
            "elapsed_s": "0:10",
            "nodes": "1",
            "partition": "gpu",
            "name": job.name,
            "comment": job.comment,
            "dependency": job.dependency or "(null)",
        }
        return RECORD + SEPARATOR.join(values.get(name, "") for name, _ in QUEUE_FIELDS) + "\n"

    def _sacct(self, words: list[str]) -> ExecResult:
        if not self.accounting:
            return ExecResult(1, "", "Slurm accounting storage is disabled\n")
        wanted = next((w.split("=", 1)[1].split(",") for w in words if w.startswith("--jobs=")), None)
        name = next((w.split("=", 1)[1] for w in words if w.startswith("--name=")), None)
        text = ""
        for job in self.all_jobs():
            if job.accounted and (job.job_id in wanted if wanted is not None else job.name == name):
                values = {
                    "job_id": job.job_id,
                    "state": job.accounted_state or job.state,
                    "exit_code": job.exit_code,
                    "submit_time": str(job.submit),
                    "start_time": str(job.start or "Unknown"),
                    "end_time": str(job.end or "Unknown"),
                    "time_limit_s": format_duration(job.limit_s),
                    "elapsed_s": "00:00:10",
                    "partition": "gpu",
                    "name": job.name,
                }
                text += SEPARATOR.join(values.get(field, "") for field, _ in ACCOUNT_FIELDS) + "\n"
        return ExecResult(0, text, "")

    def _scancel(self, words: list[str]) -> ExecResult:
        for job in self.all_jobs():
            if job.job_id in words:
                job.state, job.end = "CANCELLED", int(time.time())
        return ExecResult(0, "", "")

    def _scontrol(self, words: list[str]) -> ExecResult:
        if words[1:2] == ["show"] and words[-1] in self.shown:
            return ExecResult(0, self.shown[words[-1]], "")
        job_id = next((w.removeprefix("JobId=") for w in words if w.removeprefix("JobId=").isdigit()), "")
        job = next((job for job in self.all_jobs() if job.job_id == job_id), None)
        if job is None:
            return ExecResult(1, "", "slurm_load_jobs error: Invalid job id specified\n")
        if words[0] == "show":
            fields = (
                f"JobId={job.job_id} JobName={job.name} JobState={job.state} ExitCode={job.exit_code} "
                f"TimeLimit={format_duration(job.limit_s)} StartTime={job.start} WorkDir={job.work_dir} "
                f"StdErr={job.stdout} StdOut={job.stdout}\n"
            )
            return ExecResult(0, fields, "")
        if words[0] == "hold":
            job.reason = "JobHeldUser"
        if words[0] == "release":
            job.reason = "None"
        if words[0] == "update":
            hours, minutes, seconds = words[-1].removeprefix("TimeLimit=").split(":")
            job.limit_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return ExecResult(0, "", "")


class FakeTransport:
    """A connection to a FakeSlurm. `fault(command)` may raise before a command runs, `lose(command)` after it ran."""

    def __init__(self, slurm: FakeSlurm, *, may_prompt: bool = False) -> None:
        self.slurm = slurm
        self.local = LocalTransport(login_shell=False)
        self.may_prompt = may_prompt
        self.fault: Callable[[str], None] = lambda command: None
        self.lose: Callable[[str], bool] = lambda command: False
        self.connect_error: Exception | None = None
        self.reads = 0

    @property
    def address(self) -> str:
        return "fake"

    @property
    def connected(self) -> bool:
        return self.local.connected

    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        if self.connect_error is not None:
            raise self.connect_error
        self.local.connect(prompts, tell)

    def exec(self, command: str, *, timeout: float, stdin: bytes | None = None, hear: Hear | None = None) -> ExecResult:
        if not self.connected:
            raise ConnectionLost("The connection is closed")
        self.fault(command)
        words = shlex.split(command)
        if words[:3] == ["env", "LC_ALL=C", "SLURM_TIME_FORMAT=%s"]:
            program = next(index for index, word in enumerate(words[1:], 1) if "=" not in word)
            result = self.slurm.answer(words[program:])
        elif words[:3] == ["env", "LC_ALL=C", "scontrol"]:
            result = self.slurm.answer(words[2:])
        else:
            if "sbatch" in words:
                self.slurm.calls.append("sbatch")
            path = shlex.quote(str(self.slurm.folder / "bin"))
            result = self.local.exec(f"PATH={path}:$PATH; {command}", timeout=timeout, stdin=stdin, hear=hear)
        if self.lose(command):
            self.close()
            raise ConnectionLost("The connection broke")
        return result

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        return self.local.read(path, offset, limit)

    def read_many(self, requests: Sequence[ReadRequest]) -> list[FileChunk | None]:
        self.reads += 1
        return self.local.read_many(requests)

    def upload(self, source: Path | bytes, path: str, *, mode: int = 0o644, progress: Progress | None = None) -> None:
        self.fault(f"upload {path}")
        self.local.upload(source, path, mode=mode, progress=progress)

    def download(self, path: str, target: Path, *, progress: Progress | None = None) -> None:
        self.local.download(path, target, progress=progress)

    def close(self) -> None:
        self.local.close()


def configuration(root: Path, *, floor_s: float = 0.05, **values: object) -> Config:
    """A configuration with one cluster, "fake", whose folder is `root`."""
    cluster = Cluster("fake", Endpoint(transport="local"), root=str(root), poll_floor_s=floor_s)
    cluster = dataclasses.replace(cluster, **values)  # type: ignore[arg-type]
    return dataclasses.replace(load_config(root / "no config"), clusters={"fake": cluster})
