"""Footer, help and command palette against the keymap: nothing is missing in one of them, and all of it acts."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from tests.tui.conftest import Stage, loaded, until
from tests.tui.fakes import swept
from websight_tui.config import parse_config
from websight_tui.tui import keymap
from websight_tui.tui.commands import ActionProvider
from websight_tui.tui.palette import Palette
from websight_tui.tui.screens.help import help_text
from websight_tui.tui.widgets.key_line import KeyLine, listed

WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Everywhere": ((),),
    "Home": ((), ("tab",), ("tab", "tab")),
    "Run": (("tab", "enter"),),
    "Launch": (("1", "enter"),),
    "Edit a preset": (("1", "e"),),
    "Overlaid runs": (("tab", "o"),),
    "Launch a sweep": (("1", "space", "space", "enter"),),
    "Sweep": (("w",),),
}
"""Keys that lead to a screen of each group; Home has three lists."""


def test_every_group_has_a_way() -> None:
    assert set(WAYS) == set(keymap.GROUPS)


def test_help_names_every_action() -> None:
    text = help_text({}, Palette()).plain
    for group, bindings in keymap.GROUPS.items():
        assert group in text
        for binding in bindings:
            if listed(binding):
                assert str(binding.id) in text, binding.id
    assert "1 to 9" in text, "the numbers of presets have one line"
    narrow = help_text({}, Palette(), names=False).plain
    assert max(map(len, narrow.split("\n"))) <= 76, "80 columns show whole lines"
    assert narrow.count("\n") == text.count("\n") + 1


def active(stage: Stage) -> dict[str, Binding]:
    """The actions of the keymap that work on the screen in front, by id."""
    found = [a.binding for a in stage.app.screen.active_bindings.values() if a.enabled]
    known = keymap.known_ids()
    return {str(b.id): b for b in found if b.id in known and listed(b)}


@pytest.mark.parametrize(("group", "keys"), [(group, keys) for group, ways in WAYS.items() for keys in ways])
async def test_footer_and_palette_offer_what_works(stage: Stage, group: str, keys: tuple[str, ...]) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        if group == "Sweep":
            engine.tell(*swept(stage.app.config))
            await until(pilot, lambda: stage.app.state.sweeps)
        for key in keys:
            await pilot.press(key)
        opens = bool({"enter", "e", "o", "w"} & set(keys))
        await until(pilot, lambda: len(stage.app.screen_stack) == 1 + opens)
        expected = active(stage)
        own = {str(b.id) for b in keymap.GROUPS[group] if b.id}
        assert own & set(expected), "some of the group work here"
        line = stage.app.screen.query_one(KeyLine)
        line.open = True
        await pilot.pause()
        footer = {key.text for row in line.shown for key in row}
        for binding in expected.values():
            if binding.id != "more":
                assert binding.description in footer, binding.id
        palette = {name for name, *_ in ActionProvider(stage.app.screen)._commands()}
        for binding in expected.values():
            assert binding.description in palette, binding.id
        for a in stage.app.screen.active_bindings.values():
            if a.enabled and a.binding.id in own and listed(a.binding):
                assert a.binding.id in expected
        for binding in keymap.GROUPS[group]:
            node, _, name = binding.action.partition("(")[0].rpartition(".")
            where = stage.app if node == "app" or group == "Everywhere" else stage.app.screen
            assert hasattr(where, f"action_{name}"), binding.id


async def palette(pilot: Pilot[None], stage: Stage, words: str) -> None:
    from textual.widgets import OptionList

    await pilot.press("ctrl+p")
    await until(pilot, lambda: stage.app.screen.query("CommandInput"))
    await pilot.press(*words)
    await until(pilot, lambda: stage.app.screen.query_one(OptionList).option_count == 1, words)
    await pilot.press("enter")


async def test_the_palette_reaches_screen_and_app(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        engine = await loaded(stage, pilot)
        theme = stage.app.theme
        await palette(pilot, stage, "refresh")
        await until(pilot, lambda: ("refresh", "hai") in engine.calls)
        await palette(pilot, stage, "differences")
        await until(pilot, lambda: type(stage.app.screen).__name__ == "CompareScreen")
        assert stage.app.theme == theme


def test_no_two_actions_of_a_screen_share_a_key() -> None:
    for group, bindings in keymap.GROUPS.items():
        used: dict[str, str] = {}
        for binding in [*bindings, *(keymap.APP if group != "Everywhere" else ())]:
            for key in binding.key.split(","):
                other = used.setdefault(key.strip(), str(binding.id))
                assert other == binding.id or {other, str(binding.id)} in _EITHER, (group, key, other, binding.id)


_EITHER = ({"home.launch", "home.open"}, {"edit.save", "screenshot"})
"""Pairs on one key of which the focus offers one: a preset is launched, a run opened; a form is saved."""


def test_every_id_can_stand_in_the_configuration() -> None:
    text = "[keys]\n" + "".join(f'"{name}" = "f12"\n' for name in sorted(keymap.known_ids()))
    assert set(parse_config(text, Path("config.toml")).keys) == keymap.known_ids()
