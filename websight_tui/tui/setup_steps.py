"""What must be known of a new cluster, question by question, and the table that comes of it. Pure.

A question with one possible answer is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from websight_tui import words
from websight_tui.config import LOCAL, Cluster
from websight_tui.runs.exploring import PartitionOffer, SiteOffer, gpu_name
from websight_tui.slurm_commands.times import format_duration, parse_duration

QUESTIONS: Final = ("account", "partition", "root", "python")
LABELS: Final[Mapping[str, str]] = {
    "account": "account",
    "partition": "partition",
    "root": "folder",
    "python": "Python",
}
HINTS: Final[Mapping[str, str]] = {
    "account": "As Slurm names it.",
    "partition": "As Slurm names it; sinfo lists them.",
    "root": "A folder that login and compute nodes share, with room for checkpoints. ~ is your home.",
    "python": "The path of a Python, 3.11 or newer, that has LLaMA-Factory.",
}
"""What a person who types an answer may want to know."""
_FOLDER: Final = "websight-v2"
_DEFAULTS: Final = Cluster("default")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: the value, and what tells it from the others."""

    value: str
    note: str = ""


def choices(question: str, offer: SiteOffer, answers: Mapping[str, str]) -> tuple[Choice, ...]:
    """The answers that the site offers to a question, the likeliest first."""
    if question == "account":
        return tuple(Choice(name) for name in offer.accounts)
    if question == "partition":
        account = answers.get("account", "")
        allowed = [p for p in offer.partitions if not account or p.accounts is None or account in p.accounts]
        return tuple(Choice(p.name, partition_words(p)) for p in allowed)
    if question == "root":
        found = [Choice(_root(f.path, f.variable), _folder_words(f.variable, f.free)) for f in offer.folders]
        return tuple(found) or (Choice(_DEFAULTS.root),)
    return tuple(Choice(path, "has LLaMA-Factory") for path in offer.pythons)


def _root(path: str, variable: str) -> str:
    return f"~/{_FOLDER}" if variable == "HOME" else f"{path.rstrip('/')}/{_FOLDER}"


def _folder_words(variable: str, free: int | None) -> str:
    room = f"{words.size(free)} free" if free is not None else ""
    warn = "files may expire" if "SCRATCH" in variable else ""
    return ", ".join(part for part in (f"${variable}", room, warn) if part)


def partition_words(partition: PartitionOffer) -> str:
    """ "12 nodes × 8 h100, up to 1 d 00 h, 3 free now"."""
    p = partition
    size = f"{p.nodes} node{'s' * (p.nodes != 1)}"
    size += f" × {p.gpus} {p.gpu or 'GPUs'}" if p.gpus else ", no GPU"
    limit = "no time limit" if p.max_time_s is None else f"up to {words.duration(p.max_time_s)}"
    free = f"{p.usable} free now" if p.usable else "none free now"
    return f"{size}, {limit}, {free}"


def settled(offer: SiteOffer, answers: Mapping[str, str]) -> dict[str, str]:
    """`answers`, and the answers to those next questions that have only one."""
    known = dict(answers)
    for question in QUESTIONS:
        if question not in known:
            found = choices(question, offer, known)
            if len(found) > 1:
                break
            known[question] = found[0].value if found else ""
    return known


def open_question(answers: Mapping[str, str]) -> str | None:
    """The next question; None if all are answered."""
    return next((question for question in QUESTIONS if question not in answers), None)


def without_last(offer: SiteOffer, answers: Mapping[str, str]) -> dict[str, str]:
    """`answers` up to the last one that a person gave; the same if nobody was asked anything."""
    asked = [q for q in QUESTIONS if q in answers and len(choices(q, offer, answers)) > 1]
    if not asked:
        return dict(answers)
    return {q: answers[q] for q in QUESTIONS[: QUESTIONS.index(asked[-1])] if q in answers}


def table(host: str, offer: SiteOffer, answers: Mapping[str, str]) -> dict[str, object]:
    """The keys of the cluster's table in config.toml; what is a default is left out.

    Args:
        host: as ssh takes it; LOCAL for this machine.
    """
    values: dict[str, object] = {"transport": "local"} if host == LOCAL else {"host": host}
    for question in ("account", "partition", "root", "python"):
        value = answers.get(question, "")
        if value and value != getattr(_DEFAULTS, question):
            values[question] = value
    chosen = next((p for p in offer.partitions if p.name == answers.get("partition")), None)
    if chosen is not None:
        if chosen.gpus != _DEFAULTS.gpus_per_node:
            values["gpus_per_node"] = chosen.gpus
        if (kind := gpu_name(chosen.gpu)) and kind != _DEFAULTS.gpu:
            values["gpu"] = kind
        limit = parse_duration(_DEFAULTS.time_limit) or 0
        if chosen.max_time_s is not None and chosen.max_time_s < limit:
            values["time_limit"] = format_duration(chosen.max_time_s)
    return values
