"""What one question costs a real slurmctld: `python -m bench.controller` with the lab up (make lab-up), as root.

Fills the queue step by step, asks the same questions again and again, and reads what they took: on the caller's side
(wall clock), in the controller (its CPU time, /proc) and by its own account (sdiag). Writes bench/controller.json, from
which docs/scale.md is made.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.tables import quantile
from websight_tui.slurm_commands import commands

RESULT: Final = Path(__file__).with_name("controller.json")
LAB: Final = Path(os.environ.get("LAB", "/tmp/websight-lab"))
STEPS: Final = (0, 1000, 9000)
"""Jobs of others in the queue; Slurm's own limit is 10,000 where the site sets none."""
OWN: Final = 8
"""Jobs of the person who asks: what many sites allow."""
PATIENCE_S: Final = 300.0
QUESTIONS: Final = {
    "this app: squeue --me, all fields": ("alice", commands.queue(), 150),
    "squeue --me": ("alice", "squeue --me", 150),
    "squeue (all jobs)": ("alice", "squeue", 40),
}


def main() -> int:
    """Measures and writes the result. Returns 1 where there is no lab."""
    if not (LAB / "lab.json").exists():
        print("the Slurm lab is not up (make lab-up)", file=sys.stderr)
        return 1
    conf = LAB / "run" / "etc" / "slurm.conf"
    os.environ["SLURM_CONF"] = str(conf)
    controller = int((LAB / "run" / "pids" / "slurmctld.pid").read_text())
    submit("alice", OWN)
    rows: list[dict[str, Any]] = []
    there = 0
    for wanted in STEPS:
        there += submit("bob", wanted - there)
        time.sleep(3)  # what the submissions set off is done
        rows += [measure(name, controller, there) for name in QUESTIONS]
        print(json.dumps(rows[-3:], indent=1), flush=True)
        if there < wanted:
            break
    version = subprocess.run(["squeue", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    facts = {"slurm": version, "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, one machine for all"}
    RESULT.write_text(json.dumps({**facts, "load": os.getloadavg()[0], "rows": rows}, indent=1) + "\n")
    return 0


def as_user(name: str, command: str) -> list[str]:
    """`command` for a shell, as an account of the lab."""
    setting = f"SLURM_CONF={os.environ['SLURM_CONF']}"
    return ["runuser", "-u", f"wst{name}", "--", "env", setting, "sh", "-c", command]


def submit(name: str, count: int) -> int:
    """Submits held jobs for at most PATIENCE_S; how many there are."""
    if count <= 0:
        return 0
    each = "sbatch --parsable --hold --account=ingrai --mem=16M --job-name=train_qwen3vl_rank32 --wrap=true >/dev/null"
    done, until = 0, time.monotonic() + PATIENCE_S
    while done < count and time.monotonic() < until:
        part = min(250, count - done)
        line = f"cd /tmp; seq {part} | xargs -P 3 -I@ {each.replace(' >/dev/null', '')} >/dev/null"
        subprocess.run(as_user(name, line), check=True)
        done += part
    return done


def measure(name: str, controller: int, jobs: int) -> dict[str, Any]:
    """Asks one question again and again.

    Returns: seconds for the caller (p50, p99) and for the controller (CPU and by sdiag), mean of a call.
    """
    user, command, times = QUESTIONS[name]
    words = as_user(user, f"for i in $(seq {times}); do {command} >/dev/null; done")
    subprocess.run(["sdiag", "--reset"], check=True, capture_output=True)
    before = cpu_s(controller)
    begin = time.perf_counter()
    subprocess.run(words, check=True)
    wall = (time.perf_counter() - begin) / times
    cpu = (cpu_s(controller) - before) / times
    told = subprocess.run(["sdiag"], capture_output=True, text=True, check=True).stdout
    single = [timed(as_user(user, f"{command} >/dev/null")) for _ in range(20)]
    return {
        "question": name, "jobs": jobs, "calls": times, "wall_s": wall, "cpu_s": cpu,
        "once_p50_s": quantile(single, 0.5), "once_p99_s": quantile(single, 0.99), "sdiag_s": sdiag_s(told),
    }  # fmt: skip


def timed(words: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, check=True)
    return time.perf_counter() - begin


def cpu_s(pid: int) -> float:
    """User and system time of a process and its ended threads, seconds (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sdiag_s(text: str) -> dict[str, float]:
    """Mean seconds of each kind of question that lists jobs, as slurmctld counted them."""
    found = re.findall(r"(REQUEST_JOB_(?:USER_)?INFO\w*)\s*\(\s*\d+\) count:(\d+)\s+ave_time:(\d+)", text)
    return {kind: int(mean) / 1e6 for kind, count, mean in found if int(count) > 10}


if __name__ == "__main__":
    sys.exit(main())
