"""What a command of the trainer says instead of a traceback: what went wrong and what to do about it."""

from __future__ import annotations


class Problem(Exception):
    """An expected failure.

    Args:
        message: one sentence in plain words, without secrets.
        hint: the next step ("" if there is none).
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
