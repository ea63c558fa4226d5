"""Why a job died, from the end of its output, in plain words with a next step.

What Slurm itself wrote outranks what the processes wrote while they were being killed, and the first rank's own error
outranks the errors of the launcher and of the ranks that lost their peer. An error after which the training went on,
or finished, is not a death; nor is the end of an earlier start of a job that was requeued into the same file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from websight_tui.metrics.death_rules import RULES
from websight_tui.metrics.job_output import undescribed
from websight_tui.metrics.terminal_text import plain

_TAIL: Final = 4 << 20
_AROUND: Final = 600
_MOST_TRACEBACK_LINES: Final = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason.

    Args:
        kind: a stable name, for code: one of death_rules.RULES, cancelled, refused, traceback or killed.
        message: what happened, one sentence.
        hint: the next step.
        line_number: of the telling line, from 1; 0 if no line tells it.
    """

    kind: str
    message: str
    hint: str
    line_number: int


_CANCELLED: Final = re.compile(
    r"error: \*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+(?: UID \S+)?(?: DUE (?i:to) SIGNAL \w+)?"
)
_REFUSED: Final = re.compile(
    r"^error: (?P<message>[^\n]{1,400})(?:\n {1,4}(?P<hint>\S[^\n]{0,400}))?\s*\Z", re.MULTILINE
)
_KILLED: Final = re.compile(r"^\s*Killed\s*$|: +\d+ Killed\b|exitcode\s+: -9\b")
_EXCEPTION: Final = re.compile(
    r"(?P<type>(?:[A-Za-z_]\w{0,80}\.)*[A-Za-z_]\w{0,80}(?:Error|Exception|Interrupt|Exit|Warning|Iteration)"
    r"|(?:[A-Za-z_]\w{0,80}\.)+[A-Z]\w{0,80}(?=: ))(?:: .*)?"
)
_BAR: Final = re.compile(r"%\|[^|\r\n]{0,400}\|\s{0,8}(\d{1,12})/(\d{1,12}) \[")
_TOTAL: Final = re.compile(r"Total optimization steps = ([\d,]{1,16})")
_STARTED: Final = "***** Running training *****"
_FINISHED: Final = re.compile(r"['\"]train_runtime['\"]: |Training completed\. Do not forget")
_CONSEQUENCES: Final = (
    "ChildFailedError",
    "CalledProcessError",
    "SignalException",
    "KeyboardInterrupt",
    "SystemExit",
    "DistNetworkError",
    "DistBackendError",
    "BrokenPipeError",
    "ConnectionResetError",
    "EOFError",
)


def findings(text: str) -> tuple[Finding, ...]:
    """Why the job died, the most telling reason first; empty if nothing in the text says that it did.

    Args:
        text: the end of its output (stdout and stderr joined, or one of them), raw or already rendered. Only the last
            4 MiB are looked at.
    """
    skipped = text.count("\n", 0, -_TAIL) if len(text) > _TAIL else 0
    text = text[-_TAIL:]
    text = text.replace("\r\n", "\n")
    line_of = _line_counter(text, skipped)
    over, started = _went_on(text)
    found: list[Finding] = []
    for rule in RULES:
        match = _line_with(text, rule.marks, rule.pattern, started if rule.slurm else over)
        if match is not None:
            at, groups = match
            found.append(Finding(rule.kind, _worded(rule.message, groups), rule.hint, line_of(at)))
    slurm = {rule.kind for rule in RULES if rule.slurm}
    if any(f.kind in slurm for f in found):
        found = [f for f in found if f.kind in slurm or f.kind in ("cuda-oom", "disk")]
        return tuple(found)
    cancelled = _line_with(text, ("CANCELLED AT",), _CANCELLED, started)
    if cancelled is not None and not any(f.kind in ("cuda-oom", "disk", "gpu-error") for f in found):
        message, hint = "The job was cancelled.", "If it was not you: the site or a dependency did; resume when ready."
        return (Finding("cancelled", message, hint, line_of(cancelled[0])),)
    refused = _REFUSED.search(text, max(0, len(text) - 2000))
    if refused is not None:
        hint = plain(refused["hint"] or "") or "Change what it names and submit again."
        found.insert(0, Finding("refused", plain(refused["message"]), hint, line_of(refused.start())))
    trace = _traceback(text, over)
    if trace is not None and not found:
        position, error = trace
        after = " after the training itself had finished" if _FINISHED.search(text, 0, position) else ""
        message = f"The program failed{after}: {plain(error, 300)}"
        found.append(Finding("traceback", message, "Read the lines above it in the log.", line_of(position)))
    killed = _line_with(text, ("Killed", "exitcode  : -9"), _KILLED, over)
    if killed is not None and not found:
        hint = "Mostly the node's memory ran out: see sacct's state, and ask for more with mem."
        found.append(Finding("killed", "A process was killed from outside (SIGKILL).", hint, line_of(killed[0])))
    return tuple(found)


def _worded(message: str, groups: Mapping[str, str | None]) -> str:
    detail = next((v for name in ("detail", "other", "command") if (v := groups.get(name))), "")
    joined = (
        f" (tried to allocate {detail})" if detail[-3:-1] in ("Gi", "Mi", "Ki", "Ti") else f": {plain(detail, 160)}"
    )
    return message.replace("{detail}", joined if detail else "").replace("..", ".")


def _line_counter(text: str, skipped: int) -> Callable[[int], int]:
    return lambda position: skipped + text.count("\n", 0, position) + 1


def _went_on(text: str) -> tuple[int, int]:
    """Positions up to which errors were survived, because the training went on or finished, and of its last start."""
    bars = [(m.start(), int(m[1]), int(m[2])) for m in _BAR.finditer(text) if undescribed(text, m.start())]
    said = _TOTAL.search(text)
    total = int(said[1].replace(",", "")) if said else bars[0][2] if bars else 0
    steps = [(at, step) for at, step, of in bars if of == total]
    finished = max((m.start() for m in _FINISHED.finditer(text)), default=0)
    # only what follows a start before is another start: ranks may die while the first one still begins
    zeros = [at for (_, before), (at, step) in pairwise(steps) if step == 0 and before > 0]
    again = text.rfind(_STARTED) if text.count(_STARTED) > 1 else 0
    started = max([again, 0, *zeros])
    newest = [(at, step) for at, step in steps if at >= started]
    furthest = max((step for _, step in newest), default=0)
    if len(newest) <= 3:
        return max(finished, started), started
    # peers of a dead rank may still draw a step or two
    return max(finished, started, next(at for at, step in newest if step >= furthest - 2)), started


def _line_with(
    text: str, marks: Sequence[str], pattern: re.Pattern[str], begin: int = 0
) -> tuple[int, Mapping[str, str | None]] | None:
    """Position and groups of the first match, from `begin` on, in a line that holds one of the marks."""
    best: tuple[int, Mapping[str, str | None]] | None = None
    for mark in marks:
        position = text.find(mark, begin)
        while position >= 0 and (best is None or position < best[0]):
            first = max(text.rfind("\n", max(0, position - _AROUND), position) + 1, position - _AROUND, 0)
            last = text.find("\n", position, position + _AROUND)
            match = pattern.search(text[first : last if last >= 0 else position + _AROUND])
            if match is not None:
                best = first + match.start(), match.groupdict()
                break
            position = text.find(mark, position + len(mark))
    return best


def _traceback(text: str, over: int) -> tuple[int, str] | None:
    """Position and last line of the first traceback that is not another's consequence."""
    position = text.find("Traceback (most recent call last):", over)
    fallback: tuple[int, str] | None = None
    while position >= 0:
        begin = max(text.rfind("\n", max(0, position - 200), position) + 1, position - 200, 0)
        at, error = _last_line(text, begin, text[begin:position].removesuffix("Original "))
        if error:
            kind = _EXCEPTION.fullmatch(error)
            name = kind["type"].rpartition(".")[2] if kind else ""
            if name not in _CONSEQUENCES and ": " in error and ": Caught " not in error:
                return at, error
            fallback = fallback or (at, error)
        position = text.find("Traceback (most recent call last):", max(at, position + 1))
    return fallback


def _last_line(text: str, begin: int, prefix: str) -> tuple[int, str]:
    """The exception that ends a traceback: the first line that looks like one, as ranks may write into each other."""
    position = text.find("\n", begin) + 1
    for _ in range(_MOST_TRACEBACK_LINES):
        if position <= 0:
            break
        end = text.find("\n", position)
        line = text[position : end if end >= 0 else len(text)].rstrip("\r ")
        line = line.removeprefix(prefix)
        if _EXCEPTION.fullmatch(line):
            return position, line
        position = end + 1 if end >= 0 else 0
    return begin, ""
