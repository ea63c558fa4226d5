"""The tables of the run history, version by version: what each version of the program added to the file."""

from __future__ import annotations

import sqlite3
from typing import Final

_FIRST: Final = """
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY, cluster TEXT NOT NULL, created_at REAL NOT NULL, spec TEXT NOT NULL,
  hidden INTEGER NOT NULL DEFAULT 0);
CREATE TABLE submissions (
  token TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, at REAL NOT NULL,
  outcome TEXT NOT NULL, text TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
  job_id TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '', settled_at REAL);
CREATE INDEX submissions_run ON submissions (run_id);
CREATE TABLE jobs (
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, job_id TEXT NOT NULL, position INTEGER NOT NULL,
  job TEXT NOT NULL, last_seen REAL, PRIMARY KEY (run_id, job_id));
CREATE TABLE files (
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL, identity TEXT NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (run_id, name));
CREATE TABLE pieces (
  run_id TEXT NOT NULL, name TEXT NOT NULL, offset INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (run_id, name, offset),
  FOREIGN KEY (run_id, name) REFERENCES files ON DELETE CASCADE) WITHOUT ROWID;
CREATE TABLE facts (
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (run_id, name));
"""
_VERDICTS: Final = """
CREATE TABLE verdicts (
  run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, at REAL NOT NULL, verdict TEXT NOT NULL,
  job_id TEXT NOT NULL, step INTEGER NOT NULL, total_steps INTEGER NOT NULL,
  finish_at REAL, deadline REAL, reason TEXT NOT NULL);
CREATE INDEX verdicts_run ON verdicts (run_id, at);
"""
_SWEEPS: Final = """
CREATE TABLE sweeps (sweep_id TEXT PRIMARY KEY, cluster TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE sweep_runs (
  sweep_id TEXT NOT NULL REFERENCES sweeps ON DELETE CASCADE, position INTEGER NOT NULL, run_id TEXT NOT NULL,
  spec TEXT NOT NULL, PRIMARY KEY (sweep_id, position));
"""
MIGRATIONS: Final = (_FIRST, _VERDICTS, _SWEEPS)
"""What brings a file from version N to N + 1. Only ever appended to: files of every version are out there."""
TABLES: Final = ("runs", "submissions", "jobs", "files", "pieces", "facts", "verdicts", "sweeps", "sweep_runs")
SCHEMA_VERSION: Final = len(MIGRATIONS)


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Brings a history of `version` (0: an empty file) up to SCHEMA_VERSION, inside the caller's transaction."""
    for script in MIGRATIONS[version:]:
        for statement in script.split(";\n"):
            if statement.strip():
                db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
