"""A job's raw output as lines that are safe to show: what a terminal would show, and nothing a terminal would do.

Carriage returns, backspaces, cursor up and down and erase-in-line are applied, so a progress bar is one line in its
last state and two bars are two lines. Colours are kept as inks beside the text (metrics.ink). Every other control
sequence, C0 and C1 byte and bidirectional control is dropped.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from websight_tui.metrics.ink import MOST_SPANS, PLAIN, Span, changed, painted
from websight_tui.metrics.kept_lines import Lines
from websight_tui.metrics.terminal_row import MAX_COLUMNS, Row, over

_PIECE: Final = 1 << 18
_PENDING: Final = 4096
_EDITED_AFTER: Final = 4
"""Control sequences on one line after which it is taken apart into characters; most lines have fewer."""

# C0 without BEL, BS, TAB, LF, CR and ESC, which mean something
_DROP_BYTES: Final = bytes(b for b in (*range(0x20), 0x7F) if b not in (0x07, 0x08, 0x09, 0x0A, 0x0D, 0x1B))
# C1, zero-width and bidirectional controls, separators that some widgets take for a line end, byte order mark
_DROP_TEXT: Final = re.compile(
    "[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CONTROL: Final = re.compile(
    "(?P<unfinished>\x1b(?:\\[[0-9:;<=>?]{0,64}[ -/]{0,8}|[\\]PX^_][^\x07\x1b\r\n]*\x1b?|[ -/]{0,8})\\Z)"
    "|\x1b\\[(?P<parameters>[0-9:;<=>?]{0,64})(?P<between>[ -/]{0,8})(?P<final>[@-~])"  # CSI
    "|\x1b[\\]PX^_][^\x07\x1b\r\n]*(?:\x07|\x1b\\\\|(?=[\x1b\r\n]))"  # OSC, DCS, SOS, PM, APC; never over a line end
    "|\x1b[ -/]{0,8}[0-Z\\\\`-~]"  # other escapes
    "|[\x07\x1b]"
)
_SGR: Final = re.compile("\x1b\\[([0-9;:]{0,64})m")
_STRING_END: Final = re.compile("\x07|\x1b\\\\|(?=[\r\n])|(?=\x1b[^\\\\])")
_WHITE: Final = re.compile(r"\s+")


class TerminalText:
    """The last lines of an endless output, as a terminal would show them.

    Args:
        max_lines: lines kept; older ones are counted in `dropped`.

    `lines` holds them oldest first, the unfinished last line included; `inks` the colours of those that have some, by
    their number counted from the output's first line. `version` grows with every change.
    """

    def __init__(self, max_lines: int = 5000) -> None:
        self._rows: deque[str] = deque([""])
        self._max = max(1, max_lines)
        self._up = 0
        self._column = 0
        self._row: Row | None = None
        self._ink = PLAIN
        self._inks: dict[int, tuple[Span, ...]] = {}
        self._pending = ""
        self._skipping = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._dropped = 0
        self.version = 0

    @property
    def lines(self) -> Sequence[str]:
        """The lines now, oldest first; without the empty line after a last newline."""
        return Lines(self._rows, self._hidden, len(self._rows) - (not self._rows[-1]))

    @property
    def inks(self) -> Mapping[int, tuple[Span, ...]]:
        """The coloured pieces of lines, by line number: that of `lines[0]` is `dropped`."""
        return self._inks

    @property
    def number(self) -> int:
        """The number of the line that is written now."""
        return self._dropped + len(self._rows) - 1 - self._up

    @property
    def dropped(self) -> int:
        """Lines that were there before `lines[0]`."""
        return self._dropped + self._hidden

    @property
    def _hidden(self) -> int:
        return int(len(self._rows) > self._max and self._rows[-1] != "")

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the output, cut anywhere."""
        for start in range(0, len(data), _PIECE):
            text = self._decoder.decode(data[start : start + _PIECE].translate(None, _DROP_BYTES))
            if not text.isascii():
                if "\x9b" in text:
                    text = text.replace("\x9b", "\x1b[")
                if "\x9d" in text:
                    text = text.replace("\x9d", "\x1b]")
                text = _DROP_TEXT.sub("", text)
            self._text(text)
            self._trim()
        if data:
            self.version += 1

    def _text(self, text: str) -> None:
        if self._pending:
            text, self._pending = self._pending + text, ""
        if self._skipping:
            end = _STRING_END.search(text)
            if end is None:
                self._pending = "\x1b" if text.endswith("\x1b") else ""
                return
            self._skipping = False
            text = text[end.end() :]
        if not _has_control(text):
            self._run(text)
            return
        # line by line: of the lines with controls, most hold nothing but colours, and those go quickly
        *lines, rest = text.split("\n")
        plain: list[str] = []
        for line in lines:
            if not _has_control(line):
                plain.append(line)
                continue
            if plain:
                self._run("\n".join(plain) + "\n")
                plain.clear()
            if not self._coloured(line):
                self._controls(f"{line}\n")
        if plain:
            self._run("\n".join(plain) + "\n")
        self._controls(rest)

    def _controls(self, text: str) -> None:
        position = since = 0
        for found in _CONTROL.finditer(text):
            if found.start() > position:
                self._run(text[position : found.start()])
            position = found.end()
            since += 1
            if since == _EDITED_AFTER:
                self._open()
            unfinished, parameters, between, final = found.groups()
            if unfinished:
                self._hold(unfinished)
            elif final == "m":
                if not between:
                    self._ink = changed(self._ink, parameters)
            elif final:
                if final in "AB":
                    self._close()
                    since = 0
                self._cursor(final, parameters)
        self._run(text[position:])
        self._close()

    def _open(self) -> Row:
        """The line that is written now, taken apart until the cursor leaves it."""
        if self._row is None:
            self._row = Row(self._rows[-1 - self._up], self._inks.get(self.number, ()))
        return self._row

    def _close(self) -> None:
        """Puts the line that was taken apart together again."""
        if self._row is not None:
            row, self._row = self._row, None
            self._rows[-1 - self._up] = row.text()
            self._keep(self.number, row.spans())

    def _coloured(self, line: str) -> bool:
        """Takes a whole new line whose only controls are colours; False, and nothing done, if it is not such a one."""
        if self._up or self._column or self._rows[-1] or "\r" in line or "\t" in line or len(line) > MAX_COLUMNS:
            return False
        texts, figures = (parts := _SGR.split(line))[::2], parts[1::2]
        if _has_control(row := "".join(texts)):
            return False
        ink, end, spans = self._ink, 0, list[Span]()
        for index, text in enumerate(texts):
            if index:
                ink = changed(ink, figures[index - 1])
            start, end = end, end + len(text)
            if start == end or ink == PLAIN:
                continue
            if spans and spans[-1].end == start and spans[-1].ink == ink:
                spans[-1] = spans[-1]._replace(end=end)
            elif len(spans) < MOST_SPANS:
                spans.append(Span(start, end, ink))
        self._ink = ink
        self._keep(self.number, tuple(spans))
        self._rows[-1] = row
        self._rows.append("")
        return True

    def _hold(self, unfinished: str) -> None:
        """Keeps a sequence that may go on in the next bytes; of an endless one only that it is one."""
        self._skipping = len(unfinished) > _PENDING
        self._pending = unfinished if not self._skipping else "\x1b" if unfinished.endswith("\x1b") else ""

    def _run(self, text: str) -> None:
        """Writes text that holds no control but backspace, TAB, CR and LF."""
        if not text:
            return
        end = text.find("\n")
        if end < 0:
            self._write(text)
            return
        self._write(text[:end])
        start = end + 1
        while self._up and (end := text.find("\n", start)) >= 0:
            self._newline()
            self._write(text[start:end])
            start = end + 1
        self._newline()
        *whole, rest = text[start:].split("\n")
        if self._up:
            self._write(rest)
            return
        coloured = self._ink != PLAIN
        for line in whole:
            if coloured or "\r" in line or "\t" in line or len(line) > MAX_COLUMNS:
                self._write(line)
                self._newline()
            else:
                self._rows[-1] = line
                self._rows.append("")
        if rest:
            self._write(rest)

    def _write(self, text: str) -> None:
        """Writes over the current line from the current column on; CR goes back to its begin."""
        if not text:
            return
        if self._row is not None or "\x08" in text:
            self._column = self._open().write(self._column, text, self._ink)
            return
        first, *rest = text.split("\r")
        row = self._rows[-1 - self._up]
        if self._ink != PLAIN or self.number in self._inks:
            self._write_ink(row, first, rest)
            return
        if first:
            row, self._column = over(row, self._column, first)
        if rest:
            if "\t" in text:
                for part in rest:
                    row, self._column = over(row, 0, part)
            else:
                shown = rest[-1]
                for part in reversed(rest):
                    if len(part) > len(shown):
                        shown += part[len(shown) :]
                row = (shown + row[len(shown) :])[:MAX_COLUMNS]
                self._column = min(len(rest[-1]), MAX_COLUMNS)
        self._rows[-1 - self._up] = row

    def _write_ink(self, row: str, first: str, rest: Sequence[str]) -> None:
        """As `_write`, for a line that has colours or gets some."""
        number = self.number
        spans = self._inks.get(number, ())
        for index, part in enumerate((first, *rest)):
            if index == 0 and not part:
                continue  # nothing is written where the cursor stands, which may be beyond the line's end
            begin = self._column if index == 0 else 0
            row, self._column = over(row, begin, part)
            spans = painted(spans, begin, self._column, self._ink)
        self._rows[-1 - self._up] = row
        self._keep(number, spans)

    def _keep(self, number: int, spans: tuple[Span, ...]) -> None:
        if spans:
            self._inks[number] = spans
        else:
            self._inks.pop(number, None)

    def _newline(self) -> None:
        self._close()
        self._column = 0
        if self._up:
            self._up -= 1
        else:
            self._rows.append("")

    def _trim(self) -> None:
        while len(self._rows) > self._max + 1:
            self._rows.popleft()
            self._inks.pop(self._dropped, None)
            self._dropped += 1

    def _cursor(self, what: str, parameters: str) -> None:
        count = int(parameters[:4]) if parameters[:4].isdigit() else 0
        if what == "A":
            self._up = min(self._up + max(1, count), len(self._rows) - 1, self._max - 1)
        elif what == "B":
            self._up = max(0, self._up - max(1, count))
        elif what == "K" and self._row is not None:
            self._row.erase(self._column, count)
        elif what == "K":
            row = self._rows[-1 - self._up]
            keep_left = count == 0
            blank = " " * min(self._column, len(row)) + row[self._column :] if count == 1 else ""
            self._rows[-1 - self._up] = row[: self._column] if keep_left else blank
            if spans := self._inks.get(self.number):
                start, end = (0, self._column) if count == 1 else (self._column if keep_left else 0, MAX_COLUMNS)
                self._keep(self.number, painted(spans, start, end, PLAIN))


def _has_control(text: str) -> bool:
    return "\x1b" in text or "\x08" in text or "\x07" in text


def plain(text: str, limit: int = 500) -> str:
    """Any remote text as one line that is safe to show: no control sequence, no bidi control, no line end.

    Args:
        limit: characters; a longer text ends in "…".
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # almost every text that comes
    text = text[: 4 * limit + 64]
    text = text.replace("\x9b", "\x1b[").replace("\x9d", "\x1b]")
    if "\x1b" in text:
        text = _CONTROL.sub("", text)
    if not text.isascii():
        text = _DROP_TEXT.sub("", text).encode("utf-8", "replace").decode("utf-8")
    text = "".join(c if c >= " " and c != "\x7f" else " " for c in text)
    text = _WHITE.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
