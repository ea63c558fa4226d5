"""The log pane: both outputs in one and apart, their colours, wrapping, what is searched."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.conftest import Stage, open_log, screen_text, until
from tests.tui.fakes import NOW, FakeEngine
from websight_tui.metrics.ink import Ink, Span
from websight_tui.runs import events as e
from websight_tui.runs.expression import errors
from websight_tui.runs.state import LogTail
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import palette_of
from websight_tui.tui.widgets.log_view import LogView

SIZE = (120, 36)
RUN = "rank32-261123-140212-9f3a"
OUT = LogTail(
    ("step 1 ok", "step 2 bad " + "x" * 300), inks={1: (Span(7, 10, Ink("red", bold=True)),)}, marks=((0, 1),)
)
ERR = LogTail(("careful",), marks=((0, 2),), inks={0: (Span(0, 7, Ink("yellow")),)})


async def on_log(
    stage: Stage, pilot: Pilot[None], out: LogTail = OUT, err: LogTail = ERR
) -> tuple[FakeEngine, LogView]:
    return await open_log(stage, pilot, RUN, out, err)


def strip_with(log: LogView, text: str) -> Strip:
    strips = [log.render_line(y) for y in range(log.size.height)]
    return next(strip for strip in strips if text in strip.text)


def colour_of(strip: Strip, text: str) -> str:
    segment = next(segment for segment in strip if segment.text == text)
    assert segment.style is not None
    assert segment.style.color is not None
    return segment.style.color.name.upper()


async def test_stderr_is_told_apart_and_one_key_takes_the_outputs_apart(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        _, log = await on_log(stage, pilot)
        assert log._tail.lines[-1] == "careful"
        assert strip_with(log, "careful").text.startswith(f"{glyph('stderr')} careful")
        assert strip_with(log, "step 1").text.startswith("  step 1")
        assert "stdout + stderr" in screen_text(stage.app)
        await pilot.press("o")
        await until(pilot, lambda: "careful" not in screen_text(stage.app))
        assert strip_with(log, "step 1").text.startswith("step 1")
        await pilot.press("o")
        await until(pilot, lambda: log._tail.lines == ("careful",))
        assert strip_with(log, "careful").text.startswith("careful")
        await pilot.press("o")
        await until(pilot, lambda: len(log._tail.lines) == 3)


async def test_the_outputs_colours_are_the_themes(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        _, log = await on_log(stage, pilot)
        palette = palette_of(stage.app.theme_variables)
        assert colour_of(strip_with(log, "step 2"), "bad") == palette.bad.upper()
        assert colour_of(strip_with(log, "careful"), "careful") == palette.warn.upper()


async def test_wrapped_lines_keep_colours_and_marks_in_place(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        out = LogTail(("a" * 130 + "needle" + "b" * 50,), inks={0: (Span(128, 132, Ink("green")),)})
        _, log = await on_log(stage, pilot, out=out)
        await pilot.press("w", "slash", *"nee?dle", "enter")
        await until(pilot, lambda: log.wrap and log.matches == [0])
        palette = palette_of(stage.app.theme_variables)
        second = strip_with(log, "needle")
        marked = "".join(
            s.text
            for s in second
            if s.style and s.style.bgcolor and s.style.bgcolor.name.upper() == palette.warn.upper()
        )
        assert marked == "needle"
        green = "".join(
            s.text for s in second if s.style and s.style.color and s.style.color.name.upper() == palette.good.upper()
        )
        assert set(green) == {"a"}
        assert 1 <= len(green) <= 2


async def test_held_still_the_same_line_stays_while_lines_are_put_in_between(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        lines = tuple(f"line {n}" for n in range(300))
        engine, log = await on_log(stage, pilot, out=LogTail(lines, marks=((0, 1),)))
        log.set_follow(False)
        log._to_line(log._tail.lines.index("line 150"))
        await until(pilot, lambda: log._tail.lines[log._top_line()] == "line 150")
        engine.tell(
            e.TailMoved(RUN, "stdout", LogTail(lines[40:], dropped=40, marks=((40, 1),)), NOW),
            e.TailMoved(RUN, "stderr", LogTail(("early", "careful"), marks=((0, 0), (1, 9))), NOW),
        )
        await until(pilot, lambda: "early" in log._tail.lines)
        assert log._tail.lines[log._top_line()] == "line 150"


@pytest.mark.parametrize(
    ("lines", "index"),
    [
        (("fine", "Traceback (most recent call last):", "x"), 1),
        (("fine", "RuntimeError: probability tensor contains nan"), 1),
        (("fine", "torch.distributed.DistBackendError: NCCL timeout"), 1),
        (("slurmstepd: error: Detected 1 oom_kill event", "x"), 0),
        (("ERROR rank 3", "x"), 0),
        (("no errors so far", "0 exceptions"), None),
    ],
)
def test_what_looks_like_an_error(lines: tuple[str, ...], index: int | None) -> None:
    assert next(errors(lines), None) == index


async def test_a_long_log_that_comes_at_once_is_followed_to_its_end(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        long = LogTail(tuple(f"line {i}" for i in range(3000)), marks=((0, 1),))
        _, log = await on_log(stage, pilot, LogTail(), LogTail(("careful",), marks=((0, 2),)))
        log.show(LogTail(), reset=True)
        await pilot.pause()
        log.show(long)  # no scrollbar yet: that is no reason to stay at the top
        await until(pilot, lambda: "line 2999" in screen_text(stage.app))


async def test_an_expression_that_would_take_hours_is_given_up_in_plain_words(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        _, log = await on_log(stage, pilot, out=LogTail(("a" * 4000 + "!", "step 2"), marks=((0, 1),)))
        await pilot.press("slash", *"(a+)+$", "enter")
        said = "This expression takes too long. Repeats within repeats"
        await until(pilot, lambda: any(note.message.startswith(said) for note in stage.app._notifications))
        assert (log.matches, log.query_text) == ([], "")
        await pilot.press("slash", *"step", "enter")
        await until(pilot, lambda: len(log.matches) == 1)
