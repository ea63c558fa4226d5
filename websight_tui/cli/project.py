"""`websight-tui project`: when any training log says that its run will finish. Needs no cluster.

Exit status: 0 all fit (or nothing to hold against), 1 a file could not be used, 2 usage, 4 a verdict "will not fit".
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from websight_tui.cli.options import add_command
from websight_tui.cli.output import say
from websight_tui.metrics.model import TrainingLog
from websight_tui.projection.model import Band, Projection, Verdict
from websight_tui.words import showable

_MOST_BYTES: Final = 1 << 30
_MOST_BLOCKS: Final = 4
_LONG_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One projection: of run number `run` in `file`, with the lines up to the share `at` (None: all lines)."""

    file: str
    run: int
    at: float | None
    projection: Projection
    log: TrainingLog


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "project",
        run,
        "project the finish of any training log, no cluster needed",
        "Reads trainer_log.jsonl, events.jsonl, trainer_state.json and job output. Without --limit nothing is judged.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log; '-' reads standard input")
    parser.add_argument("--limit", type=limit_seconds, metavar="TIME", help="the job's time limit, e.g. 8:00:00")
    parser.add_argument(
        "--at",
        type=share,
        action="append",
        metavar="SHARE",
        help="answer as if only the lines up to this share of the steps had been written, e.g. 25%% (repeatable)",
    )
    parser.add_argument("--plot", action="store_true", help="draw how the projection came about")


def limit_seconds(text: str) -> int:
    """A Slurm time as seconds, for argparse."""
    from websight_tui.slurm_commands.times import parse_duration

    seconds = parse_duration(text)
    if not seconds or seconds <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; expected minutes, H:MM:SS or D-HH:MM:SS")
    return seconds


def share(text: str) -> float:
    """ "25%", "25" or "0.25" as 0.25, for argparse."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = float("nan")
    value = value / 100 if text.endswith("%") or 1 < value <= 100 else value
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share; expected one such as 25% or 0.25")
    return value


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.output import print_json
    from websight_tui.cli.waiting import waiting

    answers: list[Answer] = []
    failed = False
    with waiting("reading", quiet=args.json or not _takes_long(args.files)) as line:
        for number, name in enumerate(args.files):
            line.show(f"reading {name}", number, len(args.files))
            try:
                found = list(_answers(name, args.limit, args.at or [None]))
            except OSError as exc:
                _complain(name, f"cannot be read: {exc.strerror or exc}")
                failed = True
                continue
            if not found:
                _complain(name, "tells of no training (no steps found)")
                failed = True
            answers += found
            if args.json:
                for answer in found:
                    print_json(as_json(answer))
    if not args.json and answers:
        _print(answers)
    if args.plot:
        _plot(answers, to_stderr=args.json)
    if failed:
        return 1
    return 4 if any(a.projection.verdict is Verdict.WILL_NOT_FIT for a in answers) else 0


def as_json(answer: Answer) -> dict[str, Any]:
    """One line of `--json`."""
    p = answer.projection

    def band(value: Band | None) -> list[float] | None:
        return None if value is None else [round(value[0], 1), round(value[1], 1)]

    return {
        "file": answer.file,
        "run": answer.run,
        "at": 1.0 if answer.at is None else answer.at,
        "step": p.step,
        "total_steps": p.total_steps,
        "segment_start": p.segment_start,
        "elapsed_s": round(p.elapsed_s, 1),
        "total_s": None if p.total_s is None else round(p.total_s, 1),
        "total_s_80": band(p.total_s_80),
        "total_s_95": band(p.total_s_95),
        "limit_s": p.limit_s,
        "verdict": p.verdict.value,
        "reasons": list(p.reasons),
    }


def _takes_long(names: list[str]) -> bool:
    """Whether reading all files takes about half a second or more."""
    size = 0
    for name in names:
        with contextlib.suppress(OSError):
            size += Path(name).stat().st_size
    return size > _LONG_BYTES


def _answers(name: str, limit: float | None, shares: list[float | None]) -> Iterator[Answer]:
    from websight_tui.metrics.detect import read_any
    from websight_tui.projection.finish import project
    from websight_tui.projection.timeline import cut_log

    path = Path(name)
    if name == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES)
    else:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    state = None if name == "-" else _state_beside(path)
    for number, log in enumerate(read_any(data, path.name)):
        for at in shares:
            seen = log if at is None else cut_log(log, at)
            known = _known_from(state, seen)
            yield Answer(name, number, at, project(seen, limit_s=limit, known=known), seen)


def _state_beside(path: Path) -> TrainingLog | None:
    """The trainer_state.json in the same folder (LLaMA-Factory's output_dir): it knows the schedule of pauses."""
    from websight_tui.metrics.trainer_state import read_trainer_state

    beside = path.parent / "trainer_state.json"
    if beside == path or path.name != "trainer_log.jsonl":
        return None
    try:
        logs = read_trainer_state(beside.read_bytes())
    except OSError:
        return None
    return logs[0] if logs else None


def _known_from(state: TrainingLog | None, log: TrainingLog) -> Any:
    """The schedule of that file, and the lengths of evaluations up to where `log` has come."""
    from websight_tui.projection.known import NOTHING_KNOWN

    segment, last = (state.last if state else None), log.last
    if segment is None or last is None or segment.total_steps != last.total_steps or not segment.evaluations:
        return NOTHING_KNOWN
    lengths = [e.seconds for e in segment.evaluations if e.seconds is not None and e.step <= last.last_step]
    every, saves = segment.meta.get("eval_steps"), segment.meta.get("save_steps")
    return replace(
        NOTHING_KNOWN,
        eval_steps=int(every) if isinstance(every, (int, float)) and every >= 1 else 0,
        save_steps=int(saves) if isinstance(saves, (int, float)) and saves >= 1 else 0,
        eval_s=sum(lengths) / len(lengths) if lengths else None,
    )


def _complain(name: str, what: str) -> None:
    say(f"websight-tui: {name} {what}", file=sys.stderr)


def _band_words(band: Band | None) -> str:
    from websight_tui.words import duration

    return "–" if band is None else f"{duration(band[0])} … {duration(band[1])}"


def _print(answers: list[Answer]) -> None:
    if len(answers) <= _MOST_BLOCKS:
        _print_blocks(answers)
    else:
        _print_table(answers)


def _title(answer: Answer) -> str:
    at = "" if answer.at is None else f" at {answer.at:.0%}"
    return showable(f"{answer.file} · run {answer.run}{at}")


def _print_blocks(answers: list[Answer]) -> None:
    from rich.console import Console
    from rich.text import Text

    from websight_tui.words import duration

    console = Console(highlight=False)
    for answer in answers:
        p = answer.projection
        words = Text(p.verdict.value, style=f"bold {_COLOURS[p.verdict]}")
        against = "" if p.limit_s is None else f" (limit {duration(p.limit_s)})"
        console.print(Text(_title(answer), style="bold"))
        if p.limit_s is not None or p.total_s is None:
            console.print(Text("  verdict    ").append(words).append(against))
        steps = f"{p.step:,} of {p.total_steps:,}" + (f", resumed at {p.segment_start:,}" if p.segment_start else "")
        console.print(Text(f"  step       {steps}, after {duration(p.elapsed_s)}"))
        if p.total_s is not None:
            console.print(Text(f"  total      {duration(p.total_s)} ({duration(p.total_s - p.elapsed_s)} to go)"))
            console.print(Text(f"  80 % band  {_band_words(p.total_s_80)}"))
            console.print(Text(f"  95 % band  {_band_words(p.total_s_95)}"))
        for reason in p.reasons:
            console.print(Text(f"  · {reason}", style="dim"))


_COLOURS: Final = {
    Verdict.FITS: "green",
    Verdict.TIGHT: "yellow",
    Verdict.WILL_NOT_FIT: "red",
    Verdict.TOO_EARLY: "default",
}


def _print_table(answers: list[Answer]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from websight_tui.words import clock

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("log", "run", "at", "step", "total", "80 % band", "verdict"):
        table.add_column(name, justify="left" if name in ("log", "verdict") else "right", no_wrap=True)
    for answer in answers:
        p = answer.projection
        judged = p.limit_s is not None or p.total_s is None
        band = "–" if p.total_s_80 is None else f"{clock(p.total_s_80[0])}–{clock(p.total_s_80[1])}"
        cells = (
            showable(_short(answer.file)),
            str(answer.run),
            "all" if answer.at is None else f"{answer.at:.0%}",
            f"{p.step}/{p.total_steps}",
            clock(p.total_s),
            band,
        )
        verdict = Text(p.verdict.value if judged else "–", style=_COLOURS[p.verdict] if judged else "")
        table.add_row(*(Text(cell) for cell in cells), verdict)
    Console(highlight=False).print(table)


def _short(name: str, most: int = 18) -> str:
    """A path that leaves room for figures: its end says more than its beginning."""
    return name if len(name) <= most else "…" + name[-(most - 1) :]


def _plot(answers: list[Answer], *, to_stderr: bool) -> None:
    from websight_tui.cli.plot import projection_chart

    for answer in answers:
        chart = projection_chart(answer.log, answer.projection, _title(answer))
        (sys.stderr if to_stderr else sys.stdout).write(f"{chart}\n")  # its colours are our own
