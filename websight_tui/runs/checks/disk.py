"""Room for the checkpoints, by the file system and by the user's quota where there is one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

from websight_tui.presets import Preset
from websight_tui.remote.port import Transport
from websight_tui.runs.checks.finding import Finding, fail, ok, warn
from websight_tui.sizing import sizes
from websight_tui.words import size

_TIMEOUT_S: Final = 60.0
_MARK: Final = "websight-quota:"
# A parallel file system that hangs must not hold us up, hence timeout where there is one.
_ASK: Final = f"""\
df -Pk -- "$1"
limit=; command -v timeout >/dev/null 2>&1 && limit="timeout 10"
echo {_MARK} lustre
command -v lfs >/dev/null 2>&1 && $limit lfs quota -q -u "$(id -un)" "$1" 2>/dev/null
echo {_MARK} unix
command -v quota >/dev/null 2>&1 && $limit quota -w 2>/dev/null
:
"""


def check_disk(transport: Transport, folder: str, preset: Preset) -> Iterator[Finding]:
    """Compares what is free in `folder` with what the preset's checkpoints need."""
    text = transport.exec(shlex.join(("sh", "-c", _ASK, "sh", folder)), timeout=_TIMEOUT_S).stdout
    yield judge(text, preset)


def judge(text: str, preset: Preset) -> Finding:
    """What the answer of `check_disk`'s question means."""
    disk, _, rest = text.partition(f"{_MARK} lustre\n")
    lustre, _, unix = rest.partition(f"{_MARK} unix\n")
    source, free = parse_df(disk)
    quota = parse_quota(lustre)
    if quota is None and source:
        quota = parse_quota(unix, source)
    if free is None:
        return warn("disk", "df does not tell how much room there is", "Look there yourself: df -h")
    room, whose = min((free, "are free"), (quota if quota is not None else free + 1, "are left of your quota"))
    more = "; no quota was found" if quota is None else ""
    one = sizes(preset).checkpoint_bytes
    if one is None:
        return ok("disk", f"{size(room)} {whose}{more}")
    need = one * (preset.save_total_limit + 2)  # one is written before the oldest goes, and the adapter at the end
    message = f"{size(room)} {whose}, the checkpoints of {preset.name} need {size(need)}"
    if room < need:
        return fail("disk", message, "Free space, set `root` to a larger file system, or lower save_total_limit.")
    if room < 3 * need:
        return warn("disk", message, "Another run would fill it.")
    return ok("disk", message + more)


def parse_df(text: str) -> tuple[str, int | None]:
    """(file system, free bytes) of `df -Pk`'s answer about one folder; ("", None) if it cannot be read."""
    for line in text.split("\n")[1:]:
        match = re.match(r"(.+?)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+\S+\s+/", line)
        if match:
            return match[1], max(0, int(match[4])) * 1024
    return "", None


def parse_quota(text: str, source: str | None = None) -> int | None:
    """Bytes that may still be written, by `lfs quota -q` or `quota -w`: name, used, soft and hard limit in KiB.

    Args:
        source: the file system to look for in the first column; None takes the first line with figures.

    Returns: None where no limit is set or none is found. What is used up beyond the limit counts as 0 left.
    """
    for line in re.sub(r"\n[ \t]{3,}(?=\d)", " ", text).split("\n"):  # a long name stands on a line of its own
        match = re.match(r"\s*(\S+)\s+(\d+)\*?\s+(\d+)\s+(\d+)(?:\s|$)", line)
        if match and (source is None or match[1] == source):
            limit = int(match[4]) or int(match[3])
            return max(0, limit - int(match[2])) * 1024 if limit else None
    return None
