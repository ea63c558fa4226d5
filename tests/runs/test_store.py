"""The history survives crashes, damage, other apps and newer versions."""

from __future__ import annotations

import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runs.conftest import Desk
from websight_tui.errors import StoreError
from websight_tui.projection.model import Verdict
from websight_tui.runs.schema import MIGRATIONS, SCHEMA_VERSION
from websight_tui.runs.state import Outcome, VerdictChange
from websight_tui.runs.store import Store
from websight_tui.runs.verdict_history import add_verdict, verdicts_of
from websight_tui.runspec import RunSpec, to_json
from websight_tui.slurm_commands.model import Job


@pytest.fixture
def spec(desk: Desk) -> RunSpec:
    return desk.plan().spec


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runs.sqlite"


def test_a_submission_from_intent_to_job(path: Path, spec: RunSpec) -> None:
    store = Store(path)
    store.begin_submission(spec, 10.0)
    assert [s.outcome for s in store.submissions("fake")] == [Outcome.INTENT]
    assert store.settle(spec.token, Outcome.UNKNOWN, 11.0, text="lost")
    assert store.settle(spec.token, Outcome.ACCEPTED, 12.0, job_id="7")
    assert not store.settle(spec.token, Outcome.REJECTED, 13.0)
    store.save_job(spec.run_id, Job("7", state="RUNNING", start_time=1.5), 20.0)
    store.close()
    (run,) = Store(path).runs()
    assert run.spec == spec
    assert run.submissions[0].outcome is Outcome.ACCEPTED
    assert (run.jobs[0].job.start_time, run.jobs[0].last_seen) == (1.5, 20.0)


def test_only_its_owner_can_read_it(path: Path) -> None:
    Store(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in ("-wal", "-shm"):
        assert stat.S_IMODE(path.with_name(path.name + name).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["not a database", "half"])
def test_a_damaged_file_is_put_aside(path: Path, spec: RunSpec, damage: str) -> None:
    store = Store(path)
    store.begin_submission(spec, 1.0)
    store.append(spec.run_id, "events", 0, bytes(range(256)) * 400, "")
    store.close()
    data = path.read_bytes()
    path.write_bytes(b"hello" * 999 if damage == "not a database" else data[:4096] + b"\xff" * (len(data) - 4096))
    again = Store(path)
    assert "put aside" in again.note
    assert again.runs() == []
    assert len(list(path.parent.glob("runs.sqlite.damaged-*"))) == 1


def test_a_newer_file_is_left_alone(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer"):
        Store(path)
    assert not list(path.parent.glob("*damaged*"))


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Store(tmp_path / "file" / "runs.sqlite")


def test_two_apps_and_many_threads(path: Path, spec: RunSpec) -> None:
    stores = [Store(path), Store(path)]
    stores[0].begin_submission(spec, 1.0)
    failures: list[Exception] = []

    def write(store: Store, number: int) -> None:
        try:
            for count in range(20):
                store.save_job(spec.run_id, Job(str(number), state=f"S{count}"), float(count))
                store.append(spec.run_id, "events", count * 3, b"abc", "")
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(store, n)) for n in range(4) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    cached = stores[1].cached(spec.run_id, "events")
    assert cached is not None
    assert len(stores[1].runs()[0].jobs) == 4


def test_copies_never_repeat_and_never_have_holes(path: Path, spec: RunSpec) -> None:
    store = Store(path)
    store.begin_submission(spec, 1.0)
    store.append(spec.run_id, "events", 0, b"0123", "x")
    store.append(spec.run_id, "events", 2, b"2345", "x")
    store.append(spec.run_id, "events", 0, b"01", "x")
    cached = store.cached(spec.run_id, "events")
    assert cached is not None
    assert (cached.data, cached.start) == (b"012345", 0)
    store.append(spec.run_id, "events", 100, b"far", "x")
    cached = store.cached(spec.run_id, "events")
    assert cached is not None
    assert (cached.data, cached.start) == (b"far", 100)
    store.forget_file(spec.run_id, "events")
    assert store.cached(spec.run_id, "events") is None


def test_outputs_keep_their_last_bytes_only(path: Path, spec: RunSpec) -> None:
    store = Store(path)
    store.begin_submission(spec, 1.0)
    data = bytes(i % 251 for i in range(10_000))
    for start in range(0, 10_000, 500):
        store.append(spec.run_id, "stdout:1", start, data[start : start + 500], "x", keep=1200)
    cached = store.cached(spec.run_id, "stdout:1")
    assert cached is not None
    assert cached.data == data[cached.start :]
    assert 1200 <= len(cached.data) <= 1700


def test_a_hidden_run_is_not_deleted(path: Path, spec: RunSpec) -> None:
    store = Store(path)
    store.begin_submission(spec, 1.0)
    store.hide(spec.run_id)
    assert store.runs() == []
    assert len(store.runs(hidden=True)) == 1


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_file_of_an_earlier_version_is_brought_up_and_keeps_what_it_holds(
    path: Path, spec: RunSpec, version: int
) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        for script in MIGRATIONS[:version]:
            db.executescript(script)
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("INSERT INTO runs VALUES (?, 'fake', 1.0, ?, 0)", (spec.run_id, to_json(spec)))
    db.close()
    store = Store(path)
    assert [run.spec for run in store.runs()] == [spec]
    assert verdicts_of(store, spec.run_id) == ()
    store.close()
    assert [run.spec for run in Store(path).runs()] == [spec], "it is brought up once"
    assert store.note == ""


def test_a_verdict_is_kept_once_however_many_apps_see_it(path: Path, spec: RunSpec) -> None:
    one, other = Store(path), Store(path)
    one.begin_submission(spec, 1.0)
    first = VerdictChange(10.0, Verdict.TOO_EARLY, "7", 3, 80, reason="3 usable lines so far, 4 are needed")
    then = VerdictChange(20.0, Verdict.FITS, "7", 8, 80, 99.5, 120.0, "pace steady")
    assert add_verdict(one, spec.run_id, first)
    assert not add_verdict(other, spec.run_id, replace(first, at=11.0, step=4))
    assert add_verdict(other, spec.run_id, then)
    assert add_verdict(one, spec.run_id, replace(then, at=30.0, job_id="8")), "another job's verdict is another one"
    assert verdicts_of(other, spec.run_id) == (first, then, replace(then, at=30.0, job_id="8"))
