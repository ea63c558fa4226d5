"""The cluster's memory: jobs and a few values in one SQLite file, written before anything is done about them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from websight_tui.pocket.model import Job, job_from_data, job_to_data


class Database:
    """Jobs on disk. Used from the daemon's one thread.

    Args:
        path: the file; made if missing.
    """

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, data TEXT NOT NULL)")
        self._file.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")

    def jobs(self) -> list[Job]:
        """All jobs ever, by id."""
        return [job_from_data(json.loads(row[0])) for row in self._file.execute("SELECT data FROM jobs ORDER BY id")]

    def save(self, jobs: Iterable[Job]) -> None:
        """Writes these jobs in one transaction."""
        rows = [(job.job_id, json.dumps(job_to_data(job))) for job in jobs]
        if rows:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR REPLACE INTO jobs VALUES (?, ?)", rows)
            self._file.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        """A stored value."""
        row = self._file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_fact(self, name: str, value: str) -> None:
        """Stores a value."""
        self._file.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self._file.close()
