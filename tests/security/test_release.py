"""The locks fit what pyproject.toml asks for, and what is built from a commit is the same every time."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.locks import LOCKS, ROOT
from docs.release_check import twice

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(name: str) -> dict[str, list[Requirement]]:
    """Package → its pinned versions (several where they depend on the system)."""
    found: dict[str, list[Requirement]] = {}
    text = (ROOT / "requirements" / f"{name}.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pinned = Requirement(line.partition(" --hash")[0].strip())
            found.setdefault(canonicalize_name(pinned.name), []).append(pinned)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_satisfies_pyproject(name: str) -> None:
    asked = [*PROJECT["dependencies"], *(r for extra in LOCKS[name] for r in PROJECT["optional-dependencies"][extra])]
    pinned = locked(name)
    for wish in map(Requirement, asked):
        choices = pinned.get(canonicalize_name(wish.name), [])
        assert choices, f"{wish} is not in requirements/{name}.lock: run `make lock`"
        for choice in choices:
            (version,) = [spec.version for spec in choice.specifier]
            assert wish.specifier.contains(version, prereleases=True), f"{choice} does not satisfy {wish}: `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_hashes_and_no_place(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    blocks = re.findall(r"^\S+==(?:.*\\\n)*.*$", text, re.MULTILINE)
    assert len(blocks) == sum(map(len, locked(name).values()))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert "://" not in text
    assert "index" not in text


def test_the_laptops_lock_holds_no_torch() -> None:
    assert not {"torch", "transformers", "llamafactory", "numpy"} & set(locked("app"))


@pytest.mark.timeout(280)
@pytest.mark.skipif(shutil.which("git") is None, reason="no git on this machine")
def test_two_builds_of_a_commit_are_the_same(tmp_path: Path) -> None:
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this is no checkout")
    one, two = twice(tmp_path)
    assert one == two
    assert {Path(name).suffix for name in one} == {".gz", ".whl"}
