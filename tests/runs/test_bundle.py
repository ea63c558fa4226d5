"""The trainer's files reach a cluster once, whole, and only as what they are."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from websight_tui.bundle_files import bundle_files, bundle_root
from websight_tui.errors import BundleError, ConnectionLost, RemoteFileError
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import Unattended
from websight_tui.runs.bundle import Bundle, ensure_bundle


@pytest.fixture
def transport() -> LocalTransport:
    transport = LocalTransport(login_shell=False)
    transport.connect(Unattended())
    return transport


def test_the_checkout_has_a_bundle_without_litter() -> None:
    files = bundle_files()
    assert "trainer/__init__.py" in files
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc") or "/." in name]
    assert all(name.startswith(("trainer/", "slurm/")) for name in files)
    assert Bundle(files).sha == Bundle(bundle_files(bundle_root())).sha


def test_a_place_without_the_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "a.py").write_text("x")
    (tmp_path / "trainer" / "link.py").symlink_to(tmp_path / "trainer" / "a.py")
    (tmp_path / "slurm").mkdir()
    assert list(bundle_files(tmp_path)) == ["trainer/a.py"]


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "a\0b"])
def test_paths_outside_the_bundle_are_refused(name: str) -> None:
    with pytest.raises(BundleError):
        Bundle({name: b""})


def test_it_goes_up_once_and_whole(tmp_path: Path, transport: LocalTransport) -> None:
    bundle = Bundle(bundle_files())
    seen: list[tuple[object, ...]] = []
    assert ensure_bundle(transport, str(tmp_path), bundle, lambda *told: seen.append(told))
    target = tmp_path / "bundles" / bundle.sha
    there = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    assert there == dict(bundle.files)
    size = len(bundle.archive)
    stages = ["looking whether the trainer is there", "uploading the trainer", "unpacking the trainer"]
    assert list(dict.fromkeys(told[0] for told in seen)) == stages
    assert seen[-2:] == [("uploading the trainer", size, size), ("unpacking the trainer", 0, 0)]
    assert not ensure_bundle(transport, str(tmp_path), bundle)
    assert [p.name for p in (tmp_path / "bundles").iterdir()] == [bundle.sha]


def test_a_damaged_upload_leaves_nothing(tmp_path: Path, transport: LocalTransport) -> None:
    class Damaging(LocalTransport):
        def upload(self, source: object, path: str, **rest: object) -> None:  # type: ignore[override]
            super().upload(b"not what was sent", path)

    damaging = Damaging(login_shell=False)
    damaging.connect(Unattended())
    with pytest.raises(RemoteFileError, match="damaged"):
        ensure_bundle(damaging, str(tmp_path), Bundle({"trainer/__init__.py": b""}))
    assert list((tmp_path / "bundles").iterdir()) == []


def test_two_that_upload_at_the_same_time(tmp_path: Path) -> None:
    bundle, errors = Bundle(bundle_files()), []

    def go() -> None:
        transport = LocalTransport(login_shell=False)
        transport.connect(Unattended())
        try:
            ensure_bundle(transport, str(tmp_path), bundle)
        except (RemoteFileError, ConnectionLost) as exc:
            errors.append(exc)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [p.name for p in (tmp_path / "bundles").iterdir()] == [bundle.sha]
    assert not [p for p in (tmp_path / "bundles" / bundle.sha).iterdir() if p.name.startswith(".")]
