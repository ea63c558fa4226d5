"""Titles and desktop notifications are the only remote text inside escape sequences: it neither ends nor begins one."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.hostile.payloads import EVIL
from websight_tui.tui.notify import desktop

PIECES = st.sampled_from(["\x1b\\", "\x07", "\x9c", "\x1b]52;c;", ";", EVIL])
TEXT = st.lists(st.one_of(st.text(max_size=20), PIECES)).map("".join)
INSIDE = r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*"
SHAPES = {
    "osc9": rf"\x1b\]9;{INSIDE}: {INSIDE}\x1b\\",
    "osc777": rf"\x1b\]777;notify;[^;]*;{INSIDE}\x1b\\",
    "osc99": rf"\x1b\]99;i=websight:d=0;{INSIDE}\x1b\\\x1b\]99;i=websight:p=body;{INSIDE}\x1b\\",
}


@pytest.mark.parametrize("kind", SHAPES)
@given(title=TEXT, body=TEXT)
@example(title=EVIL, body=EVIL)
def test_a_notification_is_one_sequence_of_ours(kind: str, title: str, body: str) -> None:
    said = desktop(kind, title, body, {})
    assert re.fullmatch(SHAPES[kind], said), said
    said.encode()  # halves of characters would raise in the terminal's driver
    wrapped = desktop(kind, title, body, {"TMUX": "1"})
    assert wrapped.count("\x1bPtmux;") == (2 if kind == "osc99" else 1)
