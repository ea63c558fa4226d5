"""Adds a cluster to config.toml without touching anything else in it."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path

from websight_tui.config import Config, parse_config
from websight_tui.errors import ConfigError
from websight_tui.tui.preset_file import replace_file, toml_value


def table_name(host: str, taken: Container[str]) -> str:
    """A cluster's name made of its host's: "login.hai.edu" gives "login-hai-edu"."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", host).strip("-_")[:34] or "cluster"
    return stem if stem not in taken else next(n for i in range(2, 10_000) if (n := f"{stem}-{i}") not in taken)


def with_cluster(text: str, path: Path, name: str, values: Mapping[str, object]) -> tuple[str, Config]:
    """`text` with `[clusters.NAME]` appended, and what it says then.

    Raises: ConfigError naming the key that is wrong.
    """
    lines = [f"[clusters.{name}]", *(f"{key} = {toml_value(value)}" for key, value in values.items() if value != "")]
    after = text + ("" if not text or text.endswith("\n") else "\n") + ("\n" if text else "")
    after += "\n".join(lines) + "\n"
    return after, parse_config(after, path)


def add_cluster(path: Path, name: str, values: Mapping[str, object]) -> Config:
    """Appends the table to the file at `path`, all or nothing; what stands in it stays byte for byte.

    Returns: the configuration as it is then.
    Raises: ConfigError if a value or the file is wrong, the name is taken, or it cannot be written.
    """
    try:
        target = path.resolve()  # a link (dotfiles) keeps pointing where it did
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        after, config = with_cluster(before, path, name, values)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(target, after)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be written: {exc}", "Check its permissions and the disk.") from exc
    return config
