"""The OpenSSH client as a transport: one master connection, ours or the user's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.remote.servers import USER, Person, Server
from websight_tui.errors import AuthError, ConnectError, ConnectionLost, HostKeyError, RemoteTimeout
from websight_tui.remote import openssh
from websight_tui.remote.opening import open_transport
from websight_tui.remote.openssh import OpenSshTransport
from websight_tui.remote.openssh_command import terminal_command
from websight_tui.remote.port import Endpoint, Unattended

Make = Callable[..., Server]
pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh on this machine")


def via_ssh(server: Server, **changes: object) -> OpenSshTransport:
    return OpenSshTransport(server.endpoint(transport="openssh", **changes))


@pytest.fixture
def line(server: Server) -> Iterator[OpenSshTransport]:
    transport = via_ssh(server)
    transport.connect(Unattended())
    yield transport
    transport.close()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return condition()


def test_one_login_serves_commands_and_files(line: OpenSshTransport, server: Server, tmp_path: Path) -> None:
    for number in range(3):
        assert line.exec(f"echo {number}; exit {number}", timeout=10).exit == number
    line.upload(b"x" * 200_000, str(tmp_path / "up"))
    chunk = line.read(str(tmp_path / "up"), 199_990, 100)
    assert chunk is not None
    assert chunk.data == b"x" * 10
    assert server.logins == 1
    assert not line.may_prompt


def test_an_exit_of_255_is_the_commands_own(line: OpenSshTransport) -> None:
    assert line.exec("exit 255", timeout=10).exit == 255


def test_a_timeout_ends_the_command_and_not_the_line(line: OpenSshTransport) -> None:
    with pytest.raises(RemoteTimeout):
        line.exec("sleep 20", timeout=0.5)
    assert line.exec("echo on", timeout=10).stdout == "on\n"


def test_a_broken_line_is_noticed_and_no_new_login_made(line: OpenSshTransport, server: Server) -> None:
    line.read("/etc/passwd", 0, 1)
    server.drop()
    assert until(lambda: not line.connected)
    with pytest.raises(ConnectionLost):
        line.exec("true", timeout=5)
    with pytest.raises(ConnectionLost):
        line.read("/etc/passwd", 0, 1)
    assert server.logins == 1


def test_closing_ends_the_client_and_leaves_no_folder(line: OpenSshTransport) -> None:
    master, folder = line._master, line._folder
    assert master is not None
    assert folder is not None
    assert folder.stat().st_mode & 0o077 == 0
    begin = time.monotonic()
    line.close()
    assert time.monotonic() - begin < 0.2
    assert until(lambda: master.poll() is not None and not folder.exists())
    with pytest.raises(ConnectionLost):
        line.exec("true", timeout=5)


def test_passwords_are_asked_in_the_app(make_server: Make) -> None:
    server = make_server(factors=("password",), password="right")
    line = via_ssh(server)
    person = Person([["wrong"], ["right"]])
    line.connect(person)
    assert line.may_prompt
    assert all("password" in prompts[0].text for _, _, prompts in person.asked)
    assert len(person.asked) == 2
    line.close()


def test_giving_up_and_nobody_there(make_server: Make) -> None:
    server = make_server(factors=("password",))
    with pytest.raises(AuthError, match="given up"):
        via_ssh(server).connect(Person([None]))
    with pytest.raises(AuthError, match="person"):
        via_ssh(server).connect(Unattended())
    assert server.logins == 0


def test_host_keys(make_server: Make) -> None:
    server = make_server(known=False)
    with pytest.raises(HostKeyError):
        via_ssh(server).connect(Person(accepts=False))
    person = Person()
    line = via_ssh(server)
    line.connect(person)
    line.close()
    assert person.keys[0].fingerprint == server.host_key.get_fingerprint()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
    with pytest.raises(HostKeyError, match="line 1"):
        via_ssh(server).connect(Person())


def test_no_server_there() -> None:
    transport = OpenSshTransport(Endpoint(host="127.0.0.1", port=1, transport="openssh", use_ssh_config=False))
    with pytest.raises(ConnectError, match="refused"):
        transport.connect(Person())


def test_the_users_own_connection_is_used_and_left_alone(
    server: Server, tmp_path: Path, ssh_config: Callable[[str], Path]
) -> None:
    control = tmp_path / "mine"
    config = ssh_config(
        f"Host box\n HostName 127.0.0.1\n Port {server.port}\n User {USER}\n IdentityFile {server.user_key}\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts}\n ControlPath {control}\n"
    )
    master = subprocess.Popen(
        ["ssh", "-F", str(config), "-M", "-N", "box"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert until(control.exists)
        line = OpenSshTransport(Endpoint(host="box", transport="openssh"))
        line.connect(Unattended())
        assert line.exec("echo shared", timeout=10).stdout == "shared\n"
        assert server.logins == 1
        assert line.may_prompt
        line.close()
        assert master.poll() is None
        assert control.exists()
    finally:
        os.kill(master.pid, signal.SIGTERM)
        master.wait(5)


@pytest.mark.filterwarnings("ignore:Diffie-Hellman::")
def test_auto_takes_this_client_where_the_library_cannot(make_server: Make, ssh_config: Callable[[str], Path]) -> None:
    server = make_server(options={"kex_algs": ["diffie-hellman-group14-sha1"]})
    ssh_config(
        f"Host old\n HostName 127.0.0.1\n Port {server.port}\n User {USER}\n IdentityFile {server.user_key}\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts}\n"
        " KexAlgorithms +diffie-hellman-group14-sha1\n"
    )
    line = open_transport(Endpoint(host="old"))
    line.connect(Unattended())
    assert line.exec("echo old but good", timeout=10).stdout == "old but good\n"
    assert line.address == f"{USER}@127.0.0.1"
    line.close()


def test_a_program_gets_the_persons_terminal(server: Server, tmp_path: Path) -> None:
    words = terminal_command(server.endpoint(transport="openssh"), 'echo "it\'s $((40 + 2))"; exit 3')
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (3, b"it's 42\n")
    here = subprocess.run(terminal_command(Endpoint(transport="local"), "echo here"), capture_output=True, check=False)
    assert here.stdout.endswith(b"here\n")
    with pytest.raises(ConnectError):
        terminal_command(Endpoint(host="-oProxyCommand=x"), "true")


def test_a_read_larger_than_all_buffers_comes_through(line: OpenSshTransport, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 150
    (tmp_path / "large").write_bytes(content)
    chunk = line.read(str(tmp_path / "large"), 0, len(content))
    assert chunk is not None
    assert chunk.data == content


def test_the_folder_of_the_socket_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert openssh._short_folder() == "/tmp"
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert openssh._short_folder() == "/tmp"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path.parents[-2]))
    assert openssh._short_folder() == str(tmp_path.parents[-2])
