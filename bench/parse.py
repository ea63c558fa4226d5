"""How fast each reader is, and what charts of long series cost: `python -m bench.parse [--megabytes 8] [--json]`.

Each reader is held against a floor of the same run: cutting the same bytes into lines (for the readers of JSON lines,
into parsed JSON objects). Growth is shown at 1×, 10× and 100× of a small input. Samples are made on the spot.
"""

from __future__ import annotations

import argparse
import json
import random
from array import array
from collections.abc import Callable
from math import exp
from time import perf_counter

from bench.tables import markdown_table
from websight_tui.metrics.death import findings
from websight_tui.metrics.events import read_events
from websight_tui.metrics.job_output import read_job_output
from websight_tui.metrics.series import Pyramid, reduce, smooth
from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.metrics.trainer_log import read_trainer_log

_WIDTH = 240


def trainer_log(size: int) -> bytes:
    """About `size` bytes of trainer_log.jsonl."""
    rows = max(1, size // 190)
    total = rows * 10
    lines = []
    for i in range(1, rows + 1):
        elapsed = f"{i // 60}:{i % 60:02d}:{i * 7 % 60:02d}"
        value: dict[str, object] = {
            "current_steps": 10 * i,
            "total_steps": total,
            "loss": round(exp(-i / rows), 4),
            "lr": 5e-5,
        }
        value |= {"epoch": i / rows, "percentage": 100 * i / rows, "elapsed_time": elapsed, "remaining_time": elapsed}
        lines.append(json.dumps(value))
    return "\n".join(lines).encode() + b"\n"


def events(size: int, ended: float = 1.8e9) -> bytes:
    """About `size` bytes of events.jsonl, the last of them written at `ended` (Unix s)."""
    rows = max(1, size // 190)
    begun = ended - rows * 3.1
    lines = [json.dumps({"v": 1, "t": begun, "kind": "start", "step": 0, "total_steps": rows})]
    for i in range(1, rows + 1):
        value = {"v": 1, "t": begun + i * 3.1, "kind": "log", "step": i, "epoch": i / rows, "loss": exp(-i / rows)}
        lines.append(json.dumps(value | {"lr": 5e-5, "grad_norm": 0.7, "tokens": i * 1000, "peak_memory_bytes": 5e10}))
    return "\n".join(lines).encode() + b"\n"


def _bar(step: int, total: int) -> str:
    percent, filled = 100 * step // total, "█" * (step * 40 // total)
    elapsed = f"{step // 3600}:{step // 60 % 60:02d}:{step % 60:02d}"
    return f"\r{percent:3d}%|{filled:40}| {step}/{total} [{elapsed}<9:59:59,  1.02s/it]"


def job_output(size: int) -> bytes:
    """About `size` bytes of a trainer's output: a bar a step, a loss every tenth."""
    steps = max(10, size // 130)
    parts = []
    for i in range(1, steps + 1):
        parts.append(_bar(i, steps))
        if i % 10 == 0:
            parts.append(
                f"\n{{'loss': {1 / i:.4f}, 'grad_norm': 0.5, 'learning_rate': 5e-05, 'epoch': {i / steps:.4f}}}\n"
            )
    return "".join(parts).encode()


def burst(size: int) -> bytes:
    """About `size` bytes of one progress bar, without a single line end."""
    return b"".join(_bar(i, 9999).encode() for i in range(1, 10_000)) * max(1, size // 1_100_000)


def two_bars(size: int) -> bytes:
    """About `size` bytes of two bars that move the cursor up and down."""
    return b"".join(b"\n" + _bar(i, 9999).encode() + b"\x1b[A" for i in range(1, 10_000)) * max(1, size // 1_150_000)


def lines(size: int) -> bytes:
    """About `size` bytes of plain lines with colours."""
    return b"".join(b"\x1b[32m%07d\x1b[0m INFO loading shard and so on and so forth\n" % i for i in range(size // 58))


def backspaces(size: int) -> bytes:
    """About `size` bytes of one line of letters, each of them taken back: the most work that a byte can make."""
    return b"a\bb" * (size // 3)


def _screen(data: bytes) -> None:
    TerminalText().feed(data)


def _json_lines(data: bytes) -> None:
    for line in data.split(b"\n"):
        if line:
            json.loads(line)


def _plain_lines(data: bytes) -> None:
    data.decode().replace("\r", "\n").split("\n")


READERS: tuple[tuple[str, Callable[[int], bytes], Callable[[bytes], object], Callable[[bytes], None]], ...] = (
    ("trainer_log.jsonl", trainer_log, read_trainer_log, _json_lines),
    ("events.jsonl", events, read_events, _json_lines),
    ("job output", job_output, read_job_output, _plain_lines),
    ("screen: one bar", burst, _screen, _plain_lines),
    ("screen: two bars", two_bars, _screen, _plain_lines),
    ("screen: coloured lines", lines, _screen, _plain_lines),
    ("screen: backspaces", backspaces, _screen, _plain_lines),
    ("reason of death", job_output, lambda data: findings(data.decode()), _plain_lines),
)


def timed(call: Callable[[], object], repeat: int = 3) -> float:
    """Seconds of the quickest of a few calls."""
    best = float("inf")
    for _ in range(repeat):
        begin = perf_counter()
        call()
        best = min(best, perf_counter() - begin)
    return best


def measure_readers(megabytes: float) -> list[dict[str, float | str]]:
    """A row a reader: MB/s, the ratio to its floor, and MB/s at 1 %, 10 % and all of the size."""
    rows: list[dict[str, float | str]] = []
    for name, make, read, floor in READERS:
        speeds: list[float] = []
        ratio = 0.0
        for share in (0.01, 0.1, 1.0):
            data = make(int(megabytes * share * 1e6))
            took = timed(lambda data=data, read=read: read(data))  # type: ignore[misc]
            ratio = took / timed(lambda data=data, floor=floor: floor(data))  # type: ignore[misc]
            speeds.append(len(data) / 1e6 / took)
        rows.append({"reader": name, "MB/s": speeds[-1], "× floor": ratio, "at 1×": speeds[0], "at 10×": speeds[1]})
    return rows


def measure_series() -> list[dict[str, float | str]]:
    """A row a length: milliseconds to reduce once, to load into a pyramid, to add a point and reduce, to smooth."""
    rows: list[dict[str, float | str]] = []
    for count in (10_000, 100_000, 1_000_000):
        rng = random.Random(1)
        xs, ys = array("d", range(count)), array("d", (rng.random() for _ in range(count)))
        pyramid = Pyramid()
        once = timed(lambda xs=xs, ys=ys, n=count: reduce(xs, ys, 0, n, _WIDTH))  # type: ignore[misc]
        load = timed(lambda p=pyramid, xs=xs, ys=ys: p.extend(xs, ys), 1)  # type: ignore[misc]
        mean = timed(lambda xs=xs, ys=ys: smooth(xs, ys, 100), 1)  # type: ignore[misc]

        def grow(pyramid: Pyramid = pyramid, xs: array[float] = xs, ys: array[float] = ys) -> None:
            xs.append(xs[-1] + 1)
            ys.append(0.5)
            pyramid.extend(xs, ys)
            pyramid.reduce(0, xs[-1], _WIDTH)

        more = timed(grow, 10)
        figures = {"reduce ms": once, "load ms": load, "add + reduce ms": more, "smooth ms": mean}
        rows.append({"points": f"{count:,}"} | {name: 1000 * value for name, value in figures.items()})
    return rows


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=float, default=8.0, help="size of each sample (default 8)")
    parser.add_argument("--json", action="store_true", help="one JSON object a row instead of tables")
    options = parser.parse_args()
    for rows in (measure_readers(options.megabytes), measure_series()):
        if options.json:
            for row in rows:
                print(json.dumps(row))
            continue
        shown = [[f"{v:.3g}" if isinstance(v, float) else v for v in row.values()] for row in rows]
        print(markdown_table(list(rows[0]), shown))
        print()


if __name__ == "__main__":
    main()
