"""Records what one Slurm answers to the commands that the app sends: `python -m tests.lab.record [FOLDER]`.

Needs a lab that is up (lab.sh, or suite.sh for another version; LAB says which). About three minutes. The file is
FOLDER/slurm-VERSION.json: the jobs by what became of them, and every answer by the name that tests know it by.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.client import Lab, LabPerson, require_lab
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Transport
from websight_tui.slurm_commands import commands, parse, site

DATA = Path(__file__).parents[1] / "data" / "slurm"
_RUN = "#!/bin/bash\necho started\nexec sleep 600\n"
_REJECTED = {
    "account": "--account=nosuch",
    "partition": "--partition=nosuch",
    "qos": "--qos=nosuch",
    "limit": "--partition=short --time=1:00:00",
    "nodes": "--nodes=9",
    "gpus": "--gres=gpu:9",
    "kind of gpu": "--gres=gpu:a100:1",
    "resource": "--gres=tpu:1",
    "memory": "--mem=9999G",
    "processors": "--cpus-per-task=1000",
    "feature": "--constraint=nosuch",
    "node": "--nodelist=gpu99",
    "reservation": "--reservation=nosuch",
    "dependency": "--dependency=foo:1",
    "array": "--array=0-99999999",
    "option": "--gpu-count=8",
    "time": "--time=soon",
}


class Recorder:
    """One person at one lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.answers: dict[str, dict[str, object]] = {}
        self.jobs: dict[str, str] = {}
        self.alice, self.bare = self._login("lab-key"), self._login("lab-bare")
        self.home = self.alice.exec('printf %s "$HOME"', timeout=20).stdout
        self.folder = f"{self.home}/record-{secrets.token_hex(3)}"
        self.alice.exec(f"mkdir {self.folder}", timeout=20)

    def _login(self, host: str) -> Transport:
        transport = open_transport(Endpoint(host=host))
        transport.connect(LabPerson(self.lab))
        return transport

    def ask(
        self, name: str, command: str, *, stdin: bytes | None = None, transport: Transport | None = None, conf: str = ""
    ) -> str:
        """Records the answer to `command` under `name`, and returns its stdout.

        Args:
            conf: another slurm.conf, made from the lab's by this sed expression.
        """
        if conf:
            self.alice.exec(f'sed "{conf}" "$SLURM_CONF" >{self.folder}/other.conf', timeout=20)
            command = f"export SLURM_CONF={self.folder}/other.conf; {command}"
        result = (transport or self.alice).exec(command, timeout=120, stdin=stdin)
        self.answers[name] = {
            "exit": result.exit,
            "stdout": self.anonymous(result.stdout),
            "stderr": self.anonymous(result.stderr),
        }
        return result.stdout

    def anonymous(self, text: str) -> str:
        """Without the names and folders of this machine."""
        for found, instead in (
            (self.folder, "/home/alice/w"),
            (self.home, "/home/alice"),
            (f"{self.lab.folder}/run", "/lab"),
        ):
            text = text.replace(found, instead)
        text = re.sub(rf"\b{re.escape(socket.gethostname().partition('.')[0])}\b", "login", text)
        return re.sub(r"wst(alice|bob|bare)", r"\1", text)

    def script(self, name: str, text: str = _RUN, *options: str) -> str:
        path = f"{self.folder}/{name.replace(' ', '-')}.sh"
        head, _, rest = text.partition("\n")
        lines = "".join(f"#SBATCH {option}\n" for option in (f"--output={self.folder}/%j.out", "--mem=100M", *options))
        self.alice.upload(f"{head}\n{lines}{rest}".encode(), path, mode=0o755)
        return path

    def job(self, name: str, text: str = _RUN, *options: str) -> str:
        """Submits a job as the app does, and remembers its id under `name`."""
        path = self.script(name, text, f"--account={self.lab.account}", *options)
        token = f"wst-{secrets.token_hex(6)}"
        claim = f"{self.folder}/{token}"
        command = commands.submit(claim, path, token=token, job_name=f"{token}-{name.replace(' ', '-')}")
        said = self.ask(f"submit: {name}", command)
        self.jobs[name] = parse.parse_submitted(said)
        assert self.jobs[name], self.answers[f"submit: {name}"]
        return claim

    def until(self, name: str, *states: str, seconds: float = 150) -> None:
        """Waits for a state of the job, and records the queue that shows it."""
        wanted, deadline = self.jobs[name], time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = parse.parse_queue(self.ask(f"queue: {name}", commands.queue()))
            if any(row.job_id.partition("_")[0] == wanted and row.state in states for row in rows):
                return
            threading.Event().wait(0.5)
        raise SystemExit(f"{name} (job {wanted}) did not reach {states}: {self.answers[f'queue: {name}']}")

    def write(self, folder: Path) -> Path:
        version = str(self.answers["version"]["stdout"]).split()[-1]
        path = folder / f"slurm-{version}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"version": version, "jobs": self.jobs, "answers": self.answers}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=True) + "\n")
        return path


def of_the_site(on: Recorder) -> None:
    on.ask("version", site.version())
    on.ask("configuration", site.configuration())
    on.ask("partition settings", site.partition_settings())
    on.ask("associations", site.associations())
    on.ask("qos limits", site.qos_limits())
    on.ask("partitions", commands.partitions())
    on.ask("try submit", site.try_submit(), stdin=b"#!/bin/bash\n#SBATCH --gres=gpu:8 --time=5\n")
    on.ask("try submit: account", site.try_submit(), stdin=b"#!/bin/bash\n#SBATCH --account=nosuch\n")
    on.lab.run("reserve", "gpu[01-04]", "7200")
    try:
        on.ask("reservations", site.reservations())
    finally:
        on.lab.run("unreserve")
    on.ask("no reservations", site.reservations())
    on.ask("test submit", commands.test_submit(on.script("test", _RUN, "--time=5")))


def rejections(on: Recorder) -> None:
    for what, option in _REJECTED.items():
        on.ask(f"rejected: {what}", f"{_env()} sbatch --parsable {option} {on.script('rejected')}")
    on.alice.upload(b"#!/bin/bash\r\necho\r\n", f"{on.folder}/dos.sh")
    on.alice.upload(b"echo\n", f"{on.folder}/bare.sh")
    on.ask("rejected: line ends", f"{_env()} sbatch --parsable {on.folder}/dos.sh")
    on.ask("rejected: no interpreter", f"{_env()} sbatch --parsable {on.folder}/bare.sh")
    on.ask("rejected: no script", f"{_env()} sbatch --parsable {on.folder}/nowhere.sh")


def _env() -> str:
    return "env LC_ALL=C SLURM_TIME_FORMAT=%s"


def lives(on: Recorder) -> None:
    """One job for each way that a job can go."""
    on.job("timeout", _RUN, "--time=1", "--nodelist=gpu01")
    claim = on.job("running", _RUN, "--time=30", "--nodelist=gpu02", "--gres=gpu:8")
    on.ask("receipt", commands.receipt(claim))
    on.ask("receipt: never begun", commands.receipt(f"{on.folder}/never"))
    on.until("running", "RUNNING")
    on.ask("show: running", commands.show_job(on.jobs["running"]))
    on.job("waits for GPUs", _RUN, "--nodelist=gpu02", "--gres=gpu:8")
    on.job("held", _RUN, "--hold")
    on.job("later", _RUN, "--begin=now+1hour")
    on.job("dependent", _RUN, f"--dependency=afterok:{on.jobs['running']}")
    on.job("array", _RUN, "--array=0-5%2", "--nodelist=gpu01", "--time=10")
    on.until("array", "RUNNING")
    on.until("waits for GPUs", "PENDING")
    on.ask("show: pending", commands.show_job(on.jobs["waits for GPUs"]))
    on.ask("show: array", commands.show_job(f"{on.jobs['array']}_1"))
    for name, text in (("completed", "#!/bin/bash\necho done\n"), ("failed", "#!/bin/bash\nexit 3\n")):
        on.job(name, text)
        on.until(name, name.upper())
    on.ask("show: failed", commands.show_job(on.jobs["failed"]))
    on.job("launch failed", _RUN, "--output=/nowhere/at/all")
    on.until("launch failed", "FAILED")
    on.job("cancelled")
    on.until("cancelled", "RUNNING")
    on.ask("cancel", commands.cancel([on.jobs["cancelled"]]))
    on.until("cancelled", "CANCELLED")
    on.job("requeued")
    on.until("requeued", "RUNNING")
    on.ask("requeue", commands.requeue(on.jobs["requeued"]))
    on.until("requeued", "PENDING")
    on.job("preempted", _RUN, "--partition=lowprio", "--nodelist=gpu03", "--exclusive", "--no-requeue")
    on.job("preempted and waiting", _RUN, "--partition=lowprio", "--nodelist=gpu03", "--requeue")
    on.until("preempted", "RUNNING")
    on.job("preempts", _RUN, "--nodelist=gpu03", "--exclusive", "--time=10")
    on.until("preempted", "PREEMPTED", "CANCELLED", "FAILED")
    changes(on)
    on.job("node failed", _RUN, "--nodelist=gpu04", "--no-requeue")
    on.until("node failed", "RUNNING")
    on.lab.run("kill-node", "gpu04")
    try:
        on.until("node failed", "NODE_FAIL")
    finally:
        on.lab.run("start-node", "gpu04")
    on.until("timeout", "TIMEOUT")


def changes(on: Recorder) -> None:
    waiting, running = on.jobs["waits for GPUs"], on.jobs["running"]
    on.ask("raise a waiting one's limit", commands.set_time_limit(waiting, 7200))
    on.ask("lower a running one's limit", commands.set_time_limit(running, 1200))
    on.ask("raise a running one's limit", commands.set_time_limit(running, 36000))
    on.ask("hold", commands.hold(waiting))
    on.ask("release", commands.release(waiting))
    on.ask("hold an ended one", commands.hold(on.jobs["failed"]))
    for name, command in (
        ("show", commands.show_job("999999")),
        ("cancel", commands.cancel(["999999"])),
        ("hold", commands.hold("999999")),
        ("requeue", commands.requeue("999999")),
        ("accounting", commands.accounting(["999999"])),
    ):
        on.ask(f"unknown id: {name}", command)


def afterwards(on: Recorder) -> None:
    ids = list(on.jobs.values())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # the accounting is late by some seconds
        rows = parse.parse_accounting(on.ask("accounting", commands.accounting(ids)))
        if {row.state for row in rows if row.job_id in (on.jobs["timeout"], on.jobs["node failed"])} == {
            "TIMEOUT",
            "NODE_FAIL",
        }:
            break
        threading.Event().wait(1)
    name = next(job.name for job in rows if job.job_id == on.jobs["completed"])
    on.ask("find by name", commands.find_by_name(name, 600))


def troubles(on: Recorder) -> None:
    """No accounting, and everything that can be down."""
    on.ask("no accounting", commands.accounting(["1"]), transport=on.bare)
    on.ask("no accounting: find by name", commands.find_by_name("x", 60), transport=on.bare)
    on.ask("no accounting: associations", site.associations(), transport=on.bare)
    on.ask("no accounting: configuration", site.configuration(), transport=on.bare)
    port = "s/^SlurmctldPort=.*/SlurmctldPort=9/"
    script = on.script("down")
    asked: dict[str, Callable[[], str]] = {
        "queue": commands.queue,
        "show": lambda: commands.show_job("1"),
        "cancel": lambda: commands.cancel(["1"]),
        "submit": lambda: f"{_env()} sbatch --parsable {script}",
    }
    for name, command in asked.items():
        on.ask(f"controller down: {name}", command(), conf=port)
    on.ask("database down", commands.accounting(["1"]), conf="s/^AccountingStoragePort=.*/AccountingStoragePort=9/")
    on.ask("munge down", commands.queue(), conf="s#^AuthInfo=.*#AuthInfo=socket=/nowhere/munge#")
    with on.lab.hung():
        on.ask("controller hung: queue", commands.queue())
        on.ask("controller hung: submit", asked["submit"]())


def main() -> None:
    on = Recorder(require_lab())
    on.alice.exec("scancel --me 2>/dev/null || scancel -u $USER", timeout=60)
    of_the_site(on)
    rejections(on)
    lives(on)
    afterwards(on)
    troubles(on)
    on.write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
    on.alice.exec("scancel -u $USER", timeout=60)


if __name__ == "__main__":
    main()
