"""The trainer's files on a cluster: one immutable folder a content hash, uploaded once."""

from __future__ import annotations

import hashlib
import io
import secrets
import shlex
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from websight_tui.errors import BundleError, RemoteFileError
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import Transport

Report = Callable[[str, int, int], None]
"""Called with (what is done, bytes done, bytes in all); 0 of 0 where it is no upload."""
_TIMEOUT_S: Final = 60.0
_EXECUTABLE: Final = (".sh", ".slurm")


@dataclass(frozen=True)
class Bundle:
    """The files that go to a cluster.

    Args:
        files: {relative POSIX path: content}.
    """

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
                raise BundleError(f"'{plain(name)}' is not a path inside the bundle")

    @cached_property
    def sha(self) -> str:
        """16 hex digits over names and contents."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:16]

    @cached_property
    def archive(self) -> bytes:
        """All files as an uncompressed tar; the same bytes for the same files."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                entry.mode = 0o755 if name.endswith(_EXECUTABLE) else 0o644
                tar.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


def to_nobody(stage: str, done: int, total: int) -> None:
    """A Report for when nobody listens."""


# Unpacks beside the target and renames, so that the folder is there whole or not at all; of two that upload at the same
# time one wins and the other's copy is removed. The sum is checked where the cluster can compute it.
_UNPACK: Final = """\
set -e
archive=$1 part=$2 target=$3 sum=$4
trap 'rm -rf -- "$archive" "$part"' EXIT
if command -v sha256sum >/dev/null 2>&1; then
  set -- $(sha256sum <"$archive")
  [ "$1" = "$sum" ] || { echo "the uploaded archive is damaged" >&2; exit 1; }
fi
mkdir -- "$part"
tar -x -o -f "$archive" -C "$part"
mv -T -- "$part" "$target" 2>/dev/null || [ -d "$target" ] || mv -- "$part" "$target"
[ -d "$target/trainer" ]
"""


def ensure_bundle(transport: Transport, root: str, bundle: Bundle, report: Report = to_nobody) -> bool:
    """Makes sure that ROOT/bundles/SHA holds `bundle`.

    Args:
        root: absolute folder on the cluster.
        report: told what is done, and how far it is.

    Returns: whether anything had to be uploaded.
    Raises: RemoteFileError (disk full, quota, permission), RemoteTimeout, ConnectionLost. Nothing half is left.
    """
    target = f"{root}/bundles/{bundle.sha}"
    report("looking whether the trainer is there", 0, 0)
    if transport.exec(shlex.join(("test", "-d", target)), timeout=_TIMEOUT_S).exit == 0:
        return False
    name = f".{bundle.sha}-{secrets.token_hex(4)}"
    archive = f"{root}/bundles/{name}.tar"
    transport.upload(
        bundle.archive, archive, mode=0o600, progress=lambda done, total: report("uploading the trainer", done, total)
    )
    report("unpacking the trainer", 0, 0)
    digest = hashlib.sha256(bundle.archive).hexdigest()
    unpack = ("sh", "-c", _UNPACK, "sh", archive, f"{root}/bundles/{name}", target, digest)
    result = transport.exec(shlex.join(unpack), timeout=_TIMEOUT_S)
    if result.exit != 0:
        reason = plain(result.stderr.strip().split("\n")[-1]) or f"exit {result.exit}"
        raise RemoteFileError(
            f"The trainer could not be unpacked in {root}/bundles: {reason}", "Check free space, quota and permissions."
        )
    return True
