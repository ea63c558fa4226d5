"""Makes requirements/*.lock from pyproject.toml: every package that an installation gets, with the hash of each file.

`python -m docs.locks` (or `make lock`) resolves anew with uv, for all systems and Python versions at once.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = {"app": (), "dev": ("dev",), "trainer": ("trainer",), "demo": ("demo",)}
"""File → the optional dependencies that it holds besides the app's own."""
_HEAD: Final = """\
# Made by `make lock` from pyproject.toml; not by hand.
#   pip install --require-hashes --requirement requirements/{name}.lock
"""


def main() -> int:
    """Writes all locks. Returns uv's exit status if one cannot be resolved."""
    for name, extras in LOCKS.items():
        target = ROOT / "requirements" / f"{name}.lock"
        made = target.with_suffix(".new")
        words = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--universal", "--generate-hashes"]
        words += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--upgrade"]
        words += [word for extra in extras for word in ("--extra", extra)]
        done = subprocess.run([*words, "--output-file", str(made)], cwd=ROOT, check=False)
        if done.returncode:
            made.unlink(missing_ok=True)
            return done.returncode
        target.write_text(_HEAD.format(name=name) + made.read_text())
        made.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
