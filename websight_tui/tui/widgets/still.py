"""Text that is said again and again: the screen changes only where it differs, the layout only with its height."""

from __future__ import annotations

from rich.text import Text
from textual.content import Content
from textual.widget import Widget
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


def entitle(widget: Widget, title: Text | str | None = None, subtitle: Text | str | None = None) -> None:
    """Sets what stands in a frame's upper and lower edge, where it is not there already; None leaves it alone.

    Textual draws the whole widget anew for every title that is set, equal or not.
    """
    if title is not None and _markup(title) != (widget.border_title or ""):
        widget.border_title = _content(title)
    if subtitle is not None and _markup(subtitle) != (widget.border_subtitle or ""):
        widget.border_subtitle = _content(subtitle)


def _content(said: Text | str) -> Content:
    return Content.from_rich_text(said) if isinstance(said, Text) else Content(said)


def _markup(said: Text | str) -> str:
    return _content(said).markup
