"""Prose with figures in it, wrapped as the pages around it are."""

from __future__ import annotations

import textwrap


def paragraph(text: str) -> str:
    """The words, wrapped anew at 118 characters."""
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False)
