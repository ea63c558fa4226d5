"""The Slurm commands that the app sends, as strings for a POSIX shell.

Text formats with our own separators, never a version's JSON: every record begins with \\x1e and its fields are parted
by \\x1f, because job names may hold spaces, "|", newlines and escape sequences. Hostile fields stand last. Times come
as Unix seconds (SLURM_TIME_FORMAT=%s), words in English (LC_ALL=C).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from websight_tui.slurm_commands.times import format_duration

SEPARATOR: Final = "\x1f"
RECORD: Final = "\x1e"

QUEUE_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("job_id", "%i"),
    ("state", "%T"),
    ("reason", "%r"),
    ("submit_time", "%V"),
    ("start_time", "%S"),
    ("end_time", "%e"),
    ("time_limit_s", "%l"),
    ("elapsed_s", "%M"),
    ("nodes", "%D"),
    ("node_list", "%N"),
    ("partition", "%P"),
    ("account", "%a"),
    ("user", "%u"),
    ("gres", "%b"),
    ("dependency", "%E"),
    ("work_dir", "%Z"),
    ("comment", "%k"),
    ("name", "%j"),
)
"""Fields of `queue`, in order, with squeue's letters (the same from 20.11 to 25)."""

ACCOUNT_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("job_id", "JobID"),
    ("state", "State"),
    ("exit_code", "ExitCode"),
    ("submit_time", "Submit"),
    ("start_time", "Start"),
    ("end_time", "End"),
    ("time_limit_s", "Timelimit"),
    ("elapsed_s", "Elapsed"),
    ("nodes", "NNodes"),
    ("node_list", "NodeList"),
    ("partition", "Partition"),
    ("account", "Account"),
    ("user", "User"),
    ("reason", "Reason"),
    ("name", "JobName"),
)
"""Fields of `accounting`, in order, with sacct's names."""

QUERY_TIMEOUT_S: Final = 40.0
"""For questions: a controller that is down answers after 18 s, a hung one after 20 s."""
CHANGE_TIMEOUT_S: Final = 40.0
"""For scancel and scontrol update/hold/release/requeue."""
SUBMIT_TIMEOUT_S: Final = 120.0
"""For sbatch, which tries again by itself while the controller is busy."""

_JOB_ID: Final = re.compile(r"[0-9]+(?:_(?:[0-9]+|\[[0-9,%:-]+\])|\+[0-9]+)?")
_MOST_TASKS: Final = 10_000
_STEPPED: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9}):([0-9]{1,9})")
_ENVIRONMENT: Final = ("env", "LC_ALL=C", "SLURM_TIME_FORMAT=%s")


def is_job_id(text: str) -> bool:
    """Whether `text` is a job id as squeue prints it: "12", "12_3", "12_[0-9%2]" (tasks that wait), "12+0" (a part)."""
    return _JOB_ID.fullmatch(text) is not None


def _command(*words: str) -> str:
    return shlex.join((*_ENVIRONMENT, *words))


def _checked(job_ids: Sequence[str], *, whole: bool = False) -> list[str]:
    """The ids as Slurm takes them, which is not always as it prints them.

    Args:
        whole: tasks of an array that wait are asked for by the array's own id, where no list of tasks is taken.

    Raises: ValueError.
    """
    for job_id in job_ids:
        if not is_job_id(job_id):
            raise ValueError(f"not a job id: {job_id!r}")
    if not job_ids:
        raise ValueError("no job id given")
    if whole:
        return [re.sub(r"_\[.*", "", job_id) for job_id in job_ids]
    return [_STEPPED.sub(_every, re.sub(r"%[0-9]+\]", "]", job_id)) for job_id in job_ids]


def _every(found: re.Match[str]) -> str:
    """Each task of "2-8:3", which squeue prints and nothing takes."""
    first, last, step = map(int, found.groups())
    tasks = range(first, last + 1, max(1, step))
    return ",".join(map(str, tasks)) if len(tasks) <= _MOST_TASKS else found[0]


def queue() -> str:
    """One squeue for all of the user's own jobs, those included that ended within the last minutes (MinJobAge)."""
    fields = SEPARATOR.join(letter for _, letter in QUEUE_FIELDS)
    words = ("squeue", "--noheader", "--me", "--states=all", f"--format={RECORD}{fields}")
    return shlex.join((*_ENVIRONMENT, "SLURM_BITSTR_LEN=0", *words))  # tasks of arrays in full, not cut at 64 letters


def accounting(job_ids: Sequence[str]) -> str:
    """sacct for jobs that left the queue. Exits 1 where accounting is disabled."""
    return _sacct(f"--jobs={','.join(_checked(job_ids, whole=True))}")


def find_by_name(name: str, since_s: float) -> str:
    """sacct for the jobs named `name` that were there within the last `since_s` seconds."""
    hours = max(1, int(since_s // 3600) + 2)
    return _sacct(f"--name={name}", f"--starttime=now-{hours}hours", "--endtime=now")


def _sacct(*words: str) -> str:
    fields = ",".join(name for _, name in ACCOUNT_FIELDS)
    return _command(
        "sacct", "--allocations", "--noheader", "--parsable2", f"--delimiter={SEPARATOR}", f"--format={fields}", *words
    )


def show_job(job_id: str) -> str:
    """scontrol's whole knowledge of one job, on one line; gone a few minutes after the job's end.

    Of tasks that wait in an array: that of the array, on the first line.
    """
    return _command("scontrol", "show", "job", "-o", *_checked([job_id], whole=True))


def cancel(job_ids: Sequence[str]) -> str:
    """scancel; exits 0 also for jobs that are unknown or over, so look afterwards. Successors first."""
    return _command("scancel", *_checked(job_ids))


def signal_batch(job_id: str, signal: str) -> str:
    """Sends `signal` ("TERM") to the batch script of a running job: how a run is asked to save and stop."""
    return _command("scancel", "--batch", f"--signal={signal}", *_checked([job_id]))


def set_time_limit(job_id: str, seconds: int) -> str:
    """Changes a job's limit; Slurm lets users raise it only while the job is pending."""
    (target,) = _checked([job_id])
    return _command("scontrol", "update", f"JobId={target}", f"TimeLimit={format_duration(seconds)}")


def hold(job_id: str) -> str:
    """Keeps a pending job from starting."""
    return _command("scontrol", "hold", *_checked([job_id]))


def release(job_id: str) -> str:
    """Lets a held job start again."""
    return _command("scontrol", "release", *_checked([job_id]))


def requeue(job_id: str) -> str:
    """Puts a running or ended job back into the queue."""
    return _command("scontrol", "requeue", *_checked([job_id]))


def shell_in(job_id: str) -> str:
    """A shell on the first node of a running job, beside what runs there; needs a terminal, and Slurm 20.11."""
    (target,) = _checked([job_id])
    return shlex.join(["srun", f"--jobid={target}", "--overlap", "--pty", "bash", "-l"])


def test_submit(script: str) -> str:
    """Asks when the job of `script` (a path on the cluster) would start, without submitting. Answers on stderr."""
    return _command("sbatch", "--test-only", script)


def partitions() -> str:
    """sinfo: one record a partition and node state (name, up/down, limit, nodes, state, GPUs)."""
    return _command("sinfo", "--noheader", f"--format={RECORD}{SEPARATOR.join(PARTITION_FORMAT)}")


PARTITION_FORMAT: Final = ("%P", "%a", "%l", "%D", "%T", "%G")

# $1 is a folder whose making is the one and only permission to run sbatch for a token: mkdir is atomic, also over NFS.
# What sbatch said stays there as the receipt, so that an answer lost on the way can be read later. The rename comes
# last: a receipt is there whole or not at all. A lost connection must not take sbatch along, hence the trap.
_SUBMIT: Final = """\
trap '' HUP PIPE
mkdir -- "$1" || exit 97
claim=$1; shift
"$@" >"$claim/stdout" 2>"$claim/stderr" </dev/null
code=$?
echo "$code" >"$claim/exit.part" && mv -- "$claim/exit.part" "$claim/exit"
cat -- "$claim/stdout"; cat -- "$claim/stderr" >&2
exit "$code"
"""
ALREADY_CLAIMED: Final = 97
"""Exit status of `submit` when its token was used before: nothing was submitted by this call."""

_RECEIPT: Final = """\
mkdir -p -- "${1%/*}" 2>/dev/null
if mkdir -- "$1" 2>/dev/null; then : >"$1/forbidden"; fi
if [ -f "$1/forbidden" ]; then echo claimed; exit 0; fi
if [ ! -d "$1" ]; then echo nofolder; exit 0; fi
if [ -f "$1/exit" ]; then
  echo receipt; cat -- "$1/exit"; cat -- "$1/stdout"; cat -- "$1/stderr" >&2
else
  echo started
fi
"""


def submit(claim_dir: str, script: str, *, token: str, job_name: str) -> str:
    """sbatch exactly once for `token`.

    Args:
        claim_dir: folder on the cluster, unique to the token, whose parent exists; made by this command.
        script: absolute path of the job script.
        token, job_name: by which the job is found again, whatever the script says.

    The exit status and output are sbatch's, or ALREADY_CLAIMED.
    """
    sbatch = (*_ENVIRONMENT, "sbatch", "--parsable", f"--comment={token}", f"--job-name={job_name}", script)
    return shlex.join(("sh", "-c", _SUBMIT, "sh", claim_dir, *sbatch))


def receipt(claim_dir: str) -> str:
    """Finds out how far `submit` came, and takes the permission away if it never began.

    Prints "claimed" (it never began and now never can), "receipt", its exit status and its output, "started" (it began;
    no answer yet), or "nofolder" (the claim can be neither seen nor made: no permission, quota, disk full).
    """
    return shlex.join(("sh", "-c", _RECEIPT, "sh", claim_dir))
