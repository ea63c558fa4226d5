"""`websight-tui doctor`: is everything there for a launch, and if not, how is it got?"""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Final

from websight_tui.cli.options import add_command

if TYPE_CHECKING:
    from websight_tui.config import Cluster
    from websight_tui.presets import Preset
    from websight_tui.runs.checks.finding import Finding

_MARKS: Final = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red"), "skip": ("–", "dim")}
_INDENT: Final = 23
_MOST: Final = 100


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "doctor",
        run,
        "check a cluster from its name to a test submission",
        "Says what is missing for a launch and how to get it. Submits nothing and leaves nothing behind. Ends with 1 "
        "if something is missing, with 3 if it cannot connect.",
    )
    parser.add_argument(
        "cluster",
        nargs="?",
        metavar="CLUSTER",
        help="a cluster of config.toml, 'local' for this machine or 'demo' (default: the first one configured)",
    )
    parser.add_argument(
        "--preset", metavar="PRESET", help="the preset that is to be launched there (default: the first one)"
    )


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli import FAILED, NO_CONNECTION, OK
    from websight_tui.cli.context import Context
    from websight_tui.cli.prompter import prompter
    from websight_tui.cli.session import open_cluster
    from websight_tui.runs.doctor import CONNECTING, examine
    from websight_tui.runs.plan import plan_launch

    context = Context.of(args)
    cluster = context.cluster_or_default(args.cluster)
    preset = context.preset(args.preset or next(iter(context.config.presets)))
    plan = plan_launch(context.config, cluster, preset, now=time.time())
    show = _print_json if args.json else _print_text
    with closing(examine(cluster, plan, open_transport=open_cluster, prompter=prompter())) as findings:
        failed = show(cluster, preset, findings)
    if not failed:
        return OK
    return NO_CONNECTION if failed & set(CONNECTING) else FAILED


def _print_json(cluster: Cluster, preset: Preset, findings: Iterable[Finding]) -> set[str]:
    """One object a finding, then one for all of them; the failed checks."""
    from websight_tui.cli.output import print_json

    begin = time.monotonic()
    counts: Counter[str] = Counter()
    failed = set()
    for finding in findings:
        counts[finding.level] += 1
        if finding.level == "fail":
            failed.add(finding.check)
        print_json({"cluster": cluster.name, **dataclasses.asdict(finding)})
    totals = {level: counts[level] for level in _MARKS}
    seconds = round(time.monotonic() - begin, 1)
    print_json({"cluster": cluster.name, "preset": preset.name, "healthy": not failed, **totals, "seconds": seconds})
    return failed


def _print_text(cluster: Cluster, preset: Preset, findings: Iterable[Finding]) -> set[str]:
    """Each finding as it comes; checks that were skipped for one reason share a line. The failed checks."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    width = min(console.width, _MOST)
    console.print(Text.assemble((cluster.name, "bold"), f", for a launch of {preset.name}"))
    begin = time.monotonic()
    counts: Counter[str] = Counter()
    failed, skipped, reason = set(), list[str](), ""

    def show(level: str, check: str, message: str, hint: str) -> None:
        mark, style = _MARKS[level]
        head = Text.assemble("  ", (f"{mark} {level:<4}", style), f"  {check:<13}")
        room = max(20, width - _INDENT)
        first, *rest = _wrap(message, room) or [""]
        console.print(head.append(first), soft_wrap=True)
        hints = _wrap(hint, room - 2) if level != "ok" else []
        for line in rest:
            console.print(Text(" " * _INDENT + line), soft_wrap=True)
        for number, line in enumerate(hints):
            console.print(Text(" " * _INDENT + ("  " if number else "→ ") + line, style="cyan"), soft_wrap=True)

    def show_skipped() -> None:
        if len(skipped) == 1:
            show("skip", skipped[0], reason, "")
        elif skipped:
            show("skip", f"{len(skipped)} checks", f"{reason} ({', '.join(skipped)})", "")
        skipped.clear()

    for finding in findings:
        counts[finding.level] += 1
        if finding.level == "skip" and not finding.hint:
            if finding.message != reason:
                show_skipped()
            reason = finding.message
            skipped.append(finding.check)
            continue
        show_skipped()
        if finding.level == "fail":
            failed.add(finding.check)
        show(finding.level, finding.check, finding.message, finding.hint)
    show_skipped()
    console.print(_summary(counts, time.monotonic() - begin))
    return failed


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; paths stay in one piece, even if they are longer."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def _summary(counts: Counter[str], seconds: float) -> str:
    words = {"fail": "failed", "warn": "to look at", "ok": "ok", "skip": "skipped"}
    parts = [f"{counts[level]} {word}" for level, word in words.items() if counts[level]]
    head = "Not ready for a launch" if counts["fail"] else "Ready for a launch"
    return f"{head}: {', '.join(parts)} ({seconds:.1f} s)"
