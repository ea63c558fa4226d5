"""Slurm's text into values. Never raises for odd input: a damaged record is skipped, a damaged field is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from websight_tui.metrics.lines import count
from websight_tui.metrics.terminal_text import plain
from websight_tui.slurm_commands.commands import ACCOUNT_FIELDS, QUEUE_FIELDS, RECORD, SEPARATOR, is_job_id
from websight_tui.slurm_commands.model import Job
from websight_tui.slurm_commands.times import parse_duration, parse_time

_EMPTY: Final = frozenset({"", "(null)", "N/A", "None", "none", "Unknown", "None assigned", "NONE"})


def state_word(text: str) -> str:
    """Slurm's long state without suffixes: "CANCELLED by 2101" → "CANCELLED", "CANCELLED+" → "CANCELLED"."""
    word = text.strip().split(" ", 1)[0].rstrip("+*")
    return word if re.fullmatch(r"[A-Z_]+", word) else ""


def parse_queue(text: str, known: dict[str, Job] | None = None) -> list[Job]:
    """The jobs of `commands.queue`'s output, in squeue's order, each id once.

    Args:
        known: jobs of the last answer by their records; used, and replaced by this answer's. A long queue says mostly
            what it said before.
    """
    jobs: dict[str, Job] = {}
    seen: dict[str, Job] = {}
    for record in text.split(RECORD)[1:]:
        job = known.get(record) if known else None
        if job is None:
            job = _queued(record)
        if job is not None:
            seen[record] = jobs.setdefault(job.job_id, job)
    if known is not None:
        known.clear()
        known.update(seen)
    return list(jobs.values())


def _queued(record: str) -> Job | None:
    fields = record.removesuffix("\n").split(SEPARATOR, len(QUEUE_FIELDS) - 1)
    if len(fields) != len(QUEUE_FIELDS) or not is_job_id(fields[0]) or not state_word(fields[1]):
        return None
    return _job(dict(zip((name for name, _ in QUEUE_FIELDS), fields, strict=True)))


def parse_accounting(text: str) -> list[Job]:
    """The jobs of sacct's output; of several records of one job (requeues) the last counts."""
    jobs: dict[str, Job] = {}
    width = len(ACCOUNT_FIELDS)
    records: list[str] = []
    for line in text.split("\n"):
        # sacct ends records with a newline, and a job's name may hold one: a record begins with an id and a state
        head = line.split(SEPARATOR, 2)
        if len(head) == 3 and is_job_id(head[0]) and state_word(head[1]):
            records.append(line)
        elif records:
            records[-1] += " " + line
    for record in records:
        fields = record.split(SEPARATOR, width - 1)
        if len(fields) == width:
            jobs[fields[0]] = _job(dict(zip((name for name, _ in ACCOUNT_FIELDS), fields, strict=True)))
    return list(jobs.values())


def _job(fields: Mapping[str, str]) -> Job:
    values: dict[str, Any] = {"state": state_word(fields["state"])}
    for name, raw in fields.items():
        if name in ("submit_time", "start_time", "end_time"):
            values[name] = parse_time(raw)
        elif name in ("time_limit_s", "elapsed_s"):
            values[name] = parse_duration(raw)
        elif name == "nodes":
            values[name] = count(raw) or 0
        elif name != "state":
            text = plain(raw)
            values[name] = "" if text in _EMPTY and name not in ("name", "account", "user") else text
    return Job(**values)


_PAIR: Final = re.compile(r"(?:^|\s)([A-Z][A-Za-z0-9/:_]*)=")


def parse_show_job(text: str) -> dict[str, str]:
    """scontrol's `K=V` pairs of the first job that it shows; {} if there is none.

    Values may hold spaces and even "K=V" of their own: of a repeated key the last counts (the paths that matter here
    come last), but of the ids, which come before anything that a user can choose freely, the first.
    """
    text = text.strip().partition("\nJobId=")[0].replace("\n", " ")
    marks = list(_PAIR.finditer(text))
    pairs: dict[str, str] = {}
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        key, value = mark[1], text[mark.end() : end].strip()
        if key in ("JobId", "ArrayJobId", "ArrayTaskId", "JobName") and key in pairs:
            continue
        pairs[key] = value if value.isprintable() else plain(value, 4096)
    return pairs if is_job_id(pairs.get("JobId", "")) else {}


def parse_submitted(stdout: str) -> str:
    """The job id in sbatch's answer ("2", "3;lab", "Submitted batch job 1"); "" if there is none."""
    for line in reversed(stdout.split("\n")):
        match = re.fullmatch(r"(?:Submitted batch job )?([0-9]{1,15})(?:;[\w.-]+)?(?: on cluster \S+)?", line.strip())
        if match:
            return match[1]
    return ""


def parse_test_submit(stderr: str) -> float | None:
    """When `sbatch --test-only` says that the job would start (Unix s); None if it does not say."""
    match = re.search(r"Job \d+ to start at (\S+) ", stderr)
    return parse_time(match[1]) if match else None


def parse_receipt(stdout: str) -> tuple[str, int, str]:
    """(how far, sbatch's exit status, sbatch's stdout) of `commands.receipt`'s output; exit −1 without a receipt."""
    word, _, rest = stdout.partition("\n")
    if word.strip() != "receipt":
        return word.strip(), -1, ""
    code, _, said = rest.partition("\n")
    status = count(code)
    return "receipt", -1 if status is None else status, said


def parse_partitions(text: str) -> list[tuple[str, ...]]:
    """sinfo's records as (partition, up or down, limit, nodes, state, gres), without the default's "*"."""
    rows = (tuple(plain(field) for field in record.split(SEPARATOR)) for record in text.split(RECORD)[1:])
    return [(row[0].rstrip("*"), *row[1:]) for row in rows if len(row) == 6]


def named(jobs: Sequence[Job], token: str) -> Job | None:
    """The job that carries `token` in its comment or at the beginning of its name."""
    return next((job for job in jobs if job.comment == token or job.name.split("-")[:2] == token.split("-")), None)
