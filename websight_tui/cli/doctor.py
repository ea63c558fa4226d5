"""`websight-tui doctor`: is everything there for a launch, and if not, how is it got?"""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from websight_tui.cli.options import add_command
from websight_tui.words import showable

if TYPE_CHECKING:
    from rich.console import Console

    from websight_tui.config import Cluster
    from websight_tui.presets import Preset
    from websight_tui.runs.checks.finding import Doing, Finding, Tell

    Look = Callable[[Tell], None]
    """Makes the checks; they are told to its argument."""

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

    def look(tell: Tell) -> None:
        examine(cluster, plan, open_transport=open_cluster, prompter=prompter(), tell=tell)

    failed = show(cluster, preset, look)
    if not failed:
        return OK
    return NO_CONNECTION if failed & set(CONNECTING) else FAILED


def _print_json(cluster: Cluster, preset: Preset, look: Look) -> set[str]:
    """One object a finding, then one for all of them; the failed checks."""
    from websight_tui.cli.output import print_json
    from websight_tui.runs.checks.finding import Finding

    begin = time.monotonic()
    counts: Counter[str] = Counter()
    failed = set()

    def tell(item: Doing | Finding) -> None:
        if isinstance(item, Finding):
            counts[item.level] += 1
            if item.level == "fail":
                failed.add(item.check)
            print_json({"cluster": cluster.name, **dataclasses.asdict(item)})

    look(tell)
    totals = {level: counts[level] for level in _MARKS}
    seconds = round(time.monotonic() - begin, 1)
    print_json({"cluster": cluster.name, "preset": preset.name, "healthy": not failed, **totals, "seconds": seconds})
    return failed


def _print_text(cluster: Cluster, preset: Preset, look: Look) -> set[str]:
    """Each finding as it comes, below them what is looked at now; checks that were skipped for one reason share a line.

    Returns: the failed checks.
    """
    from rich.console import Console
    from rich.text import Text

    from websight_tui.cli.waiting import waiting
    from websight_tui.runs.checks.finding import Finding
    from websight_tui.runs.doctor import CHECKS

    console = Console(highlight=False)
    console.print(Text.assemble((cluster.name, "bold"), f", for a launch of {preset.name}"))
    begin = time.monotonic()
    counts: Counter[str] = Counter()
    failed: set[str] = set()
    skipped: list[Finding] = []
    made = 0

    def found(finding: Finding) -> None:
        counts[finding.level] += 1
        if finding.level == "fail":
            failed.add(finding.check)
        if skipped and finding.message != skipped[0].message:
            _print_block(console, *_together(skipped))
            skipped.clear()
        if finding.level == "skip":
            skipped.append(finding)
        else:
            _print_block(console, finding.level, finding.check, finding.message, finding.hint)

    with waiting("looking", console=console) as line:

        def tell(item: Doing | Finding) -> None:
            """A check's own bar where it has one, else how many of the checks are over."""
            nonlocal made
            if isinstance(item, Finding):
                found(item)
                return
            made = CHECKS.index(item.check) if item.check in CHECKS else made
            far = (item.done, item.total) if item.total else (made, len(CHECKS))
            words = f"{item.check}: {item.words}" if item.words else item.check
            line.show(words, *far, in_bytes=item.in_bytes and item.total > 0)

        look(tell)
    if skipped:
        _print_block(console, *_together(skipped))
    console.print(_summary(counts, time.monotonic() - begin))
    return failed


def _together(skipped: list[Finding]) -> tuple[str, str, str, str]:
    """Checks that were skipped for the same reason, as one block."""
    first = skipped[0]
    if len(skipped) == 1:
        return first.level, first.check, first.message, first.hint
    return first.level, f"{len(skipped)} checks", f"{first.message} ({', '.join(f.check for f in skipped)})", first.hint


def _print_block(console: Console, level: str, check: str, message: str, hint: str) -> None:
    """ "✗ fail  account  the message" over as many lines as it takes, and the hint below."""
    from rich.text import Text

    mark, style = _MARKS[level]
    room = max(20, min(console.width, _MOST) - _INDENT)
    first, *rest = _wrap(message, room) or [""]
    head = Text.assemble("  ", (f"{mark} {level:<4}", style), f"  {check:<13}", first)
    lines = [head, *(Text(" " * _INDENT + line) for line in rest)]
    if level != "ok":
        hints = enumerate(_wrap(hint, room - 2))
        lines += [Text(" " * _INDENT + ("  " if number else "→ ") + line, style="cyan") for number, line in hints]
    console.print(Text("\n").join(lines), soft_wrap=True)  # Text: what comes from a cluster is never markup


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; paths stay in one piece, even if they are longer."""
    return textwrap.wrap(showable(text), width, break_on_hyphens=False, break_long_words=False)


def _summary(counts: Counter[str], seconds: float) -> str:
    words = {"fail": "failed", "warn": "to look at", "ok": "ok", "skip": "skipped"}
    parts = [f"{counts[level]} {word}" for level, word in words.items() if counts[level]]
    head = "Not ready for a launch" if counts["fail"] else "Ready for a launch"
    return f"{head}: {', '.join(parts)} ({seconds:.1f} s)"
