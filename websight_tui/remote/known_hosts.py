"""OpenSSH's known_hosts files: found, judged and added to. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from websight_tui.errors import HostKeyError

Verdict = Literal["known", "unknown", "changed", "revoked"]
SSH_PORT: Final = 22


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a known_hosts file that names the host.

    Args:
        path, line: where it stands (from 1).
        marker: "", "@cert-authority" or "@revoked".
        kind: key type, e.g. "ssh-ed25519".
        key: base64.
    """

    path: Path
    line: int
    marker: str
    kind: str
    key: str


def host_name(host: str, port: int) -> str:
    """The host as known_hosts writes it: "host", or "[host]:port" off port 22."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def fingerprint(key: str) -> str:
    """ "SHA256:…" of a base64 key, as `ssh-keygen -lf` prints it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def find(files: Iterable[Path], name: str) -> list[Entry]:
    """All lines for `name` in `files`; files that are missing or unreadable count as empty."""
    entries: list[Entry] = []
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            marker = fields.pop(0) if fields[0].startswith("@") else ""
            if len(fields) >= 3 and _matches(fields[0], name):
                entries.append(Entry(path, number, marker, fields[1], fields[2]))
    return entries


def judge(entries: Sequence[Entry], kind: str, key: str) -> tuple[Verdict, Entry | None]:
    """What `entries` say about a server that showed `key`, with the line that decided.

    As OpenSSH does: another key of the same type means "changed"; only other types mean "unknown".
    """
    plain = [entry for entry in entries if not entry.marker]
    for entry in entries:
        if entry.marker == "@revoked" and entry.key == key:
            return "revoked", entry
    for entry in plain:
        if entry.key == key:
            return "known", entry
    changed = next((entry for entry in plain if entry.kind == kind), None)
    return ("changed", changed) if changed else ("unknown", None)


def remember(path: Path, name: str, kind: str, key: str, *, hashed: bool) -> None:
    """Appends a line to `path`, made with its folder for this user alone if it is new.

    Raises: HostKeyError if it cannot be written.
    """
    shown = _hashed(name) if hashed else name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as stream:  # noqa: PTH123
            size = stream.seek(0, os.SEEK_END)
            newline = b""
            if size:
                stream.seek(size - 1)
                newline = b"" if stream.read(1) == b"\n" else b"\n"
            stream.write(newline + f"{shown} {kind} {key}\n".encode())
    except OSError as exc:
        raise HostKeyError(
            f"The host key cannot be written to {path}: {exc.strerror}", "Make that file writable, then connect again."
        ) from exc


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        parts = patterns.split("|")
        try:
            salt, digest = base64.b64decode(parts[2]), base64.b64decode(parts[3])
        except (IndexError, ValueError):
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
    found = False
    for pattern in patterns.lower().split(","):
        # Brackets stand for themselves in known_hosts ("[host]:port"), not for a set of characters.
        glob = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatch.fnmatchcase(name, glob):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _hashed(name: str) -> str:
    salt = secrets.token_bytes(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
