"""The keys that a login may try: from the agent, from files, with certificates, with passphrases."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import paramiko
from paramiko.agent import AgentSSH
from paramiko.pkey import PKey

from websight_tui.remote.port import Prompt, Prompter
from websight_tui.remote.ssh_config import Hop

PASSPHRASE_TRIES: Final = 3
_CLASSES: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_HARDWARE: Final = b"\x00\x00\x00\x1ask-ssh-ed25519@openssh.com", b'\x00\x00\x00"sk-ecdsa-sha2-nistp256@openssh.com'


class KeyRing:
    """Unlocked keys of this process: a passphrase is asked once, however often the line breaks. Only in memory."""

    def __init__(self) -> None:
        self._unlocked: dict[Path, PKey] = {}
        self.skipped_hardware = False
        """Whether a key was passed over because it lives in a hardware token."""

    def offers(self, hop: Hop, prompts: Prompter, acceptable: Callable[[bytes], bool]) -> Iterator[PKey]:
        """Keys in the order to offer them: the agent's, then files without a passphrase, then those that need one.

        Args:
            acceptable: whether the server would take a public key, so that no passphrase is asked in vain.
        """
        wanted = {blob for path in hop.identity_files if (blob := _public_blob(path)) is not None}
        in_agent = _agent_keys(hop.agent)
        configured = [key for key in in_agent if key.blob in wanted]
        yield from configured
        if not hop.identities_only:
            yield from (key for key in in_agent if key.blob not in wanted)
        offered = {key.blob for key in in_agent}
        locked: list[Path] = []
        for path in hop.identity_files:
            if not path.is_file() or _public_blob(path) in offered:
                continue
            if path in self._unlocked:
                yield from _with_certificates(self._unlocked[path], path, hop)
            elif _is_hardware(path):
                self.skipped_hardware = True
            else:
                try:
                    key = _load(path, None)
                except paramiko.PasswordRequiredException:
                    locked.append(path)
                else:
                    yield from _with_certificates(key, path, hop) if key else ()
        for path in locked:
            blobs = [blob for blob in (_public_blob(path), *map(_blob_of_line, _certificates(path, hop))) if blob]
            if blobs and not any(map(acceptable, blobs)):
                continue
            unlocked = self._unlock(path, prompts)
            if unlocked is not None:
                yield from _with_certificates(unlocked, path, hop)

    def _unlock(self, path: Path, prompts: Prompter) -> PKey | None:
        note = ""
        for _ in range(PASSPHRASE_TRIES):
            answers = prompts.ask("Passphrase", note, [Prompt(f"Enter passphrase for key '{path}': ")])
            if not answers or not answers[0]:
                return None
            try:
                key = _load(path, answers[0])
            except paramiko.PasswordRequiredException:
                key = None
            if key is not None:
                self._unlocked[path] = key
                return key
            note = "That passphrase does not open the key."
        return None


def _load(path: Path, passphrase: str | None) -> PKey | None:
    """The key, or None if it is none (or the passphrase is wrong). Raises PasswordRequiredException."""
    for kind in _CLASSES:
        try:
            return kind.from_private_key_file(str(path), passphrase)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError, OSError, IndexError, TypeError):
            continue
    return None


def _with_certificates(key: PKey, path: Path, hop: Hop) -> Iterator[PKey]:
    """The key with each certificate that was issued for it, then bare."""
    body = key.asbytes()
    body = body[4 + int.from_bytes(body[:4], "big") :]
    for certificate in _certificates(path, hop):
        blob = _blob_of_line(certificate)
        if blob is None or body not in blob:
            continue
        try:
            key.load_certificate(str(certificate))
        except (ValueError, paramiko.SSHException, OSError):
            continue
        yield key
    key.public_blob = None
    yield key


def _certificates(path: Path, hop: Hop) -> tuple[Path, ...]:
    return (*hop.certificate_files, path.with_name(path.name + "-cert.pub"))


def _public_blob(path: Path) -> bytes | None:
    """The public half of an identity file: from FILE.pub, or from FILE where that is itself a public key."""
    public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    return _blob_of_line(public)


def _blob_of_line(path: Path) -> bytes | None:
    try:
        return base64.b64decode(path.read_text(encoding="utf-8").split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _is_hardware(path: Path) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        data = base64.b64decode("".join(line for line in lines if not line.startswith("-")))
    except (OSError, ValueError):
        return False
    return any(mark in data for mark in _HARDWARE)


class _AgentAt(AgentSSH):
    """paramiko's agent, at a socket that the configuration names."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(60)  # a person may have to confirm the use of a key
        try:
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]  # the library knows only $SSH_AUTH_SOCK
        except (OSError, paramiko.SSHException):
            connection.close()


def _agent_keys(socket_path: str | None) -> list[paramiko.AgentKey]:
    path = os.environ.get("SSH_AUTH_SOCK") if socket_path is None else socket_path
    if not path or path == "none":
        return []
    return list(_AgentAt(path).get_keys())
