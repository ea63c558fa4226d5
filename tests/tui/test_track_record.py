"""How good forecasts have been stands below the next one, once there is something to say."""

from __future__ import annotations

from dataclasses import replace

from tests.tui.conftest import Stage, loaded, screen_text, until
from websight_tui.projection.model import Score
from websight_tui.runs import events as e

RUN = "rank16-261122-091500-77de"


async def test_the_record_of_forecasts_stands_in_the_presets_pane(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        await until(pilot, lambda: "no run of yours yet" in screen_text(stage.app))
        assert "forecast so far" not in screen_text(stage.app)
        run = stage.app.state.runs[RUN]
        engine.tell(e.RunLoaded(replace(run, score=Score(1.1, inside=True))))
        await until(pilot, lambda: "1 forecast so far: 10% off" in screen_text(stage.app))
