"""How a run's verdict changed, on its screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, config, job, judged, running
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.state import Phase, RunView, VerdictChange
from websight_tui.tui.palette import Palette, palette_of
from websight_tui.tui.screens.run import RunScreen
from websight_tui.tui.verdict_rows import NOT_KEPT, NOTHING, margin, reason_of, verdict_rows
from websight_tui.tui.widgets.table import KeyedTable


def judged_run() -> RunView:
    run = running(config().presets["rank32"], "r-261123-140212-9f3a", 460, 1110, Verdict.FITS, "48213")
    return replace(run, verdicts=judged("48213"), phase=Phase.TRAINING)


@pytest.fixture
def palette(stage: Stage) -> Palette:
    return palette_of(stage.app.theme_variables)


def test_each_change_is_a_row_newest_first_with_how_long_it_stood(palette: Palette) -> None:
    run = judged_run()
    rows = [cells for _, cells in verdict_rows(run, NOW, palette)]
    assert [str(cells["verdict"]).split(" ", 1)[1] for cells in rows] == ["fits", "will not fit", "tight", "too early"]
    assert [cells["held"] for cells in rows] == ["1 h 21 min", "29 min", "13 min", "16 min"]
    assert rows[1]["step"] == "120 (11%)"
    assert rows[1]["margin"] == "42 min over"
    assert rows[-1]["margin"] == "–"
    later = [cells["held"] for _, cells in verdict_rows(run, NOW + 600, palette)]
    assert later == ["1 h 31 min", "29 min", "13 min", "16 min"], "the last one still stands"


def test_the_last_verdict_of_a_run_that_is_over_stood_until_its_end(palette: Palette) -> None:
    ended = replace(job("48213", "COMPLETED", started=NOW - 9000, final=True), end_time=NOW - 1000)
    run = replace(judged_run(), phase=Phase.FINISHED, jobs=(ended,))
    assert verdict_rows(run, NOW + 99_999, palette)[0][1]["held"] == "1 h 05 min"
    nobody_knows = replace(run, jobs=(replace(ended, end_time=None),))
    assert verdict_rows(nobody_knows, NOW, palette)[0][1]["held"] == "–"
    assert verdict_rows(replace(run, jobs=()), NOW, palette)[0][1]["held"] == "–"


def test_remote_words_are_plain_and_odd_values_are_dashes(palette: Palette) -> None:
    odd = VerdictChange(NOW, Verdict.FITS, reason="\x1b[31mred\x1b[0m [bold]")
    run = replace(judged_run(), verdicts=(odd,))
    ((key, cells),) = verdict_rows(run, NOW - 50, palette)
    assert (cells["step"], cells["why"], margin(odd)) == ("0", "red [bold]", "–")
    assert reason_of(run, key, palette).plain == "red [bold]"
    assert reason_of(replace(run, verdicts=()), None, palette).plain == NOTHING
    assert verdict_rows(replace(run, verdicts=()), NOW, palette) == []
    elsewhere = replace(run, verdicts=(), spec=replace(run.spec, token=""))
    assert reason_of(elsewhere, None, palette).plain == NOT_KEPT


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_history_is_a_view_of_the_run_s_screen(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        engine = await loaded(stage, pilot)
        await pilot.press("tab", "enter", "tab", "v", "v", "v")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen) and "42 min over" in screen_text(stage.app))
        assert "the pace is back at 19.5 s a step" in screen_text(stage.app)
        assert stage.app.screen.query_one("#changes", KeyedTable).has_focus
        await pilot.press("down")
        await until(pilot, lambda: "the last 40 steps took 27 s each" in screen_text(stage.app))
        run_id = stage.app.screen.run_id  # type: ignore[attr-defined]
        change = VerdictChange(NOW, Verdict.TIGHT, "48213", 470, 1110, NOW + 100, NOW + 700, "slower again")
        engine.tell(e.VerdictChanged(run_id, change))
        table = stage.app.screen.query_one("#changes", KeyedTable)
        await until(pilot, lambda: table.row_count == 5)
        assert "the last 40 steps took 27 s each" in screen_text(stage.app), "the cursor keeps its row"
