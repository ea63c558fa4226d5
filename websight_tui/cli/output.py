"""Printing for people and for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from websight_tui.errors import WebsightError


def print_json(data: Mapping[str, Any]) -> None:
    """One JSON object on one line, flushed, so that a reading script sees it at once."""
    print(json.dumps(data, ensure_ascii=False, allow_nan=False, default=str), flush=True)


def print_error(error: WebsightError, *, as_json: bool) -> None:
    """What went wrong and the next step, on stderr; with `as_json` also as an object on stdout."""
    if as_json:
        print_json({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    print(f"websight-tui: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"  → {error.hint}", file=sys.stderr)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A plain table that fits the terminal; `right` names the columns of figures."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name == columns[0])
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: what comes from a cluster is never markup
    Console(highlight=False).print(table)
