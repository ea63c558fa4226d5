"""Reads typed values out of parsed TOML, and says of a wrong one in which file, line and key it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from websight_tui.errors import ConfigError


class Where:
    """One file.

    Args:
        path: for messages.
        text: what stands in it.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()

    def place(self, table: tuple[str, ...], key: str) -> str:
        """ "file, line N, [table] key" (the line of the key in its table, or of the table's header)."""
        return f"{self.path}{self._line(table, key)}, {'[' + '.'.join(table) + '] ' if table else ''}{key}"

    def _line(self, table: tuple[str, ...], key: str) -> str:
        inside, header = not table, 0
        for number, line in enumerate(self.lines, 1):
            if match := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
                name = tuple(part.strip().strip("\"'") for part in match[1].split("."))
                inside = name == table
                if inside or name == (*table, key):
                    header = number
            elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return f", line {number}"
        return f", line {header}" if header else ""

    def error(self, table: tuple[str, ...], key: str, expected: str, got: object) -> ConfigError:
        return ConfigError(f"{self.place(table, key)}: expected {expected}, not {got!r}")

    def known(self, table: tuple[str, ...], data: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                close = difflib.get_close_matches(key, keys, n=1)
                hint = f"Did you mean '{close[0]}'?" if close else f"Known here: {', '.join(keys)}."
                raise ConfigError(f"{self.place(table, key)}: unknown key", hint)

    def table(self, table: tuple[str, ...], data: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            raise self.error(table, key, f"a table [{key}]", value)
        return value

    def text(self, table: tuple[str, ...], data: Mapping[str, Any], key: str, default: str) -> str:
        value = data.get(key, default)
        if not isinstance(value, str) or any(ord(c) < 32 for c in value):
            raise self.error(table, key, "text on one line, in quotes", value)
        return value

    def number(
        self,
        table: tuple[str, ...],
        data: Mapping[str, Any],
        key: str,
        default: float | None,
        *,
        whole: bool = False,
        check: Callable[[float], bool] = lambda v: v >= 0,
    ) -> float | None:
        value = data.get(key, default)
        if value is None:
            return None
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not check(value):
            raise self.error(table, key, f"{'a whole' if whole else 'a'} number from 0", value)
        return float(value)
