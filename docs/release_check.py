"""What must hold before a version is tagged; docs/release.md is the recipe around it.

`python -m docs.release_check [FOLDER]` (or `make release-check`) builds the source archive and the wheel twice, in
different folders under different umasks and time zones, and compares them byte for byte. In FOLDER it leaves them, with
their SHA256SUMS.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from websight_tui import __version__

ROOT: Final = Path(__file__).resolve().parents[1]


def build(source: Path, target: Path, *, epoch: int, umask: int = 0o022, zone: str = "UTC") -> dict[str, str]:
    """Builds the source archive, and the wheel from it, with the builder of requirements/dev.lock.

    Args:
        source: a checkout.
        target: where the files go.
        epoch: SOURCE_DATE_EPOCH, Unix s: the time that stands in the archives.

    Returns: {file name: SHA-256 in hex}.
    Raises: subprocess.CalledProcessError.
    """
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": zone}
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(source)]
    subprocess.run(words, env=env, umask=umask, check=True, capture_output=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(target.iterdir())}


def copy_of_commit(folder: Path) -> int:
    """The files of the commit that is checked out, into `folder`; the commit's time (Unix s)."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    packed = folder.with_suffix(".tar")
    packed.write_bytes(archive)
    with tarfile.open(packed) as tar:
        tar.extractall(folder, filter="data")
    packed.unlink()
    moment = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True).stdout
    return int(moment)


def twice(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Two builds of the same commit that differ in all that should not matter."""
    first, second = folder / "a", folder / "b" / "a longer name"
    epoch = copy_of_commit(first)
    second.parent.mkdir()
    copy_of_commit(second)
    one = build(first, folder / "dist-a", epoch=epoch)
    two = build(second, folder / "dist-b", epoch=epoch, umask=0o077, zone="Asia/Tokyo")
    return one, two


def problems(version: str = __version__) -> list[str]:
    """What stands in the way of tagging `version`, but the builds."""
    found = []
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no section for {version} with its date")
    status = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True)
    if status.stdout.strip():
        found.append("the working tree has changes that are not committed")
    return found


def leave(built: Path, sums: dict[str, str], target: Path) -> None:
    """Copies the files to `target`, with their sums as `sha256sum --check` reads them."""
    target.mkdir(parents=True, exist_ok=True)
    for name in sums:
        shutil.copyfile(built / name, target / name)
    (target / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))


def main() -> int:
    """Prints the hashes and what stands in the way. Returns 1 if anything does, and leaves nothing then."""
    found = problems()
    with tempfile.TemporaryDirectory() as folder:
        one, two = twice(Path(folder))
        if not found and one == two and len(sys.argv) > 1:
            leave(Path(folder) / "dist-a", one, Path(sys.argv[1]))
    for name, digest in one.items():
        print(f"{digest}  {name}")
        if two.get(name) != digest:
            found.append(f"{name} is not the same when it is built twice")
    print("\n".join(f"! {problem}" for problem in found) or "ready to be tagged")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
