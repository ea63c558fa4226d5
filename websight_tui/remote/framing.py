"""Puts a command into a shell on the other side so that only its own output comes back.

An account may have any login shell (bash, zsh, tcsh, fish), start-up files that print, and a PATH that only a login
shell knows. So every command runs in `/bin/sh`, between markers that nothing else prints, and travels in characters
that no shell interprets. The same line serves SSH (where the account's shell reads it) and this machine.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from websight_tui.errors import ConnectError
from websight_tui.remote.port import ExecResult, Hear

Shell = Literal["plain", "bash", "user"]
"""Who runs a command: the plain exec of the server, `bash -lc`, or the account's own shell as a login shell."""

PROBE: Final = "echo ready; command -v sbatch"
"""Says that commands run at all, and succeeds where those of Slurm are found."""

# LC_ALL=C keeps Slurm's and the system's words in English; printf %b undoes `_encode`.
_WRAPPER: Final = (
    r'printf "\n%s\n" "$1"; printf "\n%s\n" "$1" >&2; LC_ALL=C /bin/sh -c "$(printf %b "$3")"; s=$?; '
    r'printf "%s:%s\n" "$2" "$s"; printf "%s:" "$2" >&2; exit "$s"'
)
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9 _./:=,@%+$(){}\[\]<>|&;*?#~^\"-]")


@dataclass(frozen=True, slots=True)
class Framed:
    """A command ready to send.

    Args:
        line: one line of shell for the other side.
        begin, end: the markers around the command's own output.
    """

    line: str
    begin: bytes
    end: bytes

    def finished(self, stdout: bytes | bytearray, stderr: bytes | bytearray) -> bool:
        """Whether the ends of both streams have arrived, if nothing was printed after them.

        Then there is nothing to wait for, although something that the command left behind may keep the streams open.
        """
        return self.end + b":" in stdout[-80:] and stdout.endswith(b"\n") and self.end + b":" in stderr[-80:]

    def cut(self, stdout: bytes, stderr: bytes, status: int) -> ExecResult:
        """The command's own output and exit status out of all that came back.

        Args:
            status: what the channel said; used only if the command's shell was killed before it could report.
        """
        _, _, after = stdout.rpartition(self.end + b":")  # no expression: Python would keep one for each command
        number, line_end, _ = after.partition(b"\n")
        if line_end and len(number) < 10 and number.isdigit():
            status = int(number)
        return ExecResult(status, self._inner(stdout), self._inner(stderr))

    def _inner(self, data: bytes) -> str:
        before, mark, after = data.partition(b"\n" + self.begin + b"\n")
        inner = after if mark else before
        at = inner.rfind(self.end + b":")
        return (inner if at < 0 else inner[:at]).decode("utf-8", "replace")


class Lines:
    """A command's whole lines, handed on while more is still to come.

    Args:
        hear: gets each line between the markers, without its end.
    """

    def __init__(self, framed: Framed, hear: Hear) -> None:
        self._begin, self._end, self._hear = b"\n" + framed.begin + b"\n", framed.end + b":", hear
        self._at: int | None = None

    def look(self, stdout: bytes | bytearray) -> None:
        """Hands on what is new in `stdout`, all that has come so far."""
        if self._at is None:
            if (found := stdout.find(self._begin)) < 0:
                return
            self._at = found + len(self._begin)
        while (end := stdout.find(b"\n", self._at)) >= 0:
            line, mark, _ = bytes(stdout[self._at : end]).partition(self._end)
            if mark:
                return
            self._at = end + 1
            self._hear(line.decode("utf-8", "replace"))


def frame(command: str, shell: Shell = "plain") -> Framed:
    """`command` between fresh markers, for the given shell."""
    token = f"wst{secrets.token_hex(12)}"
    begin, end = f"{token}b", f"{token}e"
    line = f"exec /bin/sh -c '{_WRAPPER}' sh {begin} {end} '{_encode(command)}'"
    if shell == "bash":
        line = f"exec bash -lc {shlex.quote(line)}"
    elif shell == "user":
        line = f'exec "$SHELL" -lc {shlex.quote(line)}'
    return Framed(line, begin.encode(), end.encode())


def wished_shell(login_shell: bool | None) -> Shell | None:
    """The configuration's `login_shell` as a Shell; None where it is to be found out."""
    if login_shell is None:
        return None
    return "bash" if login_shell else "plain"


def find_shell(run: Callable[[str, Shell], ExecResult]) -> Shell:
    """Finds out, with at most three commands, which shell knows Slurm; "plain" if none does.

    Args:
        run: runs a command through the given shell.

    Raises: ConnectError if the account runs no commands at all (no shell, an expired password).
    """
    plain = run(PROBE, "plain")
    if not plain.stdout.startswith("ready"):
        words = (plain.stdout + plain.stderr).strip()
        raise ConnectError(
            f"The login works, but the account runs no commands: {words[:200] or 'no answer'}",
            "Log in once in a terminal; a password may have expired, or terms wait to be accepted.",
            retryable=False,
        )
    if plain.exit == 0:
        return "plain"
    logins: tuple[Shell, ...] = ("bash", "user")
    return next((shell for shell in logins if run(PROBE, shell).exit == 0), "plain")


def _encode(text: str) -> str:
    """Everything that a shell might interpret between single quotes, as octal escapes of printf's %b."""
    return _UNSAFE.sub(lambda found: rb"\0%03o" % found[0][0], text.encode("utf-8", "surrogateescape")).decode("ascii")
