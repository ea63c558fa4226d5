"""A hostile cluster, the real program, a real terminal: nothing that came from the cluster acts on the terminal."""

from __future__ import annotations

import pytest

from tests.hostile.cluster import PASSWORD
from tests.hostile.conftest import Laptop
from tests.hostile.payloads import EVIL, harm, visible

DOWN, UP, PAGE_DOWN, ESCAPE = "\x1b[B", "\x1b[A", "\x1b[6~", "\x1b"
pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(180)]


def test_the_harm_is_seen_where_it_is_done() -> None:
    """The measure itself: each payload, let through, is found."""
    assert len(harm(EVIL.encode())) > 15
    assert harm(b"\xff")
    assert not harm(b"\x1b[1;31mred\x1b[0m \x1b]2;websight-tui\x1b\\ [bold]x[/]")
    assert harm(b"\x1b[1m", terminal=False)


def test_the_app_on_all_its_screens(laptop: Laptop) -> None:
    terminal = laptop.open()
    try:
        terminal.wait_for("PROMPTSHOWN")
        for _ in range(2):
            terminal.press(PAGE_DOWN, seconds=0.5)  # the instructions are longer than the window
        terminal.press(PASSWORD + "\r", seconds=1)
        terminal.wait_for("NAMESHOWN")
        terminal.press("\t\t", seconds=1)
        for key in (DOWN, DOWN, UP):
            terminal.press(key, seconds=0.1)
        terminal.press("\x1b[Z", seconds=1)  # back to the runs
        terminal.press("\r", seconds=1)
        terminal.wait_for("LOGERRORSHOWN")
        for key in ("o", "e", "w", "f", "v", "v", "v", "v", "v", "m", "m", "m", "x", "r", ESCAPE, "/"):
            terminal.press(key, seconds=0.25)
        terminal.press("SHOWN\r", seconds=0.5)
        for key in ("?", ESCAPE, "t", ESCAPE, ESCAPE, ESCAPE):
            terminal.press(key, seconds=0.5)
        for key in ("\t", DOWN, "c", ESCAPE, "\r"):  # the queue: a job of somebody else's, its question, its screen
            terminal.press(key, seconds=0.5)
        terminal.wait_for("FOREIGNLOGERRORSHOWN")
        for key in (ESCAPE, ",", ESCAPE):
            terminal.press(key, seconds=0.5)
        terminal.press("q", seconds=0.5)
        assert terminal.end() == 0, visible(bytes(terminal.written))[-2000:]
    finally:
        terminal.close()
    assert not harm(bytes(terminal.written))
    shown = visible(bytes(terminal.written))
    for word in ("BANNERSHOWN", "TITLESHOWN", "INSTRUCTIONSSHOWN", "PROMPTSHOWN", "NAMESHOWN", "ERRERRORSHOWN"):
        assert word in shown
    assert "Traceback" not in shown.replace("LOG", "")
