"""A scheduler in this process, shaped like the recorded lab, and the recorded transcripts."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.shared import shared_dir
from websight_tui.pocket.commands.dispatch import answer
from websight_tui.pocket.model import Cluster, Partition, Request, User
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import Clock

LAB = Cluster(
    nodes=("gpu01", "gpu02", "gpu03", "gpu04"),
    name="lab",
    gpu_type="h100",
    partitions=(
        Partition("gpu", 2 * 24 * 60, default=True),
        Partition("short", 10),
        Partition("lowprio", 7 * 24 * 60),
        Partition("lowcancel", 7 * 24 * 60),
    ),
    kill_wait_s=10,
    min_job_age_s=60,
)
LAB_MORNING = 1_795_424_236.0
"""When the transcripts were recorded, Unix s."""
TRAINEE = User("trainee", 2101, "trainee", 2101)


@dataclass(frozen=True)
class Recorded:
    """One command of a transcript."""

    command: str
    out: tuple[str, ...]
    err: tuple[str, ...]
    exit: int


def transcript(name: str) -> dict[str, Recorded]:
    """A recorded transcript's commands; skips the test where there is none."""
    text = (shared_dir() / "slurm-lab" / "transcripts" / f"{name}.txt").read_text(errors="replace")
    found = {}
    for block in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = block.splitlines()
        stop = next((i for i, line in enumerate(lines) if line.startswith("RC=")), None)
        if stop is None:
            continue
        out = tuple(line[5:] for line in lines[1:stop] if line.startswith("OUT|"))
        err = tuple(line[5:] for line in lines[1:stop] if line.startswith("ERR|"))
        found.setdefault(lines[0], Recorded(lines[0], out, err, int(lines[stop][3:])))
    return found


@dataclass
class Lab:
    """Asks commands of one scheduler.

    Args:
        folder: state and home.
        clock: a real one, or one that the test moves; it begins when the transcripts do.
    """

    folder: Path
    cluster: Cluster = LAB
    clock: Clock = field(default_factory=lambda: Clock(time.time(), LAB_MORNING))

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.scheduler = Scheduler(self.folder, self.cluster, TRAINEE, self.clock, lambda: None)

    def ask(self, line: str, stdin: bytes | None = None, **env: str) -> tuple[int, str, str]:
        """(exit status, stdout, stderr) of one command."""
        program, *args = shlex.split(line)
        base = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "TZ": "UTC"}
        request = Request(program, tuple(args), str(self.home), {**base, **env}, stdin)
        _, code, out, err, _ = asyncio.run(answer(self.scheduler, request))
        return int(code), out.decode(), err.decode()

    def move(self, seconds: float) -> None:
        """Lets the cluster's clock jump ahead and looks at all jobs."""
        clock = self.scheduler.clock
        self.scheduler.clock = Clock(clock.real0, clock.cluster0 + seconds, clock.factor)
        self.scheduler.tick()
