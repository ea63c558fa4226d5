"""A cluster whose every field is hostile: a real SSH server, Slurm's commands as scripts that lie.

The commands know which fields they are asked for and put the hostile text into each of them, behind a word by which a
test sees that the field was shown ("PARTITIONSHOWN").
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.hostile.payloads import EVIL, RAW
from tests.remote.servers import Server

JOB = "4242"
FOREIGN = "4343"
PASSWORD = "correct horse"

_SHIM = """\
#!{python} -IS
import json, os, re, sys, time
EVIL = json.load(open({evil!r}))
RAW = b"\\xff\\xfe\\x9b31337J"
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
now = int(time.time())
with open({calls!r}, "a") as log:
    log.write(json.dumps([name, words]) + "\\n")

def out(text):
    # job names reach squeue as the bytes they were submitted with
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape").replace(b"INVALID", RAW))

def hostile(word):
    return f"{{word}}SHOWN{{EVIL}}INVALID"

def fail(head, word, status=1):
    sys.stderr.write(f"{{head}}{{hostile(word)}}\\n")
    if status:
        sys.exit(status)
"""

_ANSWERS = """
home = os.environ["HOME"]
if name == "squeue":
    form = next(w for w in words if w.startswith("--format=")).partition("=")[2]
    own = {"%i": "4242", "%T": "RUNNING", "%V": str(now - 600), "%S": str(now - 500), "%e": str(now + 9000),
           "%l": "3:00:00", "%M": "8:20", "%D": "2", "%u": "alice"}
    text = {"%r": "REASON", "%N": "NODES", "%P": "PARTITION", "%a": "ACCOUNT", "%b": "GRES", "%E": "DEPENDENCY",
            "%Z": "WORKDIR", "%k": "COMMENT", "%j": "NAME"}
    for job, state in (("4242", "RUNNING"), ("4343", "RUNNING"), ("4344", "PENDING")):
        fields = own | {"%i": job, "%T": state}
        out(re.sub("%.", lambda m: fields.get(m[0]) or hostile(text.get(m[0], m[0])), form) + "\\n")
    fail("squeue: ", "STDERR", 0)
elif name == "sbatch" and "--test-only" in words:
    sys.stderr.write(f"sbatch: Job 1 to start at {now} using 8 processors on nodes {hostile('TESTNODES')}"
                     f" in partition {hostile('TESTPARTITION')}\\n")
elif name == "sbatch":
    if os.path.exists(f"{home}/refuse"):
        fail("sbatch: error: Batch job submission failed: ", "REFUSAL")
    out("4242\\n")
elif name == "scontrol" and words[:2] == ["show", "job"]:
    pairs = {"JobId": words[-1], "JobName": hostile("SHOWNAME"), "UserId": hostile("USER") + "(1)",
             "Account": hostile("SHOWACCOUNT"), "JobState": "RUNNING", "Reason": hostile("SHOWREASON"),
             "SubmitTime": now - 600, "StartTime": now - 500, "TimeLimit": "3:00:00", "Partition": hostile("PART"),
             "Comment": hostile("COMMENT"), "WorkDir": f"{home}/foreign", "StdErr": f"{home}/foreign/job.err",
             "StdIn": "/dev/null", "StdOut": f"{home}/foreign/job.out"}
    out(" ".join(f"{key}={value}" for key, value in pairs.items()) + "\\n")
elif name == "scontrol" and "partition" in words:
    out(f"PartitionName={hostile('PARTNAME')} State={hostile('STATE')} MaxTime={hostile('MAXTIME')} Default=YES\\n")
elif name == "scontrol" and "config" in words:
    out(f"ClusterName = {hostile('CLUSTERNAME')}\\nMinJobAge = {hostile('AGE')}\\n")
elif name == "sinfo":
    out(f"slurm {hostile('VERSION')}\\n")
elif name in ("sacct", "scontrol", "scancel"):
    fail(f"{name}: error: ", name.upper())
else:
    out(f"{name}|{hostile('OTHER')}|{hostile('MORE')}\\n")
"""


class HostileCluster:
    """An SSH server on loopback that asks, answers and stores hostile text.

    Args:
        folder: for its files; `home` in it is the account's.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        programs = folder / "bin"
        programs.mkdir()
        (folder / "evil.json").write_text(json.dumps(EVIL))
        self.calls_file = folder / "calls"
        head = _SHIM.format(python=sys.executable, evil=str(folder / "evil.json"), calls=str(self.calls_file))
        for name in ("squeue", "sacct", "sbatch", "scontrol", "sinfo", "scancel", "sacctmgr", "srun"):
            (programs / name).write_text(head + _ANSWERS)
            (programs / name).chmod(0o755)
        self.server = Server(
            folder / "server",
            factors=("keyboard-interactive",),
            banner=f"BANNERSHOWN{EVIL}\n",
            challenges=[
                (f"TITLESHOWN{EVIL}", f"INSTRUCTIONSSHOWN{EVIL}", [(f"PROMPTSHOWN{EVIL}: ", False)], [PASSWORD])
            ],
            env={"PATH": f"{programs}:/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        self.server.know()
        self.home = self.server.home
        foreign = self.home / "foreign"
        foreign.mkdir()
        (foreign / "job.out").write_bytes(output("FOREIGNLOG"))
        (foreign / "job.err").write_bytes(output("FOREIGNERR"))

    def config(self, **more: Any) -> str:
        """config.toml's text for it."""
        at = self.server.endpoint()
        values = {
            "host": at.host,
            "port": at.port,
            "user": at.user,
            "known_hosts": at.known_hosts,
            "transport": "paramiko",
            "root": str(self.home / "w"),
            "gpus_per_node": 0,
            "poll_floor_s": 0.3,
            "login_shell": False,
            **more,
        }
        return "[clusters.evil]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())

    def fill(self, run_id: str) -> None:
        """Hostile files where the run's job writes."""
        folder = self.home / "w" / "runs" / run_id
        (folder / f"job-{JOB}.out").write_bytes(output("LOG"))
        (folder / f"job-{JOB}.err").write_bytes(output("ERR"))
        (folder / "events.jsonl").write_bytes(events())

    def stop(self) -> None:
        self.server.stop()


def output(word: str) -> bytes:
    """A job's output."""
    head = b"job 4242 begins\n"
    lines = [f"{word}{i}SHOWN ".encode() + RAW for i in range(30)]
    unfinished = f"\n{word}ENDSHOWN\x1b]52;c;EVIL".encode()
    error = f"\nRuntimeError: {word}ERRORSHOWN ".encode() + RAW
    return head + b"\n".join(lines) + b"\n" + b"x" * 3_000_000 + b"\n" + error + unfinished


def events() -> bytes:
    """A trainer's events with hostile text and numbers in every field."""
    values: list[dict[str, Any]] = [
        {
            "kind": "start",
            "total_steps": 1000,
            "resumed_from": 0,
            "world_size": 8,
            "job_id": JOB,
            "config_digest": EVIL,
        },
        *({"kind": "log", "step": n, "loss": 2 - n / 900, "lr": 1e-5, EVIL: 1} for n in range(10, 300, 10)),
        {"kind": "start", "total_steps": 1000, "resumed_from": 290, "gpu_names": [f"GPUSHOWN{EVIL}"] * 8, EVIL: [EVIL]},
        {"kind": "save_end", "step": 300, "path": f"PATHSHOWN{EVIL}/checkpoint-300", "bytes": 10**30, "seconds": 3},
        {"kind": "eval_end", "step": 300, "metrics": {f"METRIC{EVIL}": 1.0, "eval_loss": 2}},
        {"kind": f"KIND{EVIL}", "message": EVIL},
        {"kind": "signal", "name": EVIL, "step": 300},
    ]
    lines = [json.dumps({"v": 1, "t": 1.7e9 + 10 * i, **value}) for i, value in enumerate(values)]
    lines += [
        '{"v":1,"t":1e999,"kind":"log","step":310,"loss":1e999,"lr":-0.0,"grad_norm":NaN}',
        '{"v":1,"t":1700000320,"kind":"log","step":1e308,"loss":"' + "9" * 5000 + '"}',
        '{"v":1,"t":1700000320,"kind":"log","step":' + "9" * 5000 + ',"loss":1}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ]
    return "\n".join(lines).encode() + b"\n\xff\xfe{]\n\x00\n"
