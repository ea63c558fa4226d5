"""Looking through whole logs: what is found, where, in how many reads, with how much memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runs.conftest import Desk
from websight_tui.errors import RemoteFileError
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import FileChunk, Unattended
from websight_tui.runs import events as e
from websight_tui.runs import looking_through
from websight_tui.runs.expression import errors, expression
from websight_tui.runs.looking_through import Part, Stopped, Wish, look_through
from websight_tui.runs.pieces import Place, cuts, lines_of, offset_of
from websight_tui.runs.saved_work.tasks import Stand
from websight_tui.runs.tail import PIECE
from websight_tui.runs.track import LINES, RunTrack, Stream, Tail
from websight_tui.slurm_commands.model import Job


class Counting(LocalTransport):
    """Counts reads and bytes; `between` happens before each."""

    def __init__(self) -> None:
        super().__init__(login_shell=False)
        self.reads: list[tuple[int, int]] = []
        self.between: Callable[[int], None] = lambda count: None
        self.connect(Unattended())

    def read(self, path: str, offset: int, limit: int) -> FileChunk | None:
        self.between(len(self.reads))
        self.reads.append((offset, limit))
        return super().read(path, offset, limit)


def look(
    path: Path, text: str, *parts: Part, forward: bool = True, transport: LocalTransport | None = None, **more: object
) -> Place | None:
    pattern = expression(text)[0]
    wish = Wish(1, parts or (Part("stdout"),), lambda lines: pattern.matches(lines, 20.0), forward)
    stopping = more.get("stopping", lambda: False)
    told = more.get("progress", lambda done, total: None)
    return look_through(transport or Counting(), wish, [str(path)] * len(wish.parts), told, stopping)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_through, "_LEAST", 1000)
    monkeypatch.setattr(looking_through, "_MOST", 4000)
    monkeypatch.setattr(looking_through, "_BLOCK", 1500)


def written(folder: Path, count: int = 2000, **at: str) -> Path:
    path = folder / "job-5.out"
    lines = [f"line {n}" for n in range(count)]
    for where, text in at.items():
        lines[int(where[1:])] += f" {text}"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("forward", [True, False])
def test_the_nearest_of_several_is_found_with_what_lies_around_it(tmp_path: Path, forward: bool) -> None:
    path = written(tmp_path, n300="needle", n1500="needle")
    place = look(path, "need.e", forward=forward)
    assert place is not None
    number = 300 if forward else 1500
    assert place.tail.lines[place.line] == f"line {number} needle"
    assert place.tail.lines[place.line - 1] == f"line {number - 1}"
    data = path.read_bytes()
    assert data[place.begin : place.end].decode().splitlines() == list(place.tail.lines)
    assert (place.stream, place.size) == ("stdout", len(data))
    before = look(path, "needle", Part("stdout", 0, (place.begin, 0)), forward=False)
    assert before is None, "the other one is in the lines that are shown, or lies after them"


def test_nothing_is_found_after_all_of_it_and_how_far_it_is_is_told(tmp_path: Path) -> None:
    path, told = written(tmp_path), list[tuple[int, int]]()
    assert look(path, "needle", progress=lambda done, total: told.append((done, total))) is None
    size = path.stat().st_size
    assert told[0] == (0, size)
    assert told[-1] == (size, size)
    assert told == sorted(told)


def test_two_outputs_are_looked_through_one_after_the_other(tmp_path: Path) -> None:
    path = written(tmp_path, n1200="needle")
    place = look(path, "needle", Part("stdout", 0, (500, 0)), Part("stderr"))
    assert place is not None
    assert place.stream == "stderr"


def test_each_byte_is_read_once(tmp_path: Path) -> None:
    path, transport = written(tmp_path, 20_000), Counting()
    look(path, "needle", forward=False, transport=transport)
    assert sum(limit for _, limit in transport.reads) <= path.stat().st_size * 1.2
    assert max(limit for _, limit in transport.reads) <= 4000


def test_it_stops_when_asked_between_two_pieces(tmp_path: Path) -> None:
    path, transport = written(tmp_path), Counting()
    with pytest.raises(Stopped):
        look(path, "needle", transport=transport, stopping=lambda: len(transport.reads) > 3)
    assert len(transport.reads) == 4


def test_a_file_that_begins_anew_meanwhile_is_said(tmp_path: Path) -> None:
    path, transport = written(tmp_path), Counting()

    def replaced(count: int) -> None:
        if count == 3:
            path.unlink()
            path.write_text("another\n" * 3000)

    transport.between = replaced
    with pytest.raises(RemoteFileError, match="began anew"):
        look(path, "needle", transport=transport)
    path.unlink()
    with pytest.raises(RemoteFileError, match="not on the cluster"):
        look(path, "needle")


def test_a_line_without_an_end_is_looked_through_too(tmp_path: Path) -> None:
    path = tmp_path / "job-5.out"
    path.write_bytes(b"\r 10%|#" * 5000 + b" " * 20 + b"needle " * 3 + b"\r 20%|#" * 5000)
    for forward in (True, False):
        place = look(path, "needle", forward=forward)
        assert place is not None
        assert len(place.tail.lines) == 1


def test_memory_holds_a_piece_however_long_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_through, "_MOST", 256 * 1024)
    path = tmp_path / "job-5.out"
    with path.open("wb") as file:
        for n in range(400):
            file.write(
                b"".join(b"%07d a line of a long log, such as there are many\n" % (n * 1000 + i) for i in range(1000))
            )
    tracemalloc.start()
    assert look(path, "needle") is None
    assert look(path, "0000007 a line", forward=False) is not None
    assert tracemalloc.get_traced_memory()[1] < 8_000_000 < path.stat().st_size
    tracemalloc.stop()


def test_what_lies_before_the_held_lines_is_exactly_that(tmp_path: Path) -> None:
    """Whatever the stream has read, the part before it ends where its oldest line begins."""
    path = written(tmp_path, 30_000)
    data = path.read_bytes()
    for first, sizes in ((0, [PIECE]), (100_003, [70_000, 3, 90_001]), (len(data) - 5000, [700])):
        stream = Stream(Tail(str(path)))
        offset = first
        for cut in [*sizes, len(data)]:
            stream.feed(data[offset : offset + cut], 1, offset=offset)
            offset = min(len(data), offset + cut)
        held = stream.view()
        oldest = next(line for line in held.lines if line.startswith("line "))
        place = look(path, r"line \d+$", Part("stdout", 0, held.since), forward=False)
        assert place is not None, "the last line before what is held"
        number = int(place.tail.lines[place.line].split()[1])
        at = data.index(f"\nline {number + 1}\n".encode()) + 1 if number + 1 < 30_000 else len(data)
        if len(held.lines) >= LINES:
            assert oldest == f"line {number + 1}"
        else:  # it begins within a line, which belongs to both
            assert first - 12 <= at <= first + 12


def test_a_log_that_is_held_from_its_begin_is_whole(tmp_path: Path) -> None:
    stream = Stream(Tail("x"))
    stream.feed(b"a\nb\n", 1)
    assert stream.view().whole
    stream.feed(b"\r 10%|#" * 100_000, 2, offset=4)
    assert stream.view().whole
    stream.feed(b"\n" * LINES, 3, offset=800_004)
    assert not stream.view().whole
    stream.skip(10**7, 4)
    stream.feed(b"late\n", 4, offset=10_805_004)
    assert stream.view().since == (10_805_004, 0), "what was skipped is on the cluster alone"


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"a", b"needle", b"\n", b"\r", b"\x1b[31m", b"\x1b[A", b"\x08", "é".encode()]), max_size=80
    ),
    st.booleans(),
)
def test_pieces_are_whole_and_every_byte_is_in_one(parts: list[bytes], forward: bool) -> None:
    data = b"".join(parts)
    seen = list(cuts(lambda offset, limit: data[offset : offset + limit], lambda: 9, 0, len(data), forward))
    for cut in seen:
        assert cut.data
        assert data[cut.offset : cut.offset + len(cut.data)] == cut.data
    assert b"".join(cut.data for cut in sorted(seen)) == data
    for index in range(len(lines_of(data))):
        assert 0 <= offset_of(data, index) <= len(data)
        if b"\x1b[A" not in data:
            assert lines_of(data[offset_of(data, index) :])[:1] == lines_of(data)[index : index + 1]


def test_errors_are_found_from_the_begin(tmp_path: Path) -> None:
    path = written(tmp_path, n900="ValueError: x", n1900="CUDA out of memory")
    wish = Wish(1, (Part("stderr"),), lambda lines: list(errors(lines)), True)
    place = look_through(Counting(), wish, [str(path)], lambda done, total: None, lambda: False)
    assert place is not None
    assert place.tail.lines[place.line] == "line 900 ValueError: x"


def test_the_engine_looks_through_the_newest_jobs_output_and_saves_it(desk: Desk, tmp_path: Path) -> None:
    told: list[e.Event] = []
    engine, keeper = desk.start()
    spec = desk.plan().spec
    Path(spec.run_dir).mkdir(parents=True)
    path = written(Path(spec.run_dir), 100_000, n5="needle")
    track = RunTrack(spec)
    track.put_job(Job("5", state="RUNNING"))
    track.follow_newest()
    engine._tracks[spec.run_id] = track
    keeper(e.RunLoaded(track.view()))
    sink, engine._sink = engine._sink, lambda event: (sink(event), told.append(event))  # type: ignore[assignment]

    def looks() -> list[e.LookMoved]:
        return [event for event in told if isinstance(event, e.LookMoved) and event.over]

    def find(lines: Sequence[str]) -> list[int]:
        return [index for index, line in enumerate(lines) if "needle" in line]

    engine.look_through(spec.run_id, Wish(7, (Part("stdout"),), find, forward=False))
    assert keeper.wait(lambda _: bool(looks()), 20)
    assert (looks()[0].number, looks()[0].complete) == (7, True)
    assert looks()[0].place is not None

    def slow(lines: Sequence[str]) -> list[int]:
        if len(lines) > 1:
            engine.stop_look(spec.run_id)
        return []

    engine.look_through(spec.run_id, Wish(8, (Part("stdout"),), slow, forward=True))
    assert keeper.wait(lambda _: len(looks()) == 2, 20)
    assert (looks()[1].complete, looks()[1].place) == (False, None)
    assert looks()[1].done < path.stat().st_size

    target = tmp_path / "whole.log"
    part = tmp_path / "whole.log.part"
    part.write_bytes(path.read_bytes()[:300_000])  # an earlier try
    engine.save_log(spec.run_id, {"stdout": target})
    assert keeper.wait(lambda _: any(isinstance(e_, e.TaskMoved) and e_.task.stand is Stand.DONE for e_ in told), 20)
    assert target.read_bytes() == path.read_bytes()
    done = [event.task for event in told if isinstance(event, e.TaskMoved)]
    assert min(task.done for task in done if task.total) >= 300_000, "it went on where it was"
    assert f"Saved the whole log (1.1 MB) to {target}" in done[-1].message
    assert not part.exists()
