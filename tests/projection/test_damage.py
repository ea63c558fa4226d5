"""Recorded logs, damaged as a full disk, a killed job or two writers would: always an answer, never an error."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projection.test_properties import holds_together
from tests.shared import shared_dir
from websight_tui.cli.project import Answer, as_json
from websight_tui.metrics.detect import read_any
from websight_tui.projection.finish import project
from websight_tui.projection.timeline import cut_log

MOST_BYTES = 200_000
Damage = Callable[[list[bytes], list[bytes], random.Random], bytes]


def cut_anywhere(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    data = b"".join(lines)
    return data[: rng.randrange(len(data) + 1)]


def shuffled(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    return b"".join(rng.sample(lines, len(lines)))


def dropped(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    return b"".join(line for line in lines if rng.random() > 0.3)


def repeated(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    return b"".join(line * (1 + (rng.random() < 0.2)) for line in lines)


def spliced(lines: list[bytes], others: list[bytes], rng: random.Random) -> bytes:
    return b"".join(lines[: rng.randrange(len(lines) + 1)] + others[rng.randrange(len(others) + 1) :])


def mixed(lines: list[bytes], others: list[bytes], rng: random.Random) -> bytes:
    mine, theirs, both = list(lines), list(others), []
    while mine and theirs:
        both.append((mine if rng.random() < 0.5 else theirs).pop(0))
    return b"".join(both + mine + theirs)


def scratched(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    data = bytearray(b"".join(lines))
    for _ in range(50):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def with_nul(lines: list[bytes], _: list[bytes], rng: random.Random) -> bytes:
    data = b"".join(lines)
    at = rng.randrange(len(data))
    return data[:at] + bytes(4096) + data[at:]


def without_line_ends(lines: list[bytes], _: list[bytes], __: random.Random) -> bytes:
    return b"".join(lines).replace(b"\n", b"")


@pytest.mark.parametrize(
    "damage",
    [cut_anywhere, shuffled, dropped, repeated, spliced, mixed, scratched, with_nul, without_line_ends],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_log_is_answered(damage: Damage) -> None:
    rng = random.Random(damage.__name__)
    paths = [p for p in sorted((shared_dir() / "logs").rglob("*")) if p.is_file() and p.stat().st_size < MOST_BYTES]
    files = [lines for path in paths if (lines := path.read_bytes().splitlines(keepends=True))]
    for lines in files[:: max(1, len(files) // 40)]:
        data = damage(lines, rng.choice(files), rng)
        for number, log in enumerate(read_any(data)[:5]):
            for at in (1.0, 0.5, 0.1):
                seen = cut_log(log, at)
                answer = project(seen, limit_s=3600)
                holds_together(answer)
                json.dumps(as_json(Answer(str(Path()), number, at, answer, seen)), allow_nan=False)
