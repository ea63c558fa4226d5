"""The fuzz targets under Hypothesis: a quick look in every test run, a long one with --hypothesis-profile=long."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import TARGETS

# each of these raised once
FOUND = {
    "digits beyond int()": b"9" * 5000,
    "superscript digits": "receipt\n²\n".encode(),
    "a superscript for a size": "²\n".encode(),
    "a superscript for a folder's room": "folder|x|/y|²".encode(),
    "a node's endless number": b"n[" + b"9" * 5000 + b"-5]",
    "a bar over a carriage return": b" 10%|#|\r09/100 [00:10<01:30, 1.00s/it]\n",
    "a moment beyond floats": b'{"files": {"a": 1}, "t": ' + b"9" * 400 + b"}",
    "tokens beyond floats": b'{"findings": [], "tokens_per_row": ' + b"9" * 400 + b"}",
    "a click beyond integers": b'{"answer": "", "pixels": [1e999, 1], "size": [4, 4]}',
    "a picture that is a list": b'{"answer": "", "pixels": [1, 1], "size": [4, 4], "thumbnail": [1]}',
    "a leash that is none": b'{"port": {}, "leash": "x"',
    "digits of another script": "١".encode(),
    "a separator after a count": b"4242|COMPLETED|0:0|17|17|17|3:00:00|8:20|2\x1e|n1|gpu|acc|me|None|name\n",
}


def mixed(name: str) -> st.SearchStrategy[bytes]:
    """Bytes of real input, of telling words and of nothing in particular, put together."""
    seeds = st.sampled_from(SEEDS[name])
    cut = st.builds(lambda seed, a, b: seed[min(a, b) : max(a, b)], seeds, st.integers(0, 6000), st.integers(0, 6000))
    parts = st.one_of(seeds, cut, st.sampled_from(WORDS), st.binary(max_size=40))
    return st.lists(parts, max_size=12).map(b"".join)


@pytest.mark.timeout(3600)  # for the long profile; the usual one takes a second or two
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_keeps_its_promises(name: str) -> None:
    @given(mixed(name))
    @example(b"")
    def run(data: bytes) -> None:
        TARGETS[name](data)

    for seed in (*SEEDS[name], *FOUND.values()):
        TARGETS[name](seed)
    run()
