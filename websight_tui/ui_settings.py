"""[ui] of config.toml: how the app looks, and how it calls a person who looks elsewhere. Quiet by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from websight_tui.toml_reading import Where

SYMBOLS: Final = ("auto", "unicode", "ascii")
DESKTOP: Final = ("off", "auto", "osc9", "osc777", "osc99")


@dataclass(frozen=True, slots=True)
class Ui:
    """The settings.

    Args:
        theme: one of the app's themes or of Textual's; "auto" takes one that the terminal can show.
        symbols: auto (by terminal and locale), unicode or ascii.
        title: keep the terminal's title on the newest run under way.
        bell: ring when a verdict changes, and when a run ends or fails.
        desktop: ask the terminal for a desktop notification then: off, auto, or the sequence that it knows.
        webhook: address that gets a message then; "" for none. It may hold a token: never shown or logged whole.
    """

    theme: str = "auto"
    symbols: str = "auto"
    title: bool = True
    bell: bool = False
    desktop: str = "off"
    webhook: str = ""


def read_ui(where: Where, data: Mapping[str, Any]) -> Ui:
    """The settings of a [ui] table. Raises ConfigError naming file, line, key and what was expected."""
    at, plain = ("ui",), Ui()
    where.known(at, data, ("theme", "symbols", "title", "bell", "desktop", "webhook"))
    for key in ("title", "bell"):
        if not isinstance(data.get(key, False), bool):
            raise where.error(at, key, "true or false", data[key])
    for key, known in (("symbols", SYMBOLS), ("desktop", DESKTOP)):
        if data.get(key, known[0]) not in known:
            raise where.error(at, key, f"one of {', '.join(known)}", data[key])
    webhook = where.text(at, data, "webhook", "")
    if problem := webhook_problem(webhook):
        raise where.error(at, "webhook", problem, shown(webhook))
    return Ui(
        theme=where.text(at, data, "theme", plain.theme),
        symbols=str(data.get("symbols", plain.symbols)),
        title=bool(data.get("title", plain.title)),
        bell=bool(data.get("bell", plain.bell)),
        desktop=str(data.get("desktop", plain.desktop)),
        webhook=webhook,
    )


_SCHEMES: Final = ("https", "http", "ntfy+https", "ntfy+http")
_HERE: Final = ("localhost", "127.0.0.1", "::1")


def webhook_problem(text: str) -> str:
    """What is expected instead of an address; "" if it is good. Plain http carries its token in the clear."""
    if not text:
        return ""
    expected = "an address such as https://ntfy.sh/my-topic or https://hooks.example.org/…"
    if not text.isprintable() or any(char.isspace() for char in text):
        return expected
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # a port that is no number raises here
    except ValueError:
        return expected
    if parts.scheme not in _SCHEMES or not host:
        return expected
    if parts.scheme.endswith("http") and host not in _HERE:
        return "an https:// address (plain http would show its token to everybody on the way)"
    return ""


def shown(webhook: str) -> str:
    """The address without what may be secret in it: "https://ntfy.sh/…"."""
    if not webhook:
        return "none"
    try:
        parts = urlsplit(webhook)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or '…'}{port}/…"
    except ValueError:
        return "…"
