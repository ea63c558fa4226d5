"""The place where the app is measured: a pocket cluster with counted commands, a queue of any length, one run.

Everything lives in one temporary folder and is removed with it. `squeue` answers with the cluster's own jobs, followed
by made-up rows where a long queue is wanted; every call of a Slurm command is counted, whoever makes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.terminal import Terminal
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo
from websight_tui.presets import BUILT_IN, Preset
from websight_tui.runs.state import Outcome
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.commands import QUEUE_FIELDS, RECORD, SEPARATOR
from websight_tui.slurm_commands.model import Job

COUNTED = ("squeue", "sacct", "scontrol", "sinfo", "scancel", "sacctmgr")
OURS = (sys.executable, "-m", "websight_tui")
REFRESH_S = 1.0
"""How often the app reads the files of the run on the screen."""


@dataclass
class Scene:
    """A running pocket cluster and the app's environment.

    Args:
        folder: of everything.
        info: the cluster.
    """

    folder: Path
    info: PocketInfo

    @property
    def home(self) -> Path:
        return self.info.home

    def environment(self, name: str = "app", *, floor_s: float = 5.0) -> dict[str, str]:
        """A fresh person's environment: configuration with this one cluster, an empty history, compiled modules."""
        own = self.folder / name
        own.mkdir(exist_ok=True)
        endpoint = self.info.endpoint
        (own / "config.toml").write_text(
            f'[clusters.bench]\nhost = "{endpoint.host}"\nport = {endpoint.port}\nuser = "{endpoint.user}"\n'
            f'identity_file = "{endpoint.identity_file}"\nknown_hosts = "{endpoint.known_hosts}"\n'
            f'transport = "paramiko"\naccount = "demo"\npartition = "demo"\npoll_floor_s = {floor_s}\n'
            f"login_shell = false\n"
        )
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        root = str(Path(__file__).resolve().parents[1])
        return env | {
            "WEBSIGHT_TUI_CONFIG": str(own / "config.toml"),
            "WEBSIGHT_TUI_DATA": str(own / "data"),
            "PYTHONPATH": root,
        }

    def history(self, name: str = "app") -> Store:
        """The run history of `environment(name)`."""
        return Store(self.folder / name / "data" / "runs.sqlite")

    def ssh(self, command: str) -> list[str]:
        """The OpenSSH client's words for `command` on the cluster."""
        e = self.info.endpoint
        options = ["-F", "none", "-o", f"UserKnownHostsFile={e.known_hosts}", "-o", "IdentitiesOnly=yes"]
        return ["ssh", *options, "-i", str(e.identity_file), "-p", str(e.port), f"{e.user}@{e.host}", command]

    def submit(self, *options: str, seconds: int = 3600) -> str:
        """Submits a job that sleeps; returns its id."""
        words = [str(self.folder / "cluster" / "bin" / "sbatch"), "--parsable", "--wrap", f"sleep {seconds}", *options]
        done = subprocess.run(words, cwd=self.home, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout.strip()

    def running(self, job_id: str) -> bool:
        words = [str(self.folder / "cluster" / "bin" / "squeue"), "-h", "-j", job_id, "-o", "%T"]
        return "RUNNING" in subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout

    def add_run(self, store: Store, number: int, *, rows: int = 0, live: bool = False) -> RunSpec:
        """Puts a run into the history, with `rows` logged steps; a live one has a real job that sleeps.

        Returns: its specification; its files are in `run_dir` on the cluster.
        """
        preset = dataclasses.replace(_preset("tiny"), gpus_per_node=0, time_limit="1:00:00")
        now = time.time()
        spec = RunSpec(
            f"tiny-bench-{number:05d}", f"wst-{number:012x}", now - 10 - number, "bench", preset,
            str(self.home / "websight"), "0" * 12, "demo", "demo",
        )  # fmt: skip
        folder = Path(spec.run_dir)
        folder.mkdir(parents=True, exist_ok=True)
        job_id = str(900_000 + number)
        if live:
            job_id = self.submit("-J", spec.job_name, f"--comment={spec.token}", "-p", "short", "-t", "60")
        store.begin_submission(spec, now)
        store.settle(spec.token, Outcome.ACCEPTED, now, job_id=job_id)
        if not live:
            store.save_job(spec.run_id, Job(job_id, name=spec.job_name, state="COMPLETED", final=True), now)
        if rows:
            from bench.parse import events

            data = events(190 * rows, now)
            (folder / "events.jsonl").write_bytes(data)
            if not live:
                store.append(spec.run_id, "events", 0, data, "bench")
        if live:
            _until(lambda: self.running(job_id), "the job runs")
        return spec

    def output_of(self, spec: RunSpec, store: Store) -> Path:
        """The file that the run's newest job writes to."""
        job_id = next(run.jobs[-1].job.job_id for run in store.runs() if run.spec.run_id == spec.run_id)
        return Path(spec.run_dir) / f"job-{job_id}.out"

    def cancel_job(self, job_id: str) -> None:
        """Ends a job of `submit`."""
        words = [str(self.folder / "cluster" / "bin" / "scancel"), job_id]
        subprocess.run(words, capture_output=True, timeout=30, check=False)

    def cancel(self, spec: RunSpec) -> None:
        """Ends the run's job, so that the next scene part has the queue for itself."""
        words = [str(self.folder / "cluster" / "bin" / "scancel"), f"--name={spec.job_name}"]
        subprocess.run(words, capture_output=True, timeout=30, check=False)

    # the queue, and who asks for it

    def queue(self, jobs: int) -> None:
        """From now on squeue lists `jobs` more; one in twenty has another state at every second call."""
        now = int(time.time())
        for turn in range(2):
            (self.folder / f"queue.{turn}").write_text("".join(_record(i, turn, now) for i in range(jobs)))

    def calls(self, name: str = "") -> int:
        """Calls of Slurm's commands so far: over SSH, or with `name` through `counted_path(name)`."""
        path = self.folder / f"calls{name}"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def counted_path(self, name: str) -> Path:
        """A folder of Slurm's commands for a program that runs beside the cluster; its calls are counted apart."""
        folder, real = self.folder / f"bin-{name}", self.folder / "cluster" / "real"
        folder.mkdir(exist_ok=True)
        for command in COUNTED:
            calls = shlex.quote(str(self.folder / f"calls{name}"))
            words = f'#!/bin/sh\necho {command} >> {calls}\nexec {shlex.quote(str(real / command))} "$@"\n'
            (folder / command).write_text(words)
            (folder / command).chmod(0o755)
        return folder

    def count_calls(self) -> None:
        """Puts a counting script in front of each command."""
        shims, real = self.folder / "cluster" / "bin", self.folder / "cluster" / "real"
        real.mkdir()
        for name in COUNTED:
            (shims / name).rename(real / name)
            script = f"#!/bin/sh\necho {name} >> {shlex.quote(str(self.folder / 'calls'))}\n"
            command = f'{shlex.quote(str(real / name))} "$@"'
            if name == "squeue":
                rows = shlex.quote(str(self.folder / "queue"))
                script += f'{command} || exit\ncase "$*" in *"{RECORD}"*) ;; *) exit ;; esac\n'
                script += f"[ -e {rows}.0 ] && cat {rows}.$(($(wc -l < {self.folder}/calls) % 2))\nexit 0\n"
            else:
                script += f"exec {command}\n"
            (shims / name).write_text(script)
            (shims / name).chmod(0o755)

    def app(self, *words: str, name: str = "app", floor_s: float = 5.0) -> Terminal:
        """The app in a terminal."""
        return Terminal([*OURS, *words], env=self.environment(name, floor_s=floor_s), cwd=self.folder)


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    """A scene in a temporary folder, removed afterwards with all that was in it."""
    folder = Path(tempfile.mkdtemp(prefix="websight-bench-"))
    try:
        info = control.start(folder / "cluster", nodes=4)
        made = Scene(folder, info)
        made.count_calls()
        yield made
    finally:
        control.stop(folder / "cluster")
        shutil.rmtree(folder, ignore_errors=True)


def _preset(name: str) -> Preset:
    return next(preset for preset in BUILT_IN if preset.name == name)


def _record(number: int, turn: int, now: int) -> str:
    """A row of squeue as the app asks for it."""
    running = number % 4 == 0 or (turn == 1 and number % 20 == 1)
    begun = now - 600 - number % 3000
    fields = {
        "job_id": str(100_000 + number),
        "state": "RUNNING" if running else "PENDING",
        "reason": "None" if running else "Priority",
        "submit_time": str(begun - 60),
        "start_time": str(begun) if running else "N/A",
        "end_time": str(begun + 28_800) if running else "N/A",
        "time_limit_s": "8:00:00",
        "elapsed_s": "10:00" if running else "0:00",
        "nodes": "1",
        "node_list": f"node{number % 512:03d}" if running else "",
        "partition": "demo",
        "account": "demo",
        "user": "bench",
        "gres": "gpu:8",
        "dependency": "(null)",
        "work_dir": f"/home/bench/project/{number % 97}",
        "comment": "(null)",
        "name": f"sweep-{number % 211:03d}-of-a-long-study",
    }
    return RECORD + SEPARATOR.join(fields[name] for name, _ in QUEUE_FIELDS) + "\n"


def _until(true: object, what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not happen within {seconds:.0f} s: {what}")
        time.sleep(0.05)
