"""Logging in to one SSH server: keys, then the server's questions word for word, then a password.

Driven on paramiko's Transport: `SSHClient.connect` falls back to print() and input(), right through the app's screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import paramiko
from paramiko.pkey import PKey

from websight_tui.errors import AuthError, ConnectError
from websight_tui.remote.fallback import NeedsOpenSsh
from websight_tui.remote.port import HostKey, Prompt, Prompter, Unattended
from websight_tui.remote.ssh_config import Hop
from websight_tui.remote.ssh_keys import KeyRing
from websight_tui.remote.ssh_transport import LoginTransport

TRIES: Final = 3
"""How often a wrong password or code may be corrected, as with ssh (NumberOfPasswordPrompts)."""
MAX_KEYS: Final = 5
"""Keys offered to one server: most close the connection after six failures (MaxAuthTries)."""
BANNER_CHARACTERS: Final = 4000
"""The most that is shown of what a server says before the login."""
PERSON_S: Final = 300.0
"""Seconds a person has to answer; servers usually allow 120 (LoginGraceTime)."""
_UNSHOWABLE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_ONLY_OPENSSH: Final = ("gssapi-with-mic", "gssapi-keyex", "hostbased")


class Questions:
    """A Prompter that notes whether the server, rather than this machine, wanted a person."""

    def __init__(self, inner: Prompter) -> None:
        self._inner = inner
        self.attended = not isinstance(inner, Unattended)
        self.asked = False

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        return self._inner.ask(title, instructions, prompts)

    def ask_for_server(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        self.asked = True
        return self._inner.ask(title, instructions, prompts)

    def accept_host_key(self, key: HostKey) -> bool:
        return self._inner.accept_host_key(key)


class _GaveUp(Exception):
    """The person closed the question."""


def authenticate(
    transport: LoginTransport,
    hop: Hop,
    questions: Questions,
    ring: KeyRing,
    begin: Callable[[str], None] = lambda _: None,
) -> None:
    """Logs `transport` in as `hop.user`.

    Args:
        begin: told each method ("publickey") before it is tried.

    Raises: AuthError (refused, or the person gave up), NeedsOpenSsh, ConnectError (the line broke).
    """
    transport.auth_timeout = PERSON_S
    try:
        _Login(transport, hop, questions, ring).run(begin)
    except _GaveUp:
        raise AuthError(f"The login to {hop.address} was given up", "Connect again when you are ready.") from None
    except (paramiko.SSHException, EOFError, OSError) as exc:
        if transport.is_active():
            raise AuthError(f"{hop.address} refused the login: {plain(str(exc))}") from exc
        raise ConnectError(
            f"{hop.address} closed the connection during the login",
            "Too many wrong answers or too slow? Wait a minute, then connect again.",
            retryable=False,
        ) from exc


class _Login:
    def __init__(self, transport: LoginTransport, hop: Hop, questions: Questions, ring: KeyRing) -> None:
        self.transport, self.hop, self.questions, self.ring = transport, hop, questions, ring
        self.keys: Iterator[PKey] = ring.offers(hop, questions, self.accepts_key)
        self.keys_offered = 0
        self.banner_shown = False
        self.allowed: list[str] = []
        self.tried: list[str] = []

    def run(self, begin: Callable[[str], None]) -> None:
        try:
            self.allowed = self.transport.auth_none(self.hop.user)
        except paramiko.BadAuthenticationType as exc:
            self.allowed = list(exc.allowed_types)
        if self.transport.is_authenticated():
            return
        failed: set[str] = set()
        while not self.transport.is_authenticated():
            method = next((m for m in self.hop.methods if m in self.allowed and m not in failed and m in _HOW), None)
            if method is None:
                raise self._refused()
            self.tried.append(method)
            begin(method)
            # A partial success (first factor right) brings a new list; each method gets its chance in it again.
            if _HOW[method](self):
                failed.discard(method)
            else:
                failed.add(method)

    def greeting(self, words: str) -> str:
        """`words` after the server's banner, which comes with the first question only."""
        banner, self.banner_shown = "" if self.banner_shown else plain(self.transport.get_banner() or b"").strip(), True
        return "\n\n".join(text for text in (banner[:BANNER_CHARACTERS], words) if text.strip())

    def with_key(self) -> bool:
        for key in self.keys:
            if self.keys_offered >= MAX_KEYS:
                return False
            self.keys_offered += 1
            try:
                self.allowed = self.transport.auth_publickey(self.hop.user, key) or self.allowed
            except (paramiko.AuthenticationException, paramiko.SSHException):
                if not self.transport.is_active():
                    raise
                continue
            return True
        return False

    def accepts_key(self, blob: bytes) -> bool:
        """Whether the server would take this public key; an answer of no counts as a try, as everywhere."""
        kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii", "replace")
        if self.keys_offered >= MAX_KEYS:
            return False
        accepted = self.transport.would_accept(self.hop.user, kind, blob)
        self.keys_offered += not accepted
        return accepted

    def with_questions(self) -> bool:
        if not self.questions.attended:
            return False

        def answer(title: str, instructions: str, fields: Sequence[tuple[str, bool]]) -> list[str]:
            if not fields and not title.strip() and not instructions.strip():
                return []
            prompts = [Prompt(plain(text), echo) for text, echo in fields]
            words = self.greeting(plain(instructions))
            answers = self.questions.ask_for_server(plain(title) or self.hop.address, words, prompts)
            if answers is None or len(answers) != len(prompts):
                raise _GaveUp
            return answers

        # Even a login without a question may have rung a person's phone.
        self.questions.asked = True
        for _ in range(TRIES):
            try:
                self.allowed = self.transport.auth_interactive(self.hop.user, answer) or self.allowed
            except paramiko.BadAuthenticationType:
                return False
            except paramiko.AuthenticationException:
                if not self.transport.is_active():
                    raise
                continue
            return True
        return False

    def with_password(self) -> bool:
        if not self.questions.attended:
            return False
        note = ""
        for _ in range(TRIES):
            prompt = Prompt(f"{self.hop.user}@{self.hop.hostname}'s password: ")
            answers = self.questions.ask_for_server(self.hop.address, self.greeting(note), [prompt])
            if not answers:
                raise _GaveUp
            try:
                self.allowed = self.transport.auth_password(self.hop.user, answers[0], fallback=False) or self.allowed
            except paramiko.BadAuthenticationType:
                return False
            except paramiko.AuthenticationException:
                if not self.transport.is_active():
                    raise
                note = "Permission denied, please try again."
                continue
            return True
        return False

    def _refused(self) -> AuthError:
        offered = ", ".join(self.allowed) or "nothing"
        if self.ring.skipped_hardware and "publickey" in self.allowed:
            return NeedsOpenSsh(
                f"{self.hop.address} was not satisfied and your hardware key needs the OpenSSH client",
                'Set transport = "openssh" for this cluster, or load the key into ssh-agent.',
            )
        if any(method in self.allowed for method in _ONLY_OPENSSH) and not set(self.allowed) & set(_HOW):
            return NeedsOpenSsh(
                f"{self.hop.address} accepts only {offered}",
                'Set transport = "openssh" for this cluster and get a ticket with `kinit` first.',
            )
        if not self.questions.attended and set(self.allowed) & {"password", "keyboard-interactive"}:
            return AuthError(f"{self.hop.address} wants a person to log in ({offered})", "Connect from the app.")
        keys = f"{self.keys_offered} key{'s' * (self.keys_offered != 1)} offered"
        return AuthError(
            f"{self.hop.address} refused the login (it accepts {offered}; {keys})",
            f"Does `ssh {self.hop.alias}` work in a terminal? Check user, IdentityFile and ssh-agent (`ssh-add -l`).",
        )


_HOW: Final = {
    "publickey": _Login.with_key,
    "keyboard-interactive": _Login.with_questions,
    "password": _Login.with_password,
}


def plain(text: str | bytes) -> str:
    """The server's words without terminal sequences and control characters (line ends stay)."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return _UNSHOWABLE.sub("", words.replace("\r\n", "\n"))
