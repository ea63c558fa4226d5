"""The run history on this machine: one SQLite file, safe for several threads and several apps at once.

What is about to happen is written before it happens, what became of it after. Read-ahead copies of events and log
tails are kept, so that curves and logs are there without a connection. A damaged file is put aside, never repaired in
place and never deleted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from websight_tui.errors import StoreError, WebsightError
from websight_tui.runs.schema import SCHEMA_VERSION, TABLES, migrate
from websight_tui.runs.state import Outcome, Unwritten
from websight_tui.runs.store_errors import explained, of_errno
from websight_tui.runspec import RunSpec, from_json, to_json
from websight_tui.slurm_commands.model import Job

_CHECKED_UP_TO: Final = 64 * 1024 * 1024
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""What SQLite says of a file whose content is not a history; the last of one without our tables."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One try to give a run a job.

    Args:
        token: unique to it.
        owner: "host:pid" of the app that made it.
    """

    token: str
    run_id: str
    at: float
    outcome: Outcome
    text: str = ""
    hint: str = ""
    job_id: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A run's job and when squeue listed it last (Unix s)."""

    job: Job
    last_seen: float | None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as the history knows it."""

    spec: RunSpec
    submissions: tuple[Submission, ...]
    jobs: tuple[StoredJob, ...]


@dataclass(frozen=True, slots=True)
class Cached:
    """The part of a remote file that is kept here: bytes `start` to `start + len(data)` of the file `identity`."""

    data: bytes
    start: int
    identity: str


def this_process() -> str:
    """ "host:pid", by which another app can tell whether a submission's owner still lives."""
    return f"{os.uname().nodename}:{os.getpid()}"


class Store:
    """The history in `path`; made, with its folder, if there is none.

    `note` says what a person should know of the opening ("" if nothing); `unkept` why nothing of it will last (see
    store_opening; None if it will).

    Raises: StoreError if it cannot be opened or is of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = ""
        self.unkept: Unwritten | None = None
        self._afterwards: Callable[[], None] | None = None
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._db = self._open()
            except sqlite3.DatabaseError as exc:
                if getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _DAMAGED:
                    raise  # locked, no room, read-only: nothing is wrong with what is in it
                self._put_aside()
                self._db = self._open()
        except OSError as exc:
            raise of_errno(path, exc.errno or 0) or _unopened(path, exc) from exc
        except sqlite3.Error as exc:
            told = explained(path, exc)
            raise (told if told.word else _unopened(path, exc)) from exc

    def _open(self) -> sqlite3.Connection:
        # made by us before SQLite does, so that it is never readable by others, not even for a moment
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=10, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            if self.path.stat().st_size < _CHECKED_UP_TO and db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("the file is damaged")
            db.execute("BEGIN IMMEDIATE")
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise StoreError(f"{self.path} was written by a newer websight-tui", "Update websight-tui.")
            if version < SCHEMA_VERSION:
                migrate(db, version)
            db.execute("COMMIT")
            for table in TABLES:
                db.execute(f"SELECT count(*) FROM {table} LIMIT 0")
        except BaseException:
            db.close()
            raise
        return db

    def _put_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).replace(aside.with_name(aside.name + suffix))
        self.note = f"The run history was damaged and has been put aside as {aside}; a new one was begun."

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes that are made together or not at all. Raises StoreError."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as exc:
                raise explained(self.path, exc) from exc

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows that a query gives. Raises StoreError."""
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as exc:
                raise explained(self.path, exc) from exc

    def check_writable(self) -> None:
        """Writes what is there already. Raises StoreError if nothing can be written."""
        with self.transaction() as db:
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Closes the file; calls afterwards raise StoreError."""
        with self._lock:
            self._db.close()
            if self._afterwards is not None:
                self._afterwards()

    def must_last(self) -> None:
        """Raises StoreError where what is written now will not last."""
        if self.unkept is not None:
            hint = f"Nothing was submitted: it could not be recorded. {self.unkept.hint}"
            raise StoreError(self.unkept.message, hint, word=self.unkept.word)

    def borrow(self, give_back: Callable[[], None], why: Unwritten) -> None:
        """From now on this is a copy that will not last: submissions are refused.

        Args:
            give_back: called once it is closed.
            why: the real one cannot be written.
        """
        self.unkept, self._afterwards = why, give_back

    # submissions

    def begin_submission(self, spec: RunSpec, at: float, *, owner: str = "", first: bool = False) -> None:
        """Records the intent to submit `spec` (under its token), and the run if it is new.

        Args:
            first: whether the run must have no job yet, and none on its way: then another app that is submitting the
                same run, or has, is an error here.

        Raises: StoreError.
        """
        self.must_last()
        with self.transaction() as db:
            if first:
                others = db.execute("SELECT outcome FROM submissions WHERE run_id = ?", (spec.run_id,)).fetchall()
                if any(outcome != Outcome.REJECTED.value for (outcome,) in others):
                    raise StoreError(f"{spec.run_id} is submitted already, or is just being", "Look at it in the list.")
            db.execute(
                "INSERT INTO runs (run_id, cluster, created_at, spec) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (run_id) DO UPDATE SET spec = excluded.spec, hidden = 0",
                (spec.run_id, spec.cluster, spec.created_at, to_json(spec)),
            )
            db.execute(
                "INSERT INTO submissions (token, run_id, at, outcome, owner) VALUES (?, ?, ?, ?, ?)",
                (spec.token, spec.run_id, at, Outcome.INTENT.value, owner or this_process()),
            )

    def save_spec(self, spec: RunSpec) -> None:
        """Keeps what was changed of a run that is there already."""
        with self.transaction() as db:
            db.execute("UPDATE runs SET spec = ? WHERE run_id = ?", (to_json(spec), spec.run_id))

    def settle(
        self, token: str, outcome: Outcome, at: float, *, text: str = "", hint: str = "", job_id: str = ""
    ) -> bool:
        """Records what became of a submission; with `job_id`, its job too.

        Returns: False if it was accepted before (an accepted submission stays accepted).
        """
        with self.transaction() as db:
            row = db.execute("SELECT run_id, outcome FROM submissions WHERE token = ?", (token,)).fetchone()
            if row is None or row[1] == Outcome.ACCEPTED.value:
                return False
            db.execute(
                "UPDATE submissions SET outcome = ?, text = ?, hint = ?, job_id = ?, settled_at = ? WHERE token = ?",
                (outcome.value, text, hint, job_id, at, token),
            )
            if job_id:
                self._put_job(db, row[0], Job(job_id), None, keep=True)
        return True

    def submissions(self, cluster: str, *, since: float = 0.0) -> list[Submission]:
        """The submissions to `cluster` from `since` (Unix s) on, oldest first."""
        rows = self.rows(
            "SELECT token, s.run_id, at, outcome, text, hint, job_id, owner FROM submissions s JOIN runs r"
            " ON r.run_id = s.run_id WHERE r.cluster = ? AND at >= ? ORDER BY at, token",
            cluster,
            since,
        )
        return [Submission(t, r, at, Outcome(o), text, hint, j, owner) for t, r, at, o, text, hint, j, owner in rows]

    def outcome_of(self, token: str) -> Outcome | None:
        """What became of the submission with `token`; None if there was none."""
        rows = self.rows("SELECT outcome FROM submissions WHERE token = ?", token)
        return Outcome(rows[0][0]) if rows else None

    # runs and jobs

    def runs(self, *, hidden: bool = False) -> list[StoredRun]:
        """All runs, oldest first. A run whose record is damaged is left out."""
        found: list[StoredRun] = []
        query = "SELECT run_id, spec FROM runs WHERE hidden <= ? ORDER BY created_at, run_id"
        for run_id, text in self.rows(query, int(hidden)):
            try:
                spec = from_json(text)
            except WebsightError:
                continue
            tries = self.rows(
                "SELECT token, run_id, at, outcome, text, hint, job_id, owner FROM submissions WHERE run_id = ?"
                " ORDER BY at, token",
                run_id,
            )
            jobs = self.rows("SELECT job, last_seen FROM jobs WHERE run_id = ? ORDER BY position", run_id)
            found.append(
                StoredRun(
                    spec,
                    tuple(Submission(t, r, at, Outcome(o), x, h, j, w) for t, r, at, o, x, h, j, w in tries),
                    tuple(StoredJob(_job(job), seen) for job, seen in jobs),
                )
            )
        return found

    def save_job(self, run_id: str, job: Job, last_seen: float | None) -> None:
        """Records what is known of a run's job."""
        with self.transaction() as db:
            self._put_job(db, run_id, job, last_seen, keep=False)

    @staticmethod
    def _put_job(db: sqlite3.Connection, run_id: str, job: Job, last_seen: float | None, *, keep: bool) -> None:
        position = db.execute("SELECT coalesce(max(position), -1) + 1 FROM jobs WHERE run_id = ?", (run_id,))
        then = "NOTHING" if keep else "UPDATE SET job = excluded.job, last_seen = excluded.last_seen"
        db.execute(
            "INSERT INTO jobs (run_id, job_id, position, job, last_seen) VALUES (?, ?, ?, ?, ?)"
            f" ON CONFLICT (run_id, job_id) DO {then}",
            (run_id, job.job_id, position.fetchone()[0], json.dumps(dataclasses.asdict(job)), last_seen),
        )

    def hide(self, run_id: str, *, hidden: bool = True) -> None:
        """Takes a run off the list, or puts it back; nothing of it is deleted."""
        with self.transaction() as db:
            db.execute("UPDATE runs SET hidden = ? WHERE run_id = ?", (int(hidden), run_id))

    # copies of remote files

    def cached(self, run_id: str, name: str) -> Cached | None:
        """The kept part of a run's remote file ("events", "stdout:123"); None if there is none."""
        with self._lock:
            head = self.rows("SELECT identity, start FROM files WHERE run_id = ? AND name = ?", run_id, name)
            if not head:
                return None
            query = "SELECT data FROM pieces WHERE run_id = ? AND name = ? ORDER BY offset"
            data = b"".join(piece for (piece,) in self.rows(query, run_id, name))
        return Cached(data, head[0][1], head[0][0])

    def append(self, run_id: str, name: str, offset: int, data: bytes, identity: str, *, keep: int = 0) -> None:
        """Adds bytes at `offset` to a kept file.

        Bytes that are there already (another app was quicker) are not added again; a gap starts the copy anew.

        Args:
            keep: with a number above 0, about so many bytes are kept, the last ones.
        """
        with self.transaction() as db:
            head = db.execute("SELECT start, end FROM files WHERE run_id = ? AND name = ?", (run_id, name)).fetchone()
            if head is None or offset > head[1] or offset < head[0]:
                self._forget(db, run_id, name)
                head = (offset, offset)
            else:
                data = data[head[1] - offset :]
            offset = head[1]
            db.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET identity = excluded.identity, end = excluded.end",
                (run_id, name, identity, head[0], offset + len(data)),
            )
            if data:
                db.execute("INSERT INTO pieces VALUES (?, ?, ?, ?)", (run_id, name, offset, data))
            if keep:
                self._trim(db, run_id, name, offset + len(data) - keep)

    @staticmethod
    def _trim(db: sqlite3.Connection, run_id: str, name: str, before: int) -> None:
        where = "run_id = ? AND name = ? AND offset + length(data) <= ?"
        if db.execute(f"DELETE FROM pieces WHERE {where}", (run_id, name, before)).rowcount:
            first = db.execute("SELECT min(offset) FROM pieces WHERE run_id = ? AND name = ?", (run_id, name))
            db.execute(
                "UPDATE files SET start = coalesce(?, end) WHERE run_id = ? AND name = ?",
                (first.fetchone()[0], run_id, name),
            )

    def forget_file(self, run_id: str, name: str) -> None:
        """Drops a kept copy (the remote file began anew)."""
        with self.transaction() as db:
            self._forget(db, run_id, name)

    @staticmethod
    def _forget(db: sqlite3.Connection, run_id: str, name: str) -> None:
        db.execute("DELETE FROM files WHERE run_id = ? AND name = ?", (run_id, name))

    # other facts of a run: its forecast, paths of its output

    def put_fact(self, run_id: str, name: str, value: Any) -> None:
        """Keeps a JSON value of a run under `name`."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO facts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (run_id, name, json.dumps(value)),
            )

    def fact(self, run_id: str, name: str) -> Any:
        """The JSON value kept under `name`; None if there is none."""
        rows = self.rows("SELECT value FROM facts WHERE run_id = ? AND name = ?", run_id, name)
        return json.loads(rows[0][0]) if rows else None


def newest_names(path: Path, most: int, *, sweeps: bool = False) -> dict[str, str]:
    """{run id: its cluster} of the newest runs in a history, or of its sweeps; empty if there is none.

    For the shell's completion: it is opened for reading only, nothing is migrated or put aside, nothing is said.
    """
    runs = "SELECT run_id, cluster FROM runs WHERE NOT hidden ORDER BY created_at DESC LIMIT ?"
    query = "SELECT sweep_id, cluster FROM sweeps ORDER BY created_at DESC LIMIT ?" if sweeps else runs
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as db,
    ):
        return dict(db.execute(query, (most,)).fetchall())
    return {}


def _unopened(path: Path, exc: Exception) -> StoreError:
    return StoreError(f"The run history {path} cannot be opened: {exc}", "Check its folder.")


def _job(text: str) -> Job:
    known = {f.name for f in dataclasses.fields(Job)}
    return Job(**{k: v for k, v in json.loads(text).items() if k in known})
