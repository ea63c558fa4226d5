"""The hosts that a person's SSH configuration names: read from its files, nothing is resolved or contacted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from websight_tui.remote.ssh_config import CONFIG_VARIABLE

_MOST: Final = 200
_DEEPEST: Final = 8
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CODE_HOSTS: Final = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "ssh.dev.azure.com")


def aliases(path: Path | None = None) -> list[str]:
    """Names of `Host` lines without patterns, in their order, included files too; code hosts are left out.

    Args:
        path: None takes $WEBSIGHT_TUI_SSH_CONFIG, else ~/.ssh/config.

    Never raises: what cannot be read names no hosts.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    start = path or (Path(named).expanduser() if named else Path.home() / ".ssh/config")
    found = dict.fromkeys(_names(start, 0))
    return [name for name in found if name not in _CODE_HOSTS][:_MOST]


def _names(path: Path, depth: int) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        match = re.match(r"\s*(host|include)(?:\s*=\s*|\s+)(.+)", line, re.IGNORECASE)
        if match is None:
            continue
        values = [value.strip("\"'") for value in match[2].split()]
        if match[1].lower() == "host":
            yield from (value for value in values if _PLAIN.fullmatch(value))
        elif depth < _DEEPEST:
            for value in values:
                for file in _included(value):
                    yield from _names(file, depth + 1)


def _included(pattern: str) -> list[Path]:
    whole = Path(os.path.expanduser(pattern))  # noqa: PTH111 (leaves the home of a user who is not there as it is)
    whole = whole if whole.is_absolute() else Path.home() / ".ssh" / whole
    try:
        return sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))
    except (OSError, ValueError):
        return []
