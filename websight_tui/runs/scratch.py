"""A folder on a cluster for a few minutes: made, tried out, and removed with all that had to be made for it."""

from __future__ import annotations

import secrets
import shlex
from typing import Final

from websight_tui.errors import RemoteError, RemoteFileError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import Transport

_TIMEOUT_S: Final = 60.0
_PREFIX: Final = ".websight-check-"

# Prints the folders that were not there before, deepest first. What a broken connection left hours ago goes, too.
_OPEN: Final = """\
root=$1 scratch=$2 prefix=$3
at=$root made=
while [ ! -d "$at" ]; do made="$made$at
"; at=$(dirname -- "$at"); done
undo() { rm -rf -- "$scratch"; printf %s "$made" | while IFS= read -r d; do rmdir -- "$d" 2>/dev/null; done; exit 1; }
mkdir -p -- "$root" && mkdir -m 700 -- "$scratch" || undo
dd if=/dev/zero of="$scratch/trial" bs=4096 count=16 2>"$scratch/said" || { cat "$scratch/said" >&2; undo; }
rm -f -- "$scratch/trial" "$scratch/said"
find "$root" -maxdepth 1 -type d -name "$prefix*" -mmin +180 -exec rm -rf -- {} + 2>/dev/null
printf %s "$made"
"""
_REMOVE: Final = """\
rm -rf -- "$1"; left=$?; shift
for made; do rmdir -- "$made" 2>/dev/null; done
exit "$left"
"""


class Scratch:
    """A private folder in ROOT. Call `remove` in any case.

    Args:
        root: absolute folder on the cluster; made if it is not there, and then removed again.

    Raises: RemoteFileError with the cluster's reason if nothing can be written there; RemoteTimeout, ConnectionLost.
    """

    def __init__(self, transport: Transport, root: str) -> None:
        self.path = f"{root}/{_PREFIX}{secrets.token_hex(4)}"
        self.root_is_new = False
        self._transport = transport
        result = transport.exec(shlex.join(("sh", "-c", _OPEN, "sh", root, self.path, _PREFIX)), timeout=_TIMEOUT_S)
        if result.exit != 0:
            said = plain(result.stderr.strip().split("\n")[-1]) or f"exit {result.exit}"
            raise RemoteFileError(
                f"nothing can be written to {plain(root)}: {said}",
                "Free space there, or set `root` of the cluster to a folder of yours.",
            )
        self._made = [line for line in result.stdout.split("\n") if line]
        self.root_is_new = bool(self._made)

    def remove(self) -> bool:
        """Removes the folder and those made for it, unless somebody has put something there. Never raises.

        Returns: whether it is gone.
        """
        command = shlex.join(("sh", "-c", _REMOVE, "sh", self.path, *self._made))
        try:
            return self._transport.exec(command, timeout=_TIMEOUT_S).exit == 0
        except RemoteError:
            return False
