"""How many jobs a site lets its users have at once: a question to sacctmgr, and its text as a value.

The fields are those of sacctmgr(1): MaxJobs and MaxSubmit of an association, MaxJobsPU and MaxSubmitPU of a QOS.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from websight_tui.metrics.lines import count

_ENVIRONMENT: Final = ("env", "LC_ALL=C")


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Limits of one user, the tightest of account and QOS; None where there is none.

    Args:
        running: jobs that may run at once; more wait. submitted: jobs that may be in the queue; more are refused.
    """

    running: int | None = None
    submitted: int | None = None


def command(account: str = "") -> str:
    """Prints the user's associations and every QOS, a line each, under the headings "accounts" and "qos".

    An association is account|qos,qos|default qos|MaxJobs|MaxSubmit, a QOS name|MaxJobsPU|MaxSubmitPU.

    Args:
        account: only this one; "" for all of the user's.
    """
    listed = ("sacctmgr", "--noheader", "--parsable2", "show")
    named = (f"account={account}",) if account else ()
    of_user = (*listed, "assoc", "where", "format=account,qos,defaultqos,maxjobs,maxsubmit", *named)
    accounts = shlex.join((*_ENVIRONMENT, *of_user)) + ' user="$(id -un)"'
    qos = shlex.join((*_ENVIRONMENT, *listed, "qos", "format=name,maxjobspu,maxsubmitpu"))
    return f"echo accounts && {accounts} && echo qos && {qos}"


def parse(text: str, qos: str = "") -> JobCounts:
    """The limits out of what `command` printed. Nothing is raised for odd text.

    Args:
        qos: the one that jobs are submitted with; "" takes the account's default, or its only one.
    """
    first, _, second = text.partition("\nqos\n")
    accounts = [cells for line in first.split("\n") if len(cells := line.split("|")) == 5]
    if len({cells[0] for cells in accounts}) > 1:
        accounts = []  # which of them will be charged is not known
    names = {qos} if qos else {name for cells in accounts for name in _default(cells)}
    rows = [cells for line in second.split("\n") if len(cells := line.split("|")) == 3 and cells[0] in names]
    limits = [cells[-2:] for cells in (*accounts, *rows)]
    return JobCounts(_least(running for running, _ in limits), _least(submitted for _, submitted in limits))


def _default(cells: list[str]) -> list[str]:
    allowed = [name for name in cells[1].split(",") if name]
    return [cells[2]] if cells[2] else allowed if len(allowed) == 1 else []


def _least(texts: Iterable[str]) -> int | None:
    return min((found for text in texts if (found := count(text)) is not None), default=None)
