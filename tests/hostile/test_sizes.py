"""Endless lines and JSON bombs: read to their end in bounded memory, and what follows them is still read."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from websight_tui.metrics.events import EventsReader
from websight_tui.metrics.job_output import JobOutputReader
from websight_tui.metrics.terminal_text import TerminalText
from websight_tui.metrics.trainer_log import TrainerLogReader

MB = 1 << 20
EVENT = b'\n{"v":1,"t":1700000000,"kind":"log","step":10,"loss":1.5}\n'
ROW = b'\n{"current_steps":10,"total_steps":90,"loss":1.5,"elapsed_time":"0:00:10"}\n'
READERS: dict[str, tuple[Callable[[], Any], bytes]] = {
    "events": (EventsReader, b'\n{"v":1,"t":1699999999,"kind":"start","total_steps":90}' + EVENT),
    "trainer_log": (TrainerLogReader, ROW),
    "job_output": (JobOutputReader, b"\n***** Running training *****\n 11%|# | 10/90 [00:10<01:20,  1.00s/it]\n"),
}


def peak_of(feed: Callable[[bytes], None], filling: bytes, size: int = 100) -> int:
    """Feeds `size` MB in pieces; the most bytes that were held during the first of them (tracing is slow)."""
    block = (filling * MB)[:MB]
    tracemalloc.start()
    try:
        for _ in range(3):
            feed(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    for _ in range(size - 3):
        feed(block)
    return peak


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("filling", [b"x", b'{"a":', b"\xff"], ids=repr)
def test_a_line_of_100_mb(name: str, filling: bytes) -> None:
    reader_of, good = READERS[name]
    reader = reader_of()
    reader.feed(b'{"step":')
    assert peak_of(reader.feed, filling) < 12 * MB
    reader.feed(good)
    assert reader.log.last is not None
    assert reader.log.last.total_steps == 90


@pytest.mark.parametrize("filling", [b"x", b"\x1b]52;c;AAAA", b"\r", b"\t", b"\x08"], ids=repr)
def test_an_output_of_100_mb_without_a_line_end(filling: bytes) -> None:
    text = TerminalText(100)
    assert peak_of(text.feed, filling, size=100 if filling == b"x" else 4) < 12 * MB
    text.feed(b"\x07\r\nthe end\n")
    assert text.lines[-1] == "the end"


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "NaN", "-0.0", "-0", "9" * 5000, '"1e999"', '"nan"', "[1]", "{}"]
)
def test_a_number_that_is_none(number: str) -> None:
    """It never reaches a sum; what comes after it is read."""
    reader = EventsReader()
    start = {"v": 1, "t": 1.7e9, "kind": "start", "total_steps": 90}
    bad = '{"v":1,"t":N,"kind":"log","step":N,"loss":N,"lr":N,"grad_norm":N,"tokens":N,"epoch":N}'.replace("N", number)
    good = '{"v":1,"t":1700000020,"kind":"log","step":20,"loss":1.5}'
    reader.feed("\n".join([json.dumps(start), bad, good, ""]).encode())
    assert reader.log.last is not None
    assert reader.log.last.last_step == 20
    assert reader.log.last.columns.loss[-1] == 1.5
