"""Small file systems for tests, and filling them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@dataclass(frozen=True)
class Quota:
    """A file system with a quota, which binds root, too.

    Args:
        folder: where it is mounted.
    """

    folder: Path

    def limit(self, size: str) -> None:
        """So much may be written in all ("2M"; "none": no limit)."""
        subprocess.run(["btrfs", "qgroup", "limit", size, self.folder], check=True, capture_output=True)


def with_quota(folder: Path, image: Path) -> Iterator[Quota]:
    """A btrfs of 120 MB in the sparse file `image`, mounted on `folder`, not limited yet.

    Btrfs, because its quotas need nothing of the kernel but itself, and no user of their own.
    """
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("a real quota needs btrfs-progs")
    folder.mkdir(exist_ok=True)
    with image.open("wb") as stream:
        stream.truncate(120 * 1024 * 1024)
    subprocess.run(["mkfs.btrfs", "-q", "-m", "single", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], check=False, capture_output=True).returncode:
        pytest.skip("no btrfs can be mounted here")
    try:
        enabled = subprocess.run(["btrfs", "quota", "enable", folder], check=False, capture_output=True)
        if enabled.returncode:
            pytest.skip("this kernel has no quotas of btrfs")
        yield Quota(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Writes until there is no room left."""
    with path.open("wb", buffering=0) as stream:
        for size in (4096, 1):
            while True:
                try:
                    if not stream.write(b"x" * size):
                        break
                except OSError:
                    break
