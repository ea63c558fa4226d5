"""A login on a pocket cluster, as a client library makes it, and waiting for things to happen there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paramiko

from websight_tui.pocket.control import PocketInfo


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    exit: int
    out: str
    err: str


class Login:
    """An open SSH connection that checks the server's key."""

    def __init__(self, info: PocketInfo) -> None:
        at = info.endpoint
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(str(at.known_hosts))
        self.client.connect(
            at.host,
            port=at.port or 0,
            username=at.user,
            key_filename=at.identity_file,
            look_for_keys=False,
            allow_agent=False,
            timeout=10,
        )

    def __enter__(self) -> Login:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def run(self, command: str, stdin: bytes = b"") -> Said:
        """Runs a command to its end."""
        source, out, err = self.client.exec_command(command, timeout=30)
        source.write(stdin)
        source.channel.shutdown_write()
        text, errors = out.read().decode(), err.read().decode()
        return Said(out.channel.recv_exit_status(), text, errors)

    def submit(self, script: str, options: str = "") -> str:
        """sbatch of a script on standard input; the job's id."""
        said = self.run(f"sbatch --parsable {options}", script.encode())
        assert said.exit == 0, said.err
        return said.out.strip()

    def state(self, job: str) -> str:
        """The job's final or present state by sacct, with its exit code: "COMPLETED 0:0"."""
        return self.run(f"sacct -nPX -j {job} -o State,ExitCode").out.strip().replace("|", " ")

    def ended(self, job: str, within: float = 20) -> str:
        """Waits for the job's end; its state."""
        gone = wait_for(lambda: not self.run(f"squeue -h -o %T -j {job}").out.strip(), within)
        assert gone, self.run("squeue").out
        return self.state(job)


def wait_for(true: Callable[[], Any], within: float = 20) -> Any:
    """Asks again until the answer is true, or the time is up; the last answer."""
    deadline = time.monotonic() + within
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.03)  # the condition lies in another process: nothing to wait on
    return answer
