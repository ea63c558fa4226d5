"""Both outputs of a job in one log."""

from __future__ import annotations

from websight_tui.metrics.ink import Ink, Span
from websight_tui.runs.state import LogTail
from websight_tui.runs.tail import Tail
from websight_tui.runs.together import is_stderr, together
from websight_tui.runs.track import Stream


def streams() -> tuple[Stream, Stream]:
    return Stream(Tail("/out")), Stream(Tail("/err"))


def test_lines_stand_in_the_order_in_which_they_came() -> None:
    out, err = streams()
    err.feed(b"warming up\n", 1)
    out.feed(b"step 1\n", 2)
    err.feed(b"careful\nvery\n", 3)
    out.feed(b"step 2\n", 3)
    both = together(out.view(), err.view())
    assert both.lines == ("warming up", "step 1", "step 2", "careful", "very")
    assert [is_stderr(both, index) for index in range(5)] == [True, False, False, True, True]


def test_a_bar_stands_where_it_moved_last() -> None:
    out, err = streams()
    for look in range(1, 4):
        err.feed(f"\r{look}0%|###|".encode(), look)
        out.feed(f"step {look}\n".encode(), look)
    assert together(out.view(), err.view()).lines == ("step 1", "step 2", "step 3", "30%|###|")
    err.feed(b"\ndone\n", 4)
    out.feed(b"bye\n", 5)
    assert together(out.view(), err.view()).lines == ("step 1", "step 2", "step 3", "30%|###|", "done", "bye")


def test_numbers_stay_with_their_lines() -> None:
    out, err = streams()
    out.feed(b"".join(b"step %d\n" % n for n in range(10)), 1)
    err.feed(b"\x1b[31mbad\x1b[0m\n", 2)
    before = together(out.view(), err.view())
    where = before.number(before.lines.index("bad"))
    assert before.inks[where] == (Span(0, 3, Ink("red")),)
    out.feed(b"".join(b"more %d\n" % n for n in range(6000)), 3)
    err.feed(b"worse\n", 4)
    after = together(out.view(), err.view())
    assert after.lines[after.index(where)] == "bad"
    assert after.dropped == 1010
    assert len(out.marks) <= 3


def test_one_output_alone_is_as_it_is() -> None:
    out, err = streams()
    out.feed(b"step 1\n", 1)
    view = out.view()
    assert together(view, err.view()) is view
    assert not is_stderr(view, 0)
    err.feed(b"oh\n", 1)
    assert together(LogTail(), err.view()).lines == ("oh",)


def test_an_output_that_does_not_begin_at_its_beginning_says_so() -> None:
    out, _ = streams()
    out.feed(b"the end\n", 1, offset=5_000_000_000)
    assert out.view().lines == ("[… 5,000,000,000 bytes before this are on the cluster alone …]", "the end")
    out.feed(b"more\n", 2, offset=5_000_000_008)
    assert len(out.view().lines) == 3
