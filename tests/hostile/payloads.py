"""Text that a hostile cluster could send, and what must not come of it on a terminal.

Every sequence below carries a mark that no terminal program writes by itself ("31337" as a parameter, "EVIL" inside a
string), so that one byte stream, the app's own sequences included, can be searched for those that came from outside.
"""

from __future__ import annotations

import re
from typing import Final

SEQUENCES: Final = (
    "\x1b]52;c;EVILCLIPBOARD\x07",  # writes the clipboard
    "\x1b]0;EVILTITLE\x07",
    "\x1b]2;EVILTITLE\x1b\\",
    "\x1b]8;;http://EVIL.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]9;EVILNOTICE\x07",
    "\x1b]1337;File=EVIL:AAAA\x07",
    "\x9d52;c;EVILCLIPBOARD\x9c",  # the same in C1
    "\x1bPEVIL$q\x1b\\",  # DCS: terminals answer it on standard input
    "\x1b_EVIL\x1b\\",
    "\x1b[2;31337J",  # clears
    "\x1b[31337H",
    "\x1b[31337A",
    "\x1b[31337m",
    "\x1b[?31337h",
    "\x1b[31337;2t",  # reports the window's title as input
    "\x1b[31337n",
    "\x9b31337J",
    "\x1bc",  # full reset
    "\x00",
    "\x07",
    "\x08\x08\x08",
    "\x7f",
    "\x0b\x0c",
    "\u202eREVERSED\u202c",
    "\u2066\u2069\u200b\u2028\u2029\ufeff",
    "[bold red]markup[/bold red]",
    "[/foo]",
    "[@click=app.quit]click[/]",
    "[link=file:///etc/passwd]x[/link]",
    "\\[\\",
    "<script>EVIL()</script>\"><img src=x onerror=EVIL()>' onload=EVIL() --><!--]]>",
    "[a](javascript:EVIL()) ![b](http://EVIL.example/x.png) | `c` \n# heading",
    "{0} %s %n $(id) `id` ;|&<>'\"",
)

EVIL: Final = "".join(SEQUENCES)
RAW: Final = EVIL.encode("utf-8") + b"\xff\xfe\xc3(\xed\xa0\x80\x9b31337J\x9d0;EVIL\x07"
"""The same as bytes, with some that are no UTF-8."""

_STRINGS: Final = re.compile(r"\x1b[\]PX^_](.*?)(?:\x07|\x1b\\|\Z)", re.DOTALL)
_CSI: Final = re.compile(r"\x1b\[([0-?]*)[ -/]*[@-~]")
_UNSEEN: Final = re.compile("[\x00\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def harm(output: bytes, *, terminal: bool = True) -> list[str]:
    """What of the hostile text got through as more than text.

    Args:
        output: all that a program wrote.
        terminal: the program draws a screen, so it may write sequences of its own; else any is an offence.
    """
    found: list[str] = []
    try:
        text = output.decode("utf-8")
    except UnicodeDecodeError as exc:
        found.append(f"no UTF-8: {output[max(0, exc.start - 20) : exc.end + 20]!r}")
        text = output.decode("utf-8", "replace")
    found += [f"string: {match[0][:60]!r}" for match in _STRINGS.finditer(text) if "EVIL" in match[1]]
    found += [f"control: {match[0]!r}" for match in _CSI.finditer(text) if "31337" in match[1]]
    found += [f"unseen: {text[max(0, m.start() - 20) : m.end() + 20]!r}" for m in _UNSEEN.finditer(text)]
    found += ["reset: ESC c"] * ("\x1bc" in text)
    if not terminal:
        found += [f"escape: {text[m.start() : m.start() + 20]!r}" for m in re.finditer("[\x1b\x07\x08\x0b\x0c]", text)]
    return found


def visible(output: bytes) -> str:
    """The words in an output, without its sequences."""
    text = output.decode("utf-8", "replace")
    return _CSI.sub("", _STRINGS.sub("", text))
