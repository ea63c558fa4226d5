"""Text that is said again and again: the screen changes only where it differs, the layout only with its height."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


def differs(one: Text, other: Text) -> bool:
    """Whether two texts look different; Text's own comparison leaves the style of the whole out."""
    return one.plain != other.plain or one.style != other.style or one.spans != other.spans


def put(widget: Static, text: Text) -> None:
    """Shows `text`; costs next to nothing where it is there already."""
    before = widget.content
    if not isinstance(before, Text):
        widget.update(text)
    elif differs(before, text):
        wraps = widget.styles.text_wrap == "wrap"
        widget.update(text, layout=wraps or before.plain.count("\n") != text.plain.count("\n"))
