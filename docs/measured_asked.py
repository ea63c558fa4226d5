"""What asking a finished run's adapter takes: the table and words of docs/presets.md, from bench/gpu/results."""

from __future__ import annotations

import statistics
from typing import Any

from bench.tables import markdown_table
from docs.wrapped import paragraph


def table(asked: dict[str, Any], real_tokens: dict[int, int]) -> str:
    """One row for each length and number of rows that were asked at once.

    Args:
        asked: bench/gpu/results/h100-asked.json.
        real_tokens: tokens that rows had, by what was asked for.
    """
    rows = []
    for short, long in _pairs(asked["exactly"]):
        one, twenty = (statistics.median(each["seconds"]) for each in (short, long))
        at_once = short["at_once"]
        rows.append(
            [
                f"{real_tokens[short['tokens']]:,}",
                str(at_once),
                f"{one / at_once:.2f} s",
                f"{(twenty - one) / (long['answer'] - short['answer']):.3f} s",
                f"{twenty / at_once:.2f} s ({min(long['seconds']) / at_once:.2f}-{max(long['seconds']) / at_once:.2f})",
            ]
        )
    head = ["tokens a row", "rows at once", "a row read, first token", "each further token, all rows"]
    return markdown_table([*head, "a row with 20 tokens"], rows)


def _pairs(exactly: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each measurement with answers of one token, and the one with longer answers that is like it otherwise."""
    return [
        (short, long)
        for short in exactly
        for long in exactly
        if short["answer"] == 1 < long["answer"] and _like(short) == _like(long)
    ]


def _like(one: dict[str, Any]) -> tuple[int, int]:
    return one["tokens"], one["at_once"]


def row_s(whole: dict[str, Any]) -> float:
    """Seconds a row of a whole evaluation, after its first batch."""
    (first, few), *_, (last, all_of_them) = whole["answered"]
    return float((last - first) / (all_of_them - few))


def words(asked: dict[str, Any]) -> str:
    """How it was measured, and what a whole evaluation took."""
    (whole,) = asked["whole"]
    first, at_once = whole["answered"][0]
    longest = max(whole["answer_tokens"])
    (pair,) = (pair for pair in _pairs(asked["exactly"]) if _like(pair[0]) == (whole["tokens"], at_once))
    one, twenty = (statistics.median(each["seconds"]) for each in pair)
    explained = (one + (twenty - one) / (pair[1]["answer"] - 1) * (longest - 1)) / at_once
    return paragraph(
        f"""The rank 32 adapter of the whole run above, asked by the code of `python -m trainer evaluate` on one
        H100; medians of {len(asked["exactly"][0]["seconds"])}, answers of exactly 1 and of exactly 20 tokens (a
        click has 15 to 20). Reading holds the opening and scaling of the picture by one process: more than half of
        it, if the cost model is right about the rest. The last two rows may have shared their processors with
        another program. A whole `evaluate` of {whole["rows"]} rows of about 1,000 tokens had its first {at_once}
        answers {first:.0f} s after its start and took {row_s(whole):.2f} s a row from then on. A batch waits for
        its longest answer, which with this untaught model had {longest} tokens; by the table that makes
        {explained:.2f} s, and the rest was not explained. So the 500 rows of a sweep's job are two to four minutes,
        beside its start-up."""
    )
