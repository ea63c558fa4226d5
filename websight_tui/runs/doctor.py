"""Checks a cluster from the resolution of its name to a submission that is only a test. Nothing is left behind there.

Findings come as they are made, so that a screen can show them one by one. A check that needs another one which failed
is skipped, with the reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from websight_tui.config import Cluster
from websight_tui.errors import ConnectionLost, WebsightError
from websight_tui.remote.port import Prompter, Transport
from websight_tui.remote.ssh_config import Hop, route
from websight_tui.runs.checks import disk, reach, shell, slurm
from websight_tui.runs.checks.finding import Doing, Finding, fail, ok, skip, to_nobody, warn
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
    tell: Callable[[Doing], None] = to_nobody,
) -> Generator[Finding]:
    """Everything, from the name on; logs in once and closes the connection at the end.

    Args:
        plan: the launch that shall work (`plan_launch` for the cluster and a preset).
        open_transport: makes a transport that is not connected yet.
        prompter: answers the login's questions; called from this thread.
        tell: told each check as it begins and goes on.

    Never raises for what is wrong with the cluster. Closing the iterator early cleans up, too.
    """
    visit = _Visit(tell)
    hops: list[Hop] = []
    if reach.is_local(cluster.endpoint):
        yield ok("name", "this machine: no SSH is needed")
    else:
        yield from visit.step("name", lambda: _name(cluster, hops))
        yield from visit.step("reach", lambda: reach.check_reach(hops[0]), needs=("name",))
    opened: list[Transport] = []

    def log_in() -> Iterator[Finding]:
        opened.append(open_transport(cluster))
        yield from reach.check_login(opened[0], tuple(hops), prompter, tell)

    try:
        yield from visit.step("login", log_in, needs=("name", "reach"))
        if visit.blocked(("login",)):
            for check in AFTER_LOGIN:
                yield from visit.step(check, tuple, needs=("login",))
        else:
            yield from _inspect(visit, opened[0], cluster, plan)
    finally:
        for transport in opened:
            transport.close()


def inspect(
    transport: Transport, cluster: Cluster, plan: LaunchPlan, tell: Callable[[Doing], None] = to_nobody
) -> Generator[Finding]:
    """`examine` from the login on, over a connection that is there; it stays open."""
    yield from _inspect(_Visit(tell), transport, cluster, plan)


def _name(cluster: Cluster, hops: list[Hop]) -> Iterator[Finding]:
    hops.extend(route(cluster.endpoint))
    yield from reach.check_name(tuple(hops))


def _inspect(visit: _Visit, transport: Transport, cluster: Cluster, plan: LaunchPlan) -> Iterator[Finding]:
    account, known = shell.Account(), slurm.Site()
    yield from visit.step("shell", lambda: shell.check_shell(transport, account))
    yield from visit.step("files", lambda: reach.check_files(transport, account.home), needs=("shell",))
    yield from visit.step("slurm", lambda: shell.check_programs(transport, cluster, account), needs=("shell",))
    visit.home = account.home
    yield from visit.step("controller", lambda: slurm.check_controller(transport, known), needs=("slurm",))
    yield from visit.step("accounting", lambda: slurm.check_accounting(transport, known), needs=("controller",))
    plan = plan.at(account.home)
    preset = plan.spec.preset
    limit_s, gpus = parse_duration(preset.time_limit or ""), preset.nodes * (preset.gpus_per_node or 0)
    yield from visit.step("account", lambda: slurm.check_account(cluster, known, limit_s, gpus), needs=("accounting",))

    def partition() -> Iterator[Finding]:
        slurm.learn_partitions(transport, known)
        yield from slurm.check_partition(cluster, preset, known)

    yield from visit.step("partition", partition, needs=("controller",))
    made: list[Scratch] = []

    def folder() -> Iterator[Finding]:
        made.append(Scratch(transport, plan.spec.root))
        new = " (it will be made by the first launch)" if made[0].root_is_new else ""
        yield ok("folder", f"{plan.spec.root} can be written{new}")

    def trainer() -> Iterator[Finding]:
        found = preflight_in(transport, plan.spec, made[0], bundle=plan.bundle, tell=visit.going_on).findings
        yield from (finding for finding in found if (finding.check, finding.level) != ("storage", "ok"))

    try:
        yield from visit.step("folder", folder, needs=("shell",))
        yield from visit.step("disk", lambda: disk.check_disk(transport, made[0].path, preset), needs=("folder",))
        yield from visit.step("python", lambda: [check_python(transport, plan.spec)], needs=("shell",))
        yield from visit.step("data", trainer, needs=("files", "folder", "python"))
        yield from visit.step("submit", lambda: slurm.check_submit(transport, plan.spec), needs=("controller",))
    finally:
        gone = all(scratch.remove() for scratch in made)
    if not gone:
        yield warn("folder", f"{made[0].path} could not be removed", "The next check removes it, after three hours.")


class _Visit:
    """Runs the checks one after another and remembers what cannot be built on.

    `home` is the account's home folder there, once it is known.
    """

    def __init__(self, tell: Callable[[Doing], None]) -> None:
        self._tell = tell
        self._bad: dict[str, str] = {}
        self._lost = ""
        self.home = ""

    def blocked(self, needs: tuple[str, ...]) -> str:
        """Why a check with these needs cannot be made; "" if it can."""
        return self._lost or next((self._bad[need] for need in needs if need in self._bad), "")

    def step(self, check: str, work: Callable[[], Iterable[Finding]], needs: tuple[str, ...] = ()) -> Iterator[Finding]:
        """The findings of `work`, or one that says why it was not done."""
        if reason := self.blocked(needs):
            self._bad[check] = reason
            yield skip(check, f"not looked at: {reason}")
            return
        self._tell(Doing(check))
        try:
            for finding in work():
                if finding.level == "fail":
                    self._bad[check] = f"{check} failed"
                yield self._shortened(finding)
        except WebsightError as exc:
            self._bad[check] = f"{check} failed"
            if isinstance(exc, ConnectionLost):
                self._lost = "the connection broke"
            yield self._shortened(fail(check, exc.message, exc.hint))

    def going_on(self, told: Doing | Finding) -> None:
        """Hands on how far a check is; what it finds comes as it is yielded."""
        if isinstance(told, Doing):
            self._tell(told)

    def _shortened(self, finding: Finding) -> Finding:
        """With "~" for the home folder there."""
        if len(self.home) < 2:
            return finding
        return dataclasses.replace(finding, message=finding.message.replace(f"{self.home}/", "~/"))
