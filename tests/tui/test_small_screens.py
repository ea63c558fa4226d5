"""What must be readable in a small terminal: whole words, every curve's name, the field that is typed into."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.text import Text
from textual.color import Color
from textual.widgets import Input

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, running
from websight_tui.metrics.curves import Axis
from websight_tui.presets import BUILT_IN
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runs.state import LogTail
from websight_tui.tui.launch_words import script_text
from websight_tui.tui.palette import LEAST_CONTRAST, Palette, contrast
from websight_tui.tui.present import flowed, whole
from websight_tui.tui.run_chart import ChartState, view_of
from websight_tui.tui.run_names import short_names
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.themes import THEMES
from websight_tui.tui.widgets.axes import Scale, bottom_line
from websight_tui.tui.widgets.draw import Layer, View, draw
from websight_tui.tui.widgets.key_line import KeyLine
from websight_tui.tui.widgets.layer_key import key_rows, shortened

SMALL = (80, 24)
RUNS = tuple(
    running(BUILT_IN[n], f"{BUILT_IN[n].name}-26112{n}-140212-9f3{n}", 300, 1110, Verdict.FITS, f"4821{n}")
    for n in range(3)
)


def layers() -> View:
    """Three curves over each other."""
    palette = Palette()
    views = [view_of(run, ChartState(), palette) for run in RUNS]
    named = zip(views, short_names(RUNS), "●■▲", strict=True)
    return View(tuple(replace(view.layers[0], label=name, mark=mark) for view, name, mark in named))


def test_a_line_that_is_too_long_loses_clauses_then_ends_at_a_word() -> None:
    text = Text("6 min over · deadline 12:17; one more evaluation is still to come")
    assert whole(text, 80) is text
    assert whole(text, 40).plain == "6 min over · deadline 12:17"
    assert whole(text, 20).plain == "6 min over"
    assert whole(Text("even the fast end of the band"), 20).plain == "even the fast end…"


def test_parts_share_a_line_where_they_fit() -> None:
    parts = [Text("one"), Text("two"), Text("three")]
    assert [line.plain for line in flowed(parts, 9, Text(" · "))] == ["one · two", "three"]


def test_runs_are_told_apart_by_short_names() -> None:
    again = replace(RUNS[0], spec=replace(RUNS[0].spec, run_id="rank32-261124-090000-aaaa"))
    assert short_names(RUNS) == [preset.name for preset in BUILT_IN[:3]]
    assert short_names([RUNS[0], again]) == ["rank32-261120-140212", "rank32-261124-090000"]
    assert shortened("rank32-261120-140212", 11) == "rank3…40212"


@pytest.mark.parametrize("width", [30, 44, 70])
def test_every_curve_is_named_over_the_picture_where_the_frame_has_no_room(width: int) -> None:
    view = replace(layers(), keyed=True)
    drawing = draw(view, width, 16, Palette())
    assert drawing is not None
    assert len(drawing.rows) == 16
    text = "\n".join("".join(part for part, *_ in row) for row in drawing.rows)
    assert all(f"{layer.mark} {layer.label}" in text for layer in view.layers)
    assert all(sum(len(part) for part, *_ in row) <= width for row in key_rows(view.layers, width))


@pytest.mark.parametrize("at", [10, 90, 150, 200, 300])
def test_what_the_crosshair_says_is_whole_wherever_it_stands(at: int) -> None:
    drawing = draw(replace(layers(), cursor=float(at)), 40, 16, Palette())
    assert drawing is not None
    text = "\n".join("".join(part for part, *_ in row) for row in drawing.rows)
    assert f"step {at}" in text
    assert len(re.findall(r"[●■▲] \S+ +0?\.?\d[\d.]*", text)) >= 3


@pytest.mark.parametrize("width", range(12, 120, 3))
def test_labels_of_the_lower_axis_have_room_and_are_evenly_spread(width: int) -> None:
    line = bottom_line(Axis.STEP, (10.0, 1110.0), Scale(10.0, 1110.0, width))
    labels = [(found.start(), found.group()) for found in re.finditer(r"[\d,]+", line)]
    values = [int(label.replace(",", "")) for _, label in labels]
    assert len(labels) >= 1 + (width >= 24)
    assert len({b - a for a, b in pairwise(values)}) <= 1
    assert all(b - a - len(label) >= 2 for (a, label), (b, _) in pairwise(labels))


def test_a_long_line_of_the_script_goes_on_below_and_nothing_of_it_is_lost() -> None:
    script = "#!/bin/bash\n#SBATCH --output='/p/home/alice/websight-v2/runs/rank32-261123-140212-9f3a/job-%j.out'\n"
    shown = script_text(script, 40, Palette()).plain
    assert max(len(line) for line in shown.splitlines()) <= 40
    assert shown.replace("\n  ↳ ", "") == script.rstrip()


async def test_the_search_is_seen_while_it_is_typed(stage: Stage) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "enter", "slash", *"nccl")
        await until(pilot, lambda: "nccl" in screen_text(stage.app), "what is typed")
        field, line = stage.app.screen.query_one("#search", Input), stage.app.screen.query_one(KeyLine)
        assert not field.region.overlaps(line.region)
        assert not {"/", "+", "-"} & {key.shown for keys in line.shown for key in keys}, "they are typed"


async def test_all_curves_take_the_place_of_the_log_until_it_is_asked_for(stage: Stage) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        lower = stage.app.screen.query_one("#lower")
        await pilot.press("a")
        await until(pilot, lambda: not lower.display, "the curves alone")
        await until(pilot, lambda: "grad norm" in screen_text(stage.app))
        assert "no room" not in screen_text(stage.app)
        await pilot.press("v")
        await until(pilot, lambda: lower.display and "elapsed" in screen_text(stage.app), "jobs")


async def test_a_line_of_the_log_that_goes_on_says_so(stage: Stage) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "enter")
        screen = stage.app.screen
        assert isinstance(screen, RunScreen)
        told = LogTail(("short", "x" * 200), 0, 300)
        engine.tell(
            e.TailMoved(screen.run_id, "stdout", told, NOW), e.TailMoved(screen.run_id, "stderr", LogTail(), NOW)
        )
        await until(pilot, lambda: "xxx…" in screen_text(stage.app))
        assert "short…" not in screen_text(stage.app)


@pytest.mark.parametrize("stand", [Stand.DONE, Stand.STOPPED, Stand.FAILED])
async def test_what_stands_below_the_checkpoints_is_not_said_over_them_too(stage: Stage, stand: Stand) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "enter", "v", "v")
        screen = stage.app.screen
        assert isinstance(screen, RunScreen)
        engine.tell(e.TaskMoved(screen.run_id, Task(Kind.FETCH, 400, stand, message="It is over"), NOW))
        await until(pilot, lambda: "It is over" in screen_text(stage.app))
        assert not stage.app._notifications
        await pilot.press("v")
        engine.tell(e.TaskMoved(screen.run_id, Task(Kind.FETCH, 400, stand, message="Once more"), NOW))
        await until(pilot, lambda: any("Once more" in note.message for note in stage.app._notifications))


async def test_the_overlay_names_all_it_draws(stage: Stage) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "o", "end", "space")
        await until(pilot, lambda: "◆ baseline" in screen_text(stage.app), "the fourth")
        text = screen_text(stage.app)
        assert all(f"{mark} {name}" in text for mark, name in zip("●■▲", ("rank32", "batch6", "rank16"), strict=True))


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_the_chosen_remedy_can_be_read_in_every_theme(stage: Stage, theme: str) -> None:
    async with stage.app.run_test(size=SMALL) as pilot:
        await loaded(stage, pilot)
        stage.app.theme = theme
        await pilot.press("tab", "j", "enter", "r", "j", "j", "k")
        await until(pilot, lambda: "Go on in 1 more job" in screen_text(stage.app))
        inks = [
            s.style for strip in stage.app.screen._compositor.render_strips() for s in strip if "waiting in" in s.text
        ]
        assert inks
        for ink in inks:
            assert ink is not None
            assert ink.color is not None
            assert ink.bgcolor is not None
            ratio = contrast(Color.from_rich_color(ink.color), Color.from_rich_color(ink.bgcolor))
            assert ratio >= LEAST_CONTRAST, (theme, ink)


def test_ends_of_two_curves_at_one_place_have_both_signs() -> None:
    view = layers()
    twice = replace(view, layers=(view.layers[0], replace(view.layers[0], label="other", mark="■")))
    drawing = draw(twice, 60, 10, Palette())
    assert drawing is not None
    text = "\n".join("".join(part for part, *_ in row) for row in drawing.rows)
    assert "●" in text
    assert "■" in text


def test_of_a_run_that_is_not_so_far_the_crosshair_says_nothing() -> None:
    view, longer = layers(), running(BUILT_IN[0], "longer", 600, 1110, Verdict.FITS, "48219")
    last = Layer(view_of(longer, ChartState(), Palette()).layers[0].curve, "", "longer", "▼")
    drawing = draw(replace(view, layers=(*view.layers, last), cursor=500.0), 80, 16, Palette())
    assert drawing is not None
    text = "\n".join("".join(part for part, *_ in row) for row in drawing.rows)
    assert "▼ longer" in text
    assert "rank32" not in text
