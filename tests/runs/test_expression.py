"""What is typed into the search of a log: every expression answers in time and finds what `re` finds in each line."""

from __future__ import annotations

import contextlib
import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websight_tui.runs.expression import MOST_LETTERS, TooSlow, errors, expression, says_error

LINES = ("step 1 ok", "", "Step 2: loss = 0.5, lr=1e-4", "RuntimeError: out of memory", "  aaab", "a", "b, c", "error")
CATASTROPHES = (r"(a+)+$", r"(a|aa)+$", r"(?:a|a?)+$", r"^(a+)+\s*b", r"(\w|\w\w)+!", r"((?:a{1,9}){1,9}){1,9}(?=c)")


@pytest.mark.parametrize("text", CATASTROPHES)
@pytest.mark.parametrize("lines", [("a" * 4000 + "!",) * 3, tuple("a" * 60 + "!" for _ in range(5000))])
def test_a_catastrophe_answers_in_time(text: str, lines: tuple[str, ...]) -> None:
    pattern, _ = expression(text)
    for call in (lambda: pattern.matches(lines, 0.25), lambda: pattern.spans(lines[0])):
        begun = process_time()
        with contextlib.suppress(TooSlow):
            call()
        assert process_time() - begun < 1.5


def test_re_itself_would_hang_on_one_of_them() -> None:
    begun = process_time()
    assert re.search(CATASTROPHES[0], "a" * 22 + "!") is None
    assert process_time() - begun > 0.05, "4 million steps; each letter more doubles them"
    with pytest.raises(TooSlow, match="takes too long"):
        expression(CATASTROPHES[0])[0].matches(("a" * 4000 + "!",), 0.25)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "step",
            r"loss = (\d+)",
            "^a",
            "b$",
            "x*",
            ".",
            r"\bok\b",
            r"[^,]*error",
            r"\s+\w",
            "a+b",
            r"(?=a)a",
            r"\Astep",
        ),
        *(r"\Astep", r"ok\s*Step", r"[^z]*", r"(?<!s)t", r"[\s\S]*b", "", r"$", r"e{2}|r{2}"),
    ],
)
def test_lines_together_answer_as_lines_alone(text: str) -> None:
    alone = re.compile(text, re.IGNORECASE)
    wanted = [i for i, line in enumerate(LINES) if any(m.end() > m.start() for m in alone.finditer(line))]
    pattern, why = expression(text)
    assert why == ""
    assert pattern.matches(LINES, 10) == wanted
    for line in LINES:
        assert pattern.spans(line) == [m.span() for m in alone.finditer(line) if m.end() > m.start()]


@pytest.mark.parametrize(
    "text", ["(line", "[", "*", "a{2}{3}{4}**", "(?P<n", "\\", "(" * 300, "x" * (MOST_LETTERS + 1)]
)
def test_what_is_no_expression_is_searched_for_as_it_stands(text: str) -> None:
    pattern, why = expression(text)
    assert why
    assert pattern.matches(("nothing", f"see {text[:MOST_LETTERS].upper()} here"), 10) == [1]


@settings(deadline=None)
@given(
    st.text(st.sampled_from("ab.*+?(){}[]|\\^$19,:=!<>PiRs"), max_size=60) | st.text(max_size=500),
    st.lists(st.text(st.sampled_from("ab1 ,é\t"), max_size=200), max_size=30),
)
def test_anything_typed_answers_in_time(text: str, lines: list[str]) -> None:
    begun = process_time()
    pattern, _ = expression(text)
    with contextlib.suppress(TooSlow):
        found = pattern.matches(lines, 0.25)
        assert all(0 <= index < len(lines) for index in found)
        assert found == sorted(set(found))
    assert process_time() - begun < 2.0


def test_lines_that_look_like_an_error() -> None:
    assert list(errors(LINES)) == [i for i, line in enumerate(LINES) if says_error(line)] == [3, 7]
    assert list(errors(("fine", "no errors", "0 exceptions", "terror"))) == []
