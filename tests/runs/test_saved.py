"""Checkpoints seen from afar, and the adapter's download: whole, damaged, cut and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from websight_tui.errors import RemoteFileError
from websight_tui.remote.local import LocalTransport
from websight_tui.runs.saved_work.checkpoints import ADAPTER, Whole, look
from websight_tui.runs.saved_work.fetching import FetchStopped, fetch_adapter
from websight_tui.runspec import RunSpec

BYTES = 3_000_000


def checkpoint(spec: RunSpec, step: int, *, sealed: bool = True, finite: bool = True) -> Path:
    folder = Path(spec.out_dir) / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / ADAPTER[0]).write_bytes(bytes(range(256)) * (BYTES // 256))
    (folder / ADAPTER[1]).write_text("{}")
    if sealed:
        files = {name: (folder / name).stat().st_size for name in ADAPTER}
        marker = {"v": 1, "step": step, "t": 1000.0 + step, "finite": finite, "files": files}
        (folder / "complete.json").write_text(json.dumps(marker))
    return folder


def test_each_checkpoint_is_what_its_marker_says(here: LocalTransport, spec: RunSpec) -> None:
    checkpoint(spec, 10)
    checkpoint(spec, 20, sealed=False)
    (checkpoint(spec, 30) / ADAPTER[0]).write_bytes(b"short")
    checkpoint(spec, 40, finite=False)
    (checkpoint(spec, 50) / "complete.json").write_bytes(b'{"files": 3')
    found = {saved.step: saved for saved in look(here, spec, [10, 20, 30, 40, 50, 60])}
    assert [saved.whole for saved in found.values()] == [
        *(Whole.GONE, Whole.NOT_SEALED, Whole.NOT_FINITE, Whole.DAMAGED, Whole.NOT_SEALED, Whole.COMPLETE)
    ]
    assert found[10].bytes == BYTES // 256 * 256 + 2
    assert found[10].sealed_at == 1010.0
    assert [step for step, saved in found.items() if saved.usable] == [40, 10]


def test_the_final_adapter_comes_first(here: LocalTransport, spec: RunSpec) -> None:
    checkpoint(spec, 10)
    (Path(spec.out_dir) / ADAPTER[0]).write_bytes(b"x" * 99)
    final, *_ = look(here, spec, [10])
    assert (final.step, final.bytes) == (None, 99)


def test_a_marker_cannot_lead_out_of_its_folder(here: LocalTransport, spec: RunSpec) -> None:
    folder = checkpoint(spec, 10)
    marker = json.loads((folder / "complete.json").read_text())
    marker["files"] |= {"../../../../etc/passwd": 1, "/etc/shadow": 1, "a\0b": 1, "x": "y"}
    (folder / "complete.json").write_text(json.dumps(marker))
    assert look(here, spec, [10])[0].whole is Whole.COMPLETE, "what it may not name is not looked at"


def test_a_download_is_cut_and_goes_on_where_it_was(here: LocalTransport, spec: RunSpec, tmp_path: Path) -> None:
    folder, told = checkpoint(spec, 10), []
    with pytest.raises(FetchStopped):
        fetch_adapter(here, spec, 10, tmp_path / "got", lambda d, t: told.append((d, t)), lambda: told[-1][0] > 1)
    part = tmp_path / "got" / f"{ADAPTER[0]}.part"
    cut_at = part.stat().st_size
    assert 0 < cut_at < BYTES
    assert not (tmp_path / "got" / ADAPTER[0]).exists()
    again: list[tuple[int, int]] = []
    fetch_adapter(here, spec, 10, tmp_path / "got", lambda d, t: again.append((d, t)))
    assert again[0][0] > cut_at, "what had come is not fetched again"
    assert again[-1][0] == again[-1][1] == BYTES // 256 * 256 + 2
    assert (tmp_path / "got" / ADAPTER[0]).read_bytes() == (folder / ADAPTER[0]).read_bytes()
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == sorted(ADAPTER)


def test_what_is_not_there_is_said(here: LocalTransport, spec: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError, match="does not exist"):
        fetch_adapter(here, spec, 99, tmp_path / "got", lambda _, __: None)
