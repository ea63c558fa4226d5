"""Everything that can go wrong, said once: what happened, what to do next, whether trying again can help.

Outside exceptions (paramiko's, sqlite3's, OSError) never leave the module that meets them; they are turned into one of
these at the edge. A front end prints `message` and `hint` and nothing else.
"""

from __future__ import annotations


class WebsightError(Exception):
    """Base of all expected failures.

    Args:
        message: what went wrong, one sentence in plain words, without a traceback and without secrets.
        hint: the next step for the person who reads it ("" if there is none).
        retryable: whether the same call may succeed later with nothing changed.
    """

    retryable = False

    def __init__(self, message: str, hint: str = "", *, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if retryable is not None:
            self.retryable = retryable


class ConfigError(WebsightError):
    """The configuration (or a preset in it) is wrong; the message names file, line, key and what was expected."""


class PresetError(ConfigError):
    """A preset's field is unknown or out of range."""


class RemoteError(WebsightError):
    """A cluster did not do what was asked."""


class ConnectError(RemoteError):
    """No connection could be made (name, route, port, refused)."""

    retryable = True


class AuthError(RemoteError):
    """The login was refused. Never retried without a person: it may prompt, and it may lock the account."""


class HostKeyError(RemoteError):
    """The server's host key is unknown and was not accepted, or it is not the key that is on record."""


class RemoteTimeout(RemoteError):
    """A command or transfer took longer than its limit. Whether it had an effect is not known."""

    retryable = True


class ConnectionLost(RemoteError):
    """The connection broke while it was in use. Whether the last command had an effect is not known."""

    retryable = True


class RemoteFileError(RemoteError):
    """A remote file could not be read or written (missing, permission, disk full, quota)."""


class SchedulerError(RemoteError):
    """Slurm answered with an error; the message is its own reason in plain words."""


class SchedulerUnreachable(SchedulerError):
    """slurmctld (or its database) did not answer. Says nothing about the jobs: they may well be running."""

    retryable = True


class SubmitRejected(SchedulerError):
    """sbatch refused the job. Nothing was queued: change what it names and submit again."""


class SubmitUnknown(SchedulerError):
    """sbatch was sent but its answer never came: the job may or may not exist. Never resubmitted by itself."""


class StoreError(WebsightError):
    """The local run history could not be read or written.

    Args:
        word: what keeps it from being written, in two words ("disk full"); "" where that is not known.
    """

    def __init__(self, message: str, hint: str = "", *, word: str = "") -> None:
        super().__init__(message, hint)
        self.word = word


class BundleError(WebsightError):
    """The trainer's files that are uploaded to clusters could not be found or read."""
