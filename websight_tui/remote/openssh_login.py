"""The dialogue of an OpenSSH login: its questions brought to the Prompter, its errors put in our words."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import socket
import sys
import threading
from pathlib import Path

from websight_tui.errors import AuthError, ConnectError, HostKeyError, RemoteError
from websight_tui.remote import askpass
from websight_tui.remote.port import HostKey, Prompt, Prompter

_KINDS = {"ED25519": "ssh-ed25519", "RSA": "ssh-rsa", "ECDSA": "ecdsa-sha2-nistp256"}


class Questions:
    """Answers ssh's questions during one login. Use as a context.

    Args:
        folder: private folder for the socket and the helper.
        prompts: who is asked.
    """

    def __init__(self, folder: Path, prompts: Prompter, address: str) -> None:
        self._folder, self._prompts, self._address = folder, prompts, address
        self.asked = False
        self.refused_key = False
        self.gave_up = False
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._one_at_a_time = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What makes ssh ask through us, and never on the terminal that the app owns."""
        return {
            "SSH_ASKPASS": str(self._folder / "ask"),
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": ":0",  # clients before 8.4 ask the helper only where there seems to be a display
            askpass.VARIABLE: str(self._folder / "q"),
        }

    def __enter__(self) -> Questions:
        helper = self._folder / "ask"
        program = shlex.join([sys.executable, "-I", "-S", str(Path(askpass.__file__))])
        helper.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        helper.chmod(0o700)
        self._server.bind(str(self._folder / "q"))
        self._server.listen(4)
        threading.Thread(target=self._serve, name="ssh-askpass", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._server.accept()
                threading.Thread(target=self._one, args=(line,), name="ssh-askpass-one", daemon=True).start()

    def _one(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError), line, self._one_at_a_time:
            question = json.loads(line.makefile("rb").readline())
            reply = self._answer(str(question["prompt"]), str(question["kind"]))
            line.sendall(json.dumps(reply).encode() + b"\n")

    def _answer(self, text: str, kind: str) -> str | None:
        if key := host_key_in(text):
            accepted = self._prompts.accept_host_key(key)
            self.refused_key = self.refused_key or not accepted
            return "yes" if accepted else "no"
        self.asked = True
        if kind == "none" or self.gave_up:
            # "Touch your key": there is nothing to type, and ssh ends the helper when it was touched.
            if not self.gave_up:
                self._prompts.ask(self._address, text, [])
            return None
        echo = kind == "confirm" or "yes/no" in text
        *above, last = text.rstrip("\n").split("\n")
        answers = self._prompts.ask(self._address, "\n".join(above), [Prompt(last, echo)])
        if not answers:
            self.gave_up = True
            return None
        return answers[0]


def host_key_in(text: str) -> HostKey | None:
    """The unknown key that ssh asks about, if that is what it asks."""
    host = re.search(r"authenticity of host '(\S+)(?: \([^)]*\))?' can't be established", text)
    key = re.search(r"^(\S+) key fingerprint is (SHA256:\S+?)\.?$", text, re.MULTILINE)
    if host is None or key is None:
        return None
    return HostKey(host[1], _KINDS.get(key[1], key[1]), key[2])


def failure(stderr: str, address: str, alias: str, questions: Questions | None) -> RemoteError:
    """ssh's last words as one of our errors."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else "ssh ended without a word"
    if "HOST IDENTIFICATION HAS CHANGED" in stderr:
        place = re.search(r"Offending \S+ key in (\S+):(\d+)", stderr)
        where = f"{place[1]}, line {place[2]}" if place else "known_hosts"
        return HostKeyError(
            f"The host key of {address} is not the one in {where}",
            "Someone may be listening in, or the server was reinstalled. Ask the administrators for its fingerprint; "
            "if the new one is right, remove that line and connect again.",
        )
    if "Host key verification failed" in stderr or (questions and questions.refused_key):
        return HostKeyError(
            f"The host key of {address} is unknown and was not accepted",
            "Compare it with the fingerprint that the cluster's documentation gives, then connect again.",
        )
    if questions and questions.gave_up:
        return AuthError(f"The login to {address} was given up", "Connect again when you are ready.")
    if "Permission denied" in stderr or "Too many authentication failures" in stderr:
        offered = re.search(r"Permission denied \(([^)]*)\)", stderr)
        if questions is None:
            return AuthError(
                f"{address} wants a person to log in ({offered[1] if offered else 'password'})", "Connect from the app."
            )
        return AuthError(f"{address} refused the login: {last}", f"Does `ssh {alias}` work in a terminal?")
    return ConnectError(f"{address} cannot be reached: {last}", f"`ssh -v {alias}` in a terminal tells more.")
