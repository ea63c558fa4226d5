"""Finds trainer/ and slurm/, the files that are uploaded to clusters: in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from websight_tui.errors import BundleError

FOLDERS: Final = ("trainer", "slurm")
_HERE: Final = Path(__file__).resolve().parent


def bundle_root() -> Path:
    """The folder that holds trainer/ and slurm/.

    Raises: BundleError if neither a wheel's copy nor a checkout is there.
    """
    for candidate in (_HERE / "_bundle", _HERE.parent):
        if all((candidate / folder).is_dir() for folder in FOLDERS) and (candidate / "trainer/__init__.py").is_file():
            return candidate
    raise BundleError(
        "The trainer's files (trainer/ and slurm/) are not where this program is installed",
        "Install websight-tui again, from its wheel or as an editable checkout.",
    )


def bundle_files(root: Path | None = None) -> dict[str, bytes]:
    """Every file that goes to a cluster: {"trainer/…" or "slurm/…": content}, in the order of the names.

    Compiled files, hidden files and symbolic links stay behind.

    Raises: BundleError if a file cannot be read.
    """
    root = root or bundle_root()
    files: dict[str, bytes] = {}
    try:
        for path in sorted(p for folder in FOLDERS for p in (root / folder).rglob("*")):
            name = path.relative_to(root)
            if path.is_symlink() or not path.is_file() or path.suffix == ".pyc":
                continue
            if any(part.startswith(".") or part == "__pycache__" for part in name.parts):
                continue
            files[name.as_posix()] = path.read_bytes()
    except OSError as exc:
        raise BundleError(f"{exc.filename} cannot be read: {exc.strerror}", "Check its permissions.") from exc
    return files
