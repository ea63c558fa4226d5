"""Checks a cluster from the resolution of its name to a submission that is only a test. Nothing is left behind there.

Findings are told as they are made, so that a screen can show them one by one. A check that needs another one which
failed is skipped, with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from websight_tui.config import Cluster
from websight_tui.errors import ConnectionLost, WebsightError
from websight_tui.remote.port import Prompter, Transport
from websight_tui.remote.ssh_config import Hop, route
from websight_tui.runs.checks import disk, reach, shell, slurm
from websight_tui.runs.checks.finding import Doing, Finding, Tell, fail, ok, skip, warn
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.preflight import check_python, preflight_in
from websight_tui.runs.scratch import Scratch
from websight_tui.slurm_commands.times import parse_duration

CONNECTING: Final = ("name", "reach", "host key", "login")
"""The checks whose failure means that there is no connection."""
AFTER_LOGIN: Final = (
    *("shell", "files", "slurm", "controller", "accounting", "account", "partition"),
    *("folder", "disk", "python", "data", "submit"),
)
"""The checks that `inspect` makes, in their order."""
CHECKS: Final = ("name", "reach", "login", *AFTER_LOGIN)
"""Those that `examine` makes."""


def examine(
    cluster: Cluster,
    plan: LaunchPlan,
    *,
    open_transport: Callable[[Cluster], Transport],
    prompter: Prompter,
    tell: Tell,
) -> None:
    """Everything, from the name on; logs in once and closes the connection at the end.

    Args:
        plan: the launch that shall work (`plan_launch` for the cluster and a preset).
        open_transport: makes a transport that is not connected yet.
        prompter: answers the login's questions; called from this thread.
        tell: told each check as it begins and goes on, and each finding at once.

    Never raises for what is wrong with the cluster. What `tell` raises breaks the checks off, and cleans up as well.
    """
    visit = _Visit(tell)
    hops: list[Hop] = []
    if reach.is_local(cluster.endpoint):
        tell(ok("name", "this machine: no SSH is needed"))
    else:
        visit.step("name", lambda: _name(cluster, hops))
        visit.step("reach", lambda: reach.check_reach(hops[0]), needs=("name",))
    opened: list[Transport] = []

    def log_in() -> Iterator[Finding]:
        opened.append(open_transport(cluster))
        yield from reach.check_login(opened[0], tuple(hops), prompter, tell)

    try:
        visit.step("login", log_in, needs=("name", "reach"))
        if visit.blocked(("login",)):
            for check in AFTER_LOGIN:
                visit.step(check, tuple, needs=("login",))
        else:
            _inspect(visit, opened[0], cluster, plan)
    finally:
        for transport in opened:
            transport.close()


def inspect(transport: Transport, cluster: Cluster, plan: LaunchPlan, tell: Tell) -> None:
    """`examine` from the login on, over a connection that is there; it stays open."""
    _inspect(_Visit(tell), transport, cluster, plan)


def _name(cluster: Cluster, hops: list[Hop]) -> Iterator[Finding]:
    hops.extend(route(cluster.endpoint))
    yield from reach.check_name(tuple(hops))


def _inspect(visit: _Visit, transport: Transport, cluster: Cluster, plan: LaunchPlan) -> None:
    account, known = shell.Account(), slurm.Site()
    visit.step("shell", lambda: shell.check_shell(transport, account))
    visit.step("files", lambda: reach.check_files(transport, account.home), needs=("shell",))
    visit.step("slurm", lambda: shell.check_programs(transport, cluster, account), needs=("shell",))
    visit.home = account.home
    visit.step("controller", lambda: slurm.check_controller(transport, known), needs=("slurm",))
    visit.step("accounting", lambda: slurm.check_accounting(transport, known), needs=("controller",))
    plan = plan.at(account.home)
    preset = plan.spec.preset
    limit_s, gpus = parse_duration(preset.time_limit or ""), preset.nodes * (preset.gpus_per_node or 0)
    visit.step("account", lambda: slurm.check_account(cluster, known, limit_s, gpus), needs=("accounting",))

    def partition() -> Iterator[Finding]:
        slurm.learn_partitions(transport, known)
        yield from slurm.check_partition(cluster, preset, known)

    visit.step("partition", partition, needs=("controller",))
    made: list[Scratch] = []

    def folder() -> Iterator[Finding]:
        made.append(Scratch(transport, plan.spec.root))
        new = " (it will be made by the first launch)" if made[0].root_is_new else ""
        yield ok("folder", f"{plan.spec.root} can be written{new}")

    def trainer() -> Iterator[Finding]:
        heard: set[Finding] = set()

        def hear(item: Doing | Finding) -> None:
            if isinstance(item, Doing):
                visit.tell(item)
            elif _is_news(item):
                heard.add(item)
                visit.found("data", item)

        found = preflight_in(transport, plan.spec, made[0], bundle=plan.bundle, tell=hear).findings
        yield from (finding for finding in found if _is_news(finding) and finding not in heard)

    try:
        visit.step("folder", folder, needs=("shell",))
        visit.step("disk", lambda: disk.check_disk(transport, made[0].path, preset), needs=("folder",))
        visit.step("python", lambda: [check_python(transport, plan.spec)], needs=("shell",))
        visit.step("data", trainer, needs=("files", "folder", "python"))
        visit.step("submit", lambda: slurm.check_submit(transport, plan.spec), needs=("controller",))
    finally:
        gone = all(scratch.remove() for scratch in made)
    if not gone:
        said = f"{made[0].path} could not be removed"
        visit.found("folder", warn("folder", said, "The next check removes it, after three hours."))


def _is_news(finding: Finding) -> bool:
    """Whether a finding of the trainer's is worth its line: the disk's room is told before, a new run's folder is."""
    return finding.level != "ok" or finding.check not in ("storage", "output")


class _Visit:
    """Runs the checks one after another and remembers what cannot be built on.

    `home` is the account's home folder there, once it is known.
    """

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self._bad: dict[str, str] = {}
        self._lost = ""
        self.home = ""

    def blocked(self, needs: tuple[str, ...]) -> str:
        """Why a check with these needs cannot be made; "" if it can."""
        return self._lost or next((self._bad[need] for need in needs if need in self._bad), "")

    def step(self, check: str, work: Callable[[], Iterable[Finding]], needs: tuple[str, ...] = ()) -> None:
        """Tells the findings of `work`, or one that says why it was not done."""
        if reason := self.blocked(needs):
            self._bad[check] = reason
            self.tell(skip(check, f"not looked at: {reason}"))
            return
        self.tell(Doing(check))
        try:
            for finding in work():
                self.found(check, finding)
        except WebsightError as exc:
            self.found(check, fail(check, exc.message, exc.hint))
            if isinstance(exc, ConnectionLost):
                self._lost = "the connection broke"

    def found(self, check: str, finding: Finding) -> None:
        """Tells what the check has found, with "~" for the home folder there."""
        if finding.level == "fail":
            self._bad[check] = f"{check} failed"
        if len(self.home) >= 2:
            finding = dataclasses.replace(finding, message=finding.message.replace(f"{self.home}/", "~/"))
        self.tell(finding)
