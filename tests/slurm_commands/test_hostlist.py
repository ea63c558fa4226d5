"""Node lists as Slurm writes them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websight_tui.slurm_commands.hostlist import expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", {"n1"}),
        ("gpu[01-03]", {"gpu01", "gpu02", "gpu03"}),
        ("gpu[08-11,20],login1", {"gpu08", "gpu09", "gpu10", "gpu11", "gpu20", "login1"}),
        ("r[1-2]n[1-2]", {"r1n1", "r1n2", "r2n1", "r2n2"}),
        ("a[1-2]-ib,b", {"a1-ib", "a2-ib", "b"}),
        ("(null)", set()),
        ("", set()),
    ],
)
def test_what_it_stands_for(text: str, names: set[str]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize(
    "text", ["n[1-999999999]", "n[1-60000]" * 40, "[1-9]" * 400, "[1-9]" * 8, "n[[1-2]", "n[", "]1-2[", "," * 999]
)
def test_damage_takes_no_time(text: str) -> None:
    started = time.process_time()
    assert len(expand(text)) <= 65_536
    assert time.process_time() - started < 2


@given(st.text(alphabet="n[]-,0123456789 ", max_size=60))
def test_never_raises(text: str) -> None:
    expand(text)
