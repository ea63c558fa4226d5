"""Themes can be read by everybody, and the app is told on terminals that can show little."""

from __future__ import annotations

import itertools
import os
import pty
import re
import select
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme
from textual.widgets import Input

from tests.tui.conftest import Stage, loaded, screen_text, until
from websight_tui.tui import glyphs
from websight_tui.tui.palette import LEAST_CONTRAST, Palette, as_shown, contrast, palette_of, readable
from websight_tui.tui.plain_filter import plain_symbols
from websight_tui.tui.themes import THEMES, automatic
from websight_tui.ui_settings import Ui

TUI = Path(glyphs.__file__).parent
_TEXTS = ("text", "faint", "accent", "good", "warn", "bad")


def variables(theme: Theme) -> dict[str, str]:
    return {**theme.to_color_system().generate(), **theme.variables}


def ratio(one: str, other: str) -> float:
    return contrast(Color.parse(one), Color.parse(other))


def test_contrast_is_what_wcag_says() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert readable("#777777", "#ffffff", "#000000") == "#000000"
    assert readable("#757575", "#ffffff", "#000000") == "#757575"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_can_be_read(theme: Theme) -> None:
    names = variables(theme)
    palette = palette_of(names)
    for name in _TEXTS:
        colour = getattr(palette, name)
        for ground in (palette.back, names["panel"]):
            assert ratio(colour, ground) >= LEAST_CONTRAST, (name, colour, ground)
        assert ratio(palette.back, colour) >= LEAST_CONTRAST, f"a badge on {name}"
        for cursor in ("block-cursor", "block-cursor-blurred"):
            ground, own = names[f"{cursor}-background"], names[f"{cursor}-foreground"]
            assert ratio(own, ground) >= LEAST_CONTRAST
            assert ratio(readable(colour, ground, own), ground) >= LEAST_CONTRAST
    assert ratio(names["border"], palette.back) >= 3, "what shows the focus: WCAG 1.4.11"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_can_be_read_in_256_colours(theme: Theme) -> None:
    names = variables(theme)
    palette = palette_of(names)
    back, panel = as_shown(palette.back, "256"), as_shown(names["panel"], "256")
    assert panel != back, "bars can be seen"
    for name in _TEXTS:
        for ground in (back, panel):
            assert contrast(as_shown(getattr(palette, name), "256"), ground) >= LEAST_CONTRAST, (name, ground.hex)
    for cursor in ("block-cursor", "block-cursor-blurred"):
        ground, own = names[f"{cursor}-background"], names[f"{cursor}-foreground"]
        assert as_shown(ground, "256") != back, "the cursor can be seen"
        for colour in (own, *(readable(getattr(palette, name), ground, own, "256") for name in _TEXTS)):
            assert contrast(as_shown(colour, "256"), as_shown(ground, "256")) >= LEAST_CONTRAST, colour


@pytest.mark.parametrize("name", ["websight-dark", "websight-light", "websight-colour-blind"])
def test_a_verdict_keeps_its_colour_under_the_cursor(name: str) -> None:
    """The two other themes invert the row, where no hue can be read."""
    names = variables(next(theme for theme in THEMES if theme.name == name))
    palette = palette_of(names)
    for colour in (palette.good, palette.warn, palette.bad, palette.accent):
        assert ratio(colour, names["block-cursor-background"]) >= LEAST_CONTRAST, colour


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_shades_of_the_style_sheets_can_be_read(theme: Theme) -> None:
    shades = set()
    for path in [*TUI.rglob("*.tcss"), *TUI.rglob("*.py")]:
        shades |= {int(found) for found in re.findall(r"(?<!-)color: \$foreground (\d+)%", path.read_text())}
    assert shades, "the style sheets have shades of the text"
    names = variables(theme)
    for shade in shades:
        for ground in map(Color.parse, (names["background"], names["panel"])):
            text = ground.blend(Color.parse(names["foreground"]), shade / 100, alpha=1)
            assert contrast(text, ground) >= LEAST_CONTRAST, shade


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009:
# severity 1.0, on linear RGB.
_DEFICIENCIES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def lab(colour: Color, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """CIELAB (D65) of a colour as it is seen through `matrix`."""
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in (c / 255 for c in colour.rgb)]
    r, g, b = (min(1.0, max(0.0, sum(m * v for m, v in zip(row, linear, strict=True)))) for row in matrix)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("kind", _DEFICIENCIES)
def test_verdicts_are_told_apart_by_the_colour_blind(kind: str) -> None:
    theme = next(theme for theme in THEMES if theme.name == "websight-colour-blind")
    palette = palette_of(variables(theme))
    for one, other in itertools.combinations((palette.good, palette.warn, palette.bad), 2):
        seen = [lab(Color.parse(colour), _DEFICIENCIES[kind]) for colour in (one, other)]
        assert sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5 > 20, (one, other)


def test_the_terminal_chooses_theme_and_symbols() -> None:
    assert automatic({}) == "websight-dark"
    assert automatic({"COLORFGBG": "0;15"}) == "websight-light"
    assert automatic({"TERM": "linux"}) == "websight-contrast"
    assert automatic({"TERM": "xterm"}) == automatic({"TERM": "screen"}) == "websight-contrast", "16 colours"
    assert automatic({"TERM": "xterm", "COLORTERM": "truecolor"}) == "websight-dark"
    assert {automatic({"TERM": f"{name}-256color"}) for name in ("xterm", "screen", "tmux")} == {"websight-dark"}
    assert automatic({"NO_COLOR": "1", "TERM": "linux"}) == "websight-mono"
    assert glyphs.ascii_only({"LANG": "C"})
    assert glyphs.ascii_only({"LANG": "de_DE.ISO-8859-1"})
    assert not glyphs.ascii_only({"LANG": "C.UTF-8"})
    assert not glyphs.ascii_only({"LC_ALL": "en_US.utf8", "LANG": "C"})
    assert not glyphs.ascii_only({"TERM": "linux", "WEBSIGHT_TUI_ASCII": "0"})


async def test_the_row_under_the_cursor_can_be_read(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 36)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("tab", "tab", "j", "j")
        await until(pilot, lambda: "Job 48231" in screen_text(stage.app))
        table = stage.app.screen.query_one("#queue")
        row = table.render_line(2)
        assert "eval-sweep" in row.text
        styles = [seg.style for seg in row if seg.text.strip() and seg.style and seg.style.color]
        assert styles
        for style in styles:
            ink, ground = style.color.triplet, style.bgcolor.triplet  # type: ignore[union-attr]
            assert ratio(ink.hex, ground.hex) >= LEAST_CONTRAST


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_what_is_typed_can_be_read_in_every_theme(stage: Stage, theme: Theme) -> None:
    """Chosen as the field gets the focus, beside the cursor, and where it is wrong."""
    stage.app.config = replace(stage.app.config, ui=Ui(theme=theme.name))
    stage.app._apply_ui()
    async with stage.app.run_test(size=(80, 24)) as pilot:
        await loaded(stage, pilot)
        await pilot.press("1", "e")
        await until(pilot, lambda: isinstance(stage.app.focused, Input))
        field = stage.app.focused
        assert isinstance(field, Input)
        for pressed, shown in (((), "32"), (("7",), "7"), (("x",), "x"), (("left",), "x")):
            await pilot.press(*pressed)
            await pilot.pause()
            looks = [(text, style) for text, style, _ in field.render_line(0) if style and shown in text]
            assert looks, (pressed, shown)
            for text, style in looks:
                ink, ground = style.color.triplet, style.bgcolor.triplet  # type: ignore[union-attr]
                assert ratio(ink.hex, ground.hex) >= LEAST_CONTRAST, text


async def test_ascii_draws_nothing_else(stage: Stage) -> None:
    stage.app.config = replace(stage.app.config, ui=Ui(symbols="ascii"))
    stage.app._apply_ui()
    try:
        async with stage.app.run_test(size=(120, 36)) as pilot:
            await loaded(stage, pilot)
            for keys in ((), ("tab", "enter"), ("escape", "1", "enter")):
                await pilot.press(*keys)
                await pilot.pause(0.7)
                assert screen_text(stage.app).isascii(), keys
                assert "Enter Launch" in screen_text(stage.app) or keys
    finally:
        glyphs.use("auto")


def first_frame(environment: dict[str, str], tmp_path: Path) -> bytes:
    """What the real app writes to a real terminal of 100 × 30 until its first frames are there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(environment)
        os.execv(sys.executable, [sys.executable, "-m", "websight_tui", "--offline"])
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    said, deadline = b"", time.monotonic() + 30
    try:
        while time.monotonic() < deadline and b"Presets" not in said:
            if select.select([terminal], [], [], 0.5)[0]:
                said += os.read(terminal, 65536)
        os.write(terminal, b"\x1bq")
        os.write(terminal, b"q")
        while time.monotonic() < deadline and select.select([terminal], [], [], 2)[0]:
            if not (more := os.read(terminal, 65536)):
                break
            said += more
    except OSError:  # the app has gone
        pass
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return said


@pytest.mark.parametrize(("term", "extra"), [("linux", {}), ("xterm-256color", {"NO_COLOR": "1", "LANG": "C"})])
def test_consoles_get_what_they_know(tmp_path: Path, term: str, extra: dict[str, str]) -> None:
    environment = {
        "TERM": term,
        "LANG": "C.UTF-8",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "WEBSIGHT_TUI_CONFIG": str(tmp_path / "config.toml"),
        "WEBSIGHT_TUI_DATA": str(tmp_path / "data"),
        **extra,
    }
    (tmp_path / "config.toml").write_text('[clusters.hai]\nhost = "hai"\n')
    said = first_frame(environment, tmp_path)
    assert b"Presets" in said
    colours = re.findall(rb"\x1b\[([0-9;]*)m", said)
    if term == "linux":
        assert not any(b"8;2;" in code or b"8;5;" in code for code in colours), "16 colours"
        text = re.sub(rb"\x1b[^a-zA-Z]*[a-zA-Z]", b"", said).decode()
        assert not [char for char in text if "─" <= char <= "◿" or "⠀" <= char <= "⣿"], "no boxes, blocks, braille"
    else:
        tints = {tuple(code.split(b";")[i + 2 : i + 5]) for code in colours for i in _truecolours(code)}
        assert all(len(set(tint)) == 1 for tint in tints), "greys alone"


def _truecolours(code: bytes) -> list[int]:
    parts = code.split(b";")
    return [i for i in range(len(parts) - 4) if parts[i] in (b"38", b"48") and parts[i + 1] == b"2"]


def test_a_palette_without_a_theme_is_readable() -> None:
    plain = Palette()
    assert all(ratio(getattr(plain, name), plain.back) >= LEAST_CONTRAST for name in _TEXTS)


def test_symbols_get_a_twin_as_wide_and_names_stay() -> None:
    for text in ("a … b", "╭─┬─╮", "▄█▀", "⣿⠀", "▔▔", "≈ 6 h · rank/α"):
        assert plain_symbols(text).isascii()
        assert len(plain_symbols(text)) == len(text)
    assert plain_symbols("Jürgen 日本") == "Jürgen 日本"
