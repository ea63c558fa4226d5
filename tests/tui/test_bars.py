"""Forecasts as bars against their limits, and the pane that shows them."""

from __future__ import annotations

from textual.app import App, ComposeResult

from tests.tui.conftest import until
from tests.tui.fakes import FakePlanner, config
from websight_tui.tui.bars import bars
from websight_tui.tui.glyphs import glyph
from websight_tui.tui.palette import Palette
from websight_tui.tui.widgets.forecast_bars import ForecastBars


def test_bars_show_what_is_over_its_limit() -> None:
    cfg = config()
    known = {p.name: FakePlanner().forecast(cfg.clusters["hai"], p) for p in cfg.presets.values()}
    chart = bars(known, "rank32", 64, 7, Palette())
    assert chart is not None
    lines = chart.plain.split("\n")
    limit = lines[0].index(glyph("limit"))
    assert lines[0].rindex(glyph("bar")) < limit, "rank32 fits"
    assert lines[4].rindex(glyph("bar")) > limit, "baseline does not"
    assert all(len(line) <= 64 for line in lines)
    assert "limit 7 h 55 min" in lines[-1]
    assert bars({"x": None}, "x", 64, 7, Palette()) is None
    assert bars(known, "rank32", 20, 7, Palette()) is None


class Pane(App[None]):
    """Nothing but bars, which no screen draws anew."""

    def compose(self) -> ComposeResult:
        yield ForecastBars()


async def test_the_pane_draws_for_the_room_that_it_has_now() -> None:
    cfg = config()
    known = {p.name: FakePlanner().forecast(cfg.clusters["hai"], p) for p in cfg.presets.values()}
    app = Pane()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = app.query_one(ForecastBars)
        pane.show({}, "rank32", Palette())
        assert "Not known yet" in str(pane.content)
        pane.styles.height = 22
        pane.show(known, "rank32", Palette())
        await until(pilot, lambda: str(pane.content).count("\n") > 12, "the tall one")
        pane.styles.height = 8
        await until(pilot, lambda: str(pane.content).count("\n") < 8, "the low one")
        assert all(name in str(pane.content) for name in known)
