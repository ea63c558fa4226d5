"""known_hosts, as OpenSSH's own tools write and read it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh
import pytest

from websight_tui.errors import HostKeyError
from websight_tui.remote import known_hosts


def key() -> tuple[str, str]:
    kind, text = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2]
    return kind, text


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("login.edu", "login.edu", True),
        ("Login.EDU", "login.edu", True),
        ("login.edu,10.0.0.1", "10.0.0.1", True),
        ("*.edu", "login.edu", True),
        ("*.edu,!login.edu", "login.edu", False),
        ("login?.edu", "login1.edu", True),
        ("[login.edu]:2222", "[login.edu]:2222", True),
        ("[*.edu]:2222", "[login.edu]:2222", True),
        ("login.edu", "[login.edu]:2222", False),
        ("[login.edu]:2222", "login.edu", False),
        ("[abc]", "a", False),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, name: str, found: bool) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"{pattern} ssh-ed25519 AAAA\n")
    assert bool(known_hosts.find([path], name)) is found


def test_names_of_ports() -> None:
    assert known_hosts.host_name("Login.edu", 22) == "login.edu"
    assert known_hosts.host_name("login.edu", 2222) == "[login.edu]:2222"


def test_the_verdicts(tmp_path: Path) -> None:
    kind, mine = key()
    _, other = key()
    path, more = tmp_path / "one", tmp_path / "two"
    path.write_text(f"# comment\n\nhost {kind} {other}\n")
    more.write_text(f"host {kind} {mine} comment with spaces\nother {kind} {mine}\n")
    entries = known_hosts.find([path, tmp_path / "none", more], "host")
    assert [(entry.path.name, entry.line) for entry in entries] == [("one", 3), ("two", 1)]
    assert known_hosts.judge(entries, kind, mine)[0] == "known"
    verdict, entry = known_hosts.judge(entries[:1], kind, mine)
    assert verdict == "changed"
    assert entry == entries[0]
    assert known_hosts.judge(entries[:1], "ssh-rsa", mine) == ("unknown", None)
    assert known_hosts.judge([], kind, mine) == ("unknown", None)


def test_a_revoked_key_is_never_known(tmp_path: Path) -> None:
    kind, mine = key()
    path = tmp_path / "known_hosts"
    path.write_text(f"host {kind} {mine}\n@revoked * {kind} {mine}\n")
    verdict, entry = known_hosts.judge(known_hosts.find([path], "host"), kind, mine)
    assert verdict == "revoked"
    assert entry is not None
    assert entry.line == 2


@pytest.mark.parametrize("hashed", [False, True])
def test_what_is_remembered_is_found_by_ssh_keygen_too(tmp_path: Path, hashed: bool) -> None:
    kind, mine = key()
    path = tmp_path / "new" / "known_hosts"
    path.parent.mkdir()
    path.write_text("somewhere ssh-ed25519 AAAA")
    known_hosts.remember(path, "[login.edu]:2222", kind, mine, hashed=hashed)
    assert len(path.read_text().splitlines()) == 2
    assert ("login" in path.read_text()) is not hashed
    assert known_hosts.judge(known_hosts.find([path], "[login.edu]:2222"), kind, mine)[0] == "known"
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen on this machine")
    done = subprocess.run(["ssh-keygen", "-F", "[login.edu]:2222", "-f", str(path)], capture_output=True, check=False)
    assert mine in done.stdout.decode()


def test_hashes_of_ssh_keygen_are_read(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen on this machine")
    kind, mine = key()
    path = tmp_path / "known_hosts"
    path.write_text(f"login.edu {kind} {mine}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "login" not in path.read_text()
    assert known_hosts.judge(known_hosts.find([path], "login.edu"), kind, mine)[0] == "known"


def test_fingerprints_are_those_of_ssh_keygen() -> None:
    made = asyncssh.generate_private_key("ssh-ed25519")
    assert known_hosts.fingerprint(made.export_public_key().decode().split()[1]) == made.get_fingerprint()


def test_a_new_file_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / ".ssh" / "known_hosts"
    known_hosts.remember(path, "host", *key(), hashed=False)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostKeyError, match="known_hosts"):
        known_hosts.remember(tmp_path / "file" / "known_hosts", "host", *key(), hashed=False)
