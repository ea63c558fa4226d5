"""Start → first queue row on a real Slurm behind a real OpenSSH server: the lab of tests/lab, where it is up.

The app and `ssh host squeue --me` come over SSH as one of the lab's people; other programs run beside the scheduler as
that same person. `squeue --json`, which some need, is Slurm's own here.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import tools
from bench.rows import ABSENT, Row, against
from bench.scene import OURS, Scene
from bench.startup import attempt, first_frame

LAB: Final = Path(os.environ.get("LAB", "/tmp/websight-lab"))
WHAT: Final = "start → first queue row, real Slurm and OpenSSH"
JOB: Final = "lab-row"


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a key in the lab.

    Args:
        facts: what `lab.sh env` says.
    """

    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.facts["users"]["alice"])

    def ssh(self, command: str) -> list[str]:
        """The OpenSSH client's words for `command`."""
        options = ["-F", "none", "-o", f"UserKnownHostsFile={self.facts['known_hosts']}", "-o", "IdentitiesOnly=yes"]
        port = str(self.facts["ports"]["login"])
        return ["ssh", *options, "-i", self.facts["key"], "-p", port, f"{self.name}@127.0.0.1", command]

    def said(self, command: str) -> str:
        """What a command prints. Raises subprocess.SubprocessError."""
        return subprocess.run(self.ssh(command), capture_output=True, text=True, timeout=60, check=True).stdout

    def environment(self, scene: Scene) -> dict[str, str]:
        """Of the app: a configuration with the lab alone."""
        env = scene.environment("lab")
        Path(env["WEBSIGHT_TUI_CONFIG"]).write_text(
            f'[clusters.lab]\nhost = "127.0.0.1"\nport = {self.facts["ports"]["login"]}\nuser = "{self.name}"\n'
            f'identity_file = "{self.facts["key"]}"\nknown_hosts = "{self.facts["known_hosts"]}"\n'
            f'transport = "paramiko"\naccount = "{self.facts["account"]}"\nlogin_shell = false\n'
        )
        return env

    def beside(self, words: list[str]) -> tuple[list[str], dict[str, str]]:
        """A program as this person on the login node: (words, environment).

        It may read what root may, for it is installed in the home of who measures.
        """
        who = [f"--reuid={self.name}", f"--regid={self.name}", "--init-groups"]
        may = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "XDG_CACHE_HOME")}
        home = f"{self.facts['home']}/{self.name}"
        env |= {"HOME": home, "USER": self.name, "LOGNAME": self.name, "SLURM_CONF": self.facts["slurm_conf"]}
        return ["setpriv", *who, *may, *words], env


def person() -> Person | None:
    """None where there is no lab, or where this is not root."""
    try:
        return Person(json.loads((LAB / "lab.json").read_text())) if os.geteuid() == 0 else None
    except (OSError, ValueError):
        return None


def rows(scene: Scene, *, rounds: int) -> Iterator[Row]:
    """The app beside a plain squeue over SSH, and beside the other programs.

    Args:
        rounds: repetitions, each of all sides in turn; medians are shown.
    """
    alice = person()
    if alice is None:
        yield Row(WHAT, ["the lab is not up (make lab-up, as root)"])
        return
    order = f"sbatch --parsable --hold --account={alice.facts['account']} --mem=16M --job-name={JOB} --wrap=true"
    job_id = alice.said(order).strip()
    try:
        yield from _measured(scene, alice, rounds)
    finally:
        alice.said(f"scancel {job_id}")


def _measured(scene: Scene, alice: Person, rounds: int) -> Iterator[Row]:
    ours: list[float] = []
    plain: list[float] = []
    peers: dict[str, list[float]] = {tool.name: [] for tool in tools.TOOLS}
    env = alice.environment(scene)
    for number in range(rounds):
        ours.append(first_frame([*OURS], JOB, env)[0])
        begin = time.perf_counter()
        alice.said("squeue --me")
        plain.append(time.perf_counter() - begin)
        for tool in tools.TOOLS:
            if tool.installed and len(peers[tool.name]) == number:  # one that failed once is not waited for again
                words, theirs = alice.beside(tool.argv())
                attempt(peers[tool.name], lambda w=words, t=theirs: first_frame(w, JOB, t)[0])  # type: ignore[misc]
    mine = median(ours)
    words_of, ratio = against("ssh host squeue --me", mine, plain)
    version = alice.said("squeue --version").strip()
    yield Row(f"{WHAT} ({version})", [f"{mine:.2f} s"], words_of, ratio)
    for tool in tools.TOOLS:
        name = f"{tool.name} (beside the scheduler, no SSH)"
        words_of, ratio = against(
            name, mine, peers[tool.name], absent=f"shows no job of {version}" if tool.installed else ABSENT
        )
        yield Row(WHAT, [f"{mine:.2f} s"], words_of, ratio)
