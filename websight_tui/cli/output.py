"""Printing for people and for scripts; the one door through which the command line writes.

File names, Slurm's words and a server's errors come from elsewhere. Whatever they hold, a terminal gets text: a control
sequence or a bidirectional control is written out as Python would write it ("\\x1b]52;…").
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from websight_tui.errors import WebsightError
from websight_tui.words import UNSHOWABLE, showable

if TYPE_CHECKING:
    from rich.table import Table


def say(text: str = "", *, file: TextIO | None = None, flush: bool = False) -> None:
    """Prints one text, made showable; to stdout where no `file` is given."""
    print(showable(text), file=file, flush=flush)


def print_json(data: Mapping[str, Any]) -> None:
    """One JSON object on one line, flushed, so that a reading script sees it at once.

    The values are exact: what a terminal must not get stands as JSON's \\u escapes.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, default=str)
    print(UNSHOWABLE.sub(lambda found: _json_escape(found[0]), text), flush=True)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))


def print_error(error: WebsightError, *, as_json: bool) -> None:
    """What went wrong and the next step, on stderr; with `as_json` also as an object on stdout."""
    if as_json:
        print_json({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    say(f"websight-tui: {error.message}", file=sys.stderr)
    if error.hint:
        say(f"  → {error.hint}", file=sys.stderr)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A plain table that fits the terminal; `right` names the columns of figures."""
    from rich.console import Console

    Console(highlight=False).print(make_table(columns, rows, right=right))


def make_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> Table:
    """The table that `print_table` prints."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name == columns[0])
    for row in rows:
        table.add_row(*(Text(showable(cell)) for cell in row))  # Text: what comes from a cluster is never markup
    return table
