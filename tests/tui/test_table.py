"""The table makes what is in sight, keeps the cursor on its row, and looks as its columns say."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult

from websight_tui.tui.widgets.table import Cells, Column, KeyedTable

COLUMNS = (
    Column("id", "job", 8, 10),
    Column("state", "state", 10, flex=True),
    Column("left", "left", 6, 1, right=True),
)


class Queue(App[None]):
    """A table of jobs, and what it told."""

    CSS = "KeyedTable { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []
        self.told: list[tuple[str, str | None]] = []
        self.state = "running"

    def compose(self) -> ComposeResult:
        yield KeyedTable(COLUMNS, id="queue")

    @property
    def table(self) -> KeyedTable:
        return self.query_one(KeyedTable)

    def cells(self, key: str) -> Cells:
        self.made.append(key)
        return {"id": key, "state": Text(self.state, style="green"), "left": "1:00"}

    def show(self, count: int, first: int = 0) -> None:
        self.table.show_many([str(i) for i in range(first, first + count)], self.cells)

    def on_mount(self) -> None:
        self.watch(self.table, "chosen", lambda key: self.told.append(("highlighted", key)), init=False)

    def on_keyed_table_row_selected(self, event: KeyedTable.RowSelected) -> None:
        self.told.append(("selected", event.key))


def lines(app: App[None]) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


async def test_only_rows_in_sight_are_made_however_many_there_are() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.show(20_000)
        await pilot.pause()
        assert lines(app)[0].split() == ["job", "state", "left"]
        assert lines(app)[1].split() == ["0", "running", "1:00"]
        assert len(set(app.made)) < 20
        await pilot.press("G")
        await pilot.pause()
        assert lines(app)[9].split() == ["19999", "running", "1:00"]
        await pilot.press("pageup", "k")
        await pilot.pause()
        assert app.table.key == "19989"
        assert lines(app)[0].split() == ["job", "state", "left"], "the heading stays"
        assert lines(app)[1].split()[0] == "19989"
        assert len(set(app.made)) < 60
        assert len(app.table._made) <= 20, "what is out of sight is forgotten"


async def test_a_change_redraws_what_differs_and_nothing_else() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.show(100)
        await pilot.pause()
        drawn: list[int] = []
        real = app.table.refresh_line
        app.table.refresh_line = lambda y: (drawn.append(y), real(y))[1]  # type: ignore[method-assign]
        app.show(100)
        assert drawn == []
        app.state = "failed"
        app.show(100)
        assert sorted(drawn) == list(range(1, 10))
        await pilot.pause()
        assert lines(app)[1].split()[1] == "failed"


async def test_the_cursor_stays_on_its_row_and_moves_on_where_the_row_is_gone() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.show(50)
        app.table.focus()
        await pilot.press("j", "j")
        assert app.table.key == "2"
        app.show(50, first=2)
        assert app.table.key == "2"
        app.show(3, first=40)
        assert app.table.key == "40"
        app.show(0)
        assert app.table.key is None
        await pilot.press("j", "enter")
        app.show(2)
        await pilot.press("down", "enter")
        await pilot.pause()
        moves = [key for what, key in app.told if what == "highlighted"]
        assert moves == ["0", "1", "2", "40", None, "0", "1"]
        assert app.told[-1] == ("selected", "1")


async def test_one_click_chooses_and_two_open() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.show(50)
        await pilot.pause()
        await pilot.click(KeyedTable, offset=(3, 0))
        assert app.table.key == "0", "the heading is no row"
        await pilot.click(KeyedTable, offset=(3, 4))
        assert app.table.key == "3"
        assert ("selected", "3") not in app.told
        await pilot.click(KeyedTable, offset=(3, 4), times=2)
        await pilot.pause()
        assert ("selected", "3") in app.told


async def test_styles_widths_and_words_where_nothing_is() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.say(Text("No jobs in the queue."))
        await pilot.pause()
        assert "No jobs in the queue." in lines(app)[0]
        app.show(1)
        await pilot.pause()
        strip = app.screen._compositor.render_strips()[1]
        colours = {s.text.strip(): s.style.color.name for s in strip if s.style and s.style.color}
        assert colours["running"] != colours["0"], "a cell's own style is kept"
        assert strip.text.rstrip().endswith("1:00")
        await pilot.resize_terminal(18, 10)
        await pilot.pause()
        assert lines(app)[0].split() == ["job"], "the least telling columns go first"


async def test_another_row_is_told_before_the_frame_that_moves_the_cursor() -> None:
    app = Queue()
    async with app.run_test(size=(40, 10)) as pilot:
        app.show(50)
        await pilot.pause()
        app.table.action_cursor_down()
        assert app.told[-1] == ("highlighted", "1"), "told later, it would cost a frame of its own"
