"""`websight-tui report`: a run, or any training log, as one page, a notebook entry, a table or a picture."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from websight_tui.cli.options import add_cluster, add_command
from websight_tui.cli.project import limit_seconds

if TYPE_CHECKING:
    from websight_tui.metrics.model import TrainingLog
    from websight_tui.report.model import Report

FORMATS: Final = ("html", "md", "csv", "png")
_MOST_BYTES: Final = 1 << 30


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "report",
        run,
        "write a run, or any training log, as one page",
        "Curves, forecast against truth, verdict history, jobs, checkpoints, environment, settings: all out of what is "
        "known here, nothing is connected to. The page needs nothing but itself. A log may be events.jsonl, "
        "trainer_log.jsonl, trainer_state.json or job output.",
    )
    parser.add_argument("what", metavar="RUN|FILE", help="a run's id or its beginning, 'last', or a training log")
    parser.add_argument(
        "-f", "--format", choices=FORMATS, help="html (default), md for a notebook, csv or png of the curves"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to (default: NAME-report.html, here; '-' is standard output)"
    )
    parser.add_argument("--limit", type=limit_seconds, metavar="TIME", help="a log's time limit, e.g. 8:00:00")
    parser.add_argument("--run", dest="number", type=int, metavar="N", help="which run of a log that holds several")
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json, say
    from websight_tui.cli.waiting import waiting
    from websight_tui.report.write import written

    kind = args.format or _by_name(args.output) or "html"
    with waiting("making the report", quiet=args.json):
        made, log, name = _report(args)
        data = written(made, log, kind)
    if args.output == "-":
        sys.stdout.buffer.write(data)
        return 0
    path = Path(args.output or f"{name}-report.{kind}")
    _save(path, data)
    if args.json:
        about = {"title": made.title, "headline": made.headline, "format": kind}
        print_json({**about, "path": str(path), "bytes": len(data)})
    else:
        say(f"{made.title}: {made.headline.lower()}. Written to {path}")
    return 0


def _by_name(output: str | None) -> str | None:
    ending = Path(output or "").suffix.removeprefix(".")
    return ending if ending in FORMATS else None


def _report(args: argparse.Namespace) -> tuple[Report, TrainingLog, str]:
    """(the report, its log, a name for the file). Raises WebsightError if there is no such run or log."""
    from websight_tui.cli.context import Context, find_run
    from websight_tui.cli.session import session
    from websight_tui.report.of_run import report_of_run
    from websight_tui.report.write import made_words

    if Path(args.what).is_file():
        return _of_file(Path(args.what), args)
    now = time.time()
    context = Context.of(args)
    with session(context.config, context.data) as current:
        view = find_run(list(current.state.runs.values()), args.what)
    base = context.config.presets.get(view.spec.preset.name)
    return report_of_run(view, base, now=now, made=made_words(now)), view.log, view.spec.run_id


def _of_file(path: Path, args: argparse.Namespace) -> tuple[Report, TrainingLog, str]:
    from websight_tui.errors import WebsightError
    from websight_tui.metrics.detect import read_any
    from websight_tui.report.of_log import report_of_log
    from websight_tui.report.write import made_words

    try:
        with path.open("rb") as file:
            logs = read_any(file.read(_MOST_BYTES), path.name)
    except OSError as exc:
        raise WebsightError(f"{path} cannot be read: {exc.strerror or exc}", "Check its name and permissions.") from exc
    if not logs:
        raise WebsightError(f"{path} tells of no training", "Expected a log with steps in it.")
    number = len(logs) - 1 if args.number is None else args.number
    if not 0 <= number < len(logs):
        raise WebsightError(f"{path} holds no run {number}", f"Its runs are 0 to {len(logs) - 1}.")
    note = f"run {number} of 0 to {len(logs) - 1} in the file" if len(logs) > 1 else ""
    log, made = logs[number], made_words(time.time())
    return report_of_log(log, path.name, limit_s=args.limit, made=made, note=note), log, path.stem


def _save(path: Path, data: bytes) -> None:
    from websight_tui.errors import WebsightError

    try:
        path.write_bytes(data)
    except OSError as exc:
        raise WebsightError(
            f"{path} cannot be written: {exc.strerror or exc}", "Choose another place with --output."
        ) from exc
