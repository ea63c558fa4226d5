"""The partition's maximum and the next reservation on the screens where a launch is decided."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW
from websight_tui.runs import events as e
from websight_tui.slurm_commands.site import Layout, Partition, Reservation

HOUR = 3600
LAYOUT = Layout(
    (Partition("hai", True, max_time_s=6 * HOUR, nodes=2, node_list="hai[1-2]"),),
    (Reservation("upgrade", NOW + 5 * HOUR, NOW + 20 * HOUR, "hai[1-2]", maintenance=True),),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_home_and_launch_say_what_else_is_in_the_way(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        engine = await loaded(stage, pilot)
        await until(pilot, lambda: "rank32" in screen_text(stage.app))
        assert "maintenance" not in screen_text(stage.app)
        engine.tell(e.LayoutSeen("hai", LAYOUT, NOW))
        await until(pilot, lambda: "longer than" in screen_text(stage.app))
        await pilot.press("enter")
        await until(pilot, lambda: "maintenance begins at" in " ".join(screen_text(stage.app).split()))


async def test_what_fits_both_is_not_disturbed(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        partition = Partition("hai", True, max_time_s=24 * HOUR, nodes=2, node_list="hai[1-2]")
        later = Reservation("upgrade", NOW + 90 * HOUR, NOW + 99 * HOUR, "hai[1-2]", maintenance=True)
        engine.tell(e.LayoutSeen("hai", Layout((partition,), (later,)), NOW))
        await until(pilot, lambda: stage.app.state.clusters["hai"].layout.partitions)
        await pilot.pause()
        assert "maintenance" not in screen_text(stage.app)
        assert "partition" not in screen_text(stage.app)
