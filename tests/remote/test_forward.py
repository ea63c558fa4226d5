"""Forwarded ports through every kind of connection, with a real server at the far end."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from websight_tui.errors import ConnectError
from websight_tui.pocket import control
from websight_tui.remote.forward import LOOPBACK, forwarding, listening
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Transport, Unattended
from websight_tui.runs.serving import DidNotStart, serving

PAGE = os.urandom(3_000_000)
HTTP = ("-u", "-m", "http.server", "--bind", LOOPBACK, "0")
HTTP_SAYS = r"port (\d+)"


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("pocket")
    yield control.start(folder).endpoint
    control.stop(folder)


@contextlib.contextmanager
def sshd(folder: Path, allows: str) -> Iterator[Endpoint]:
    """The system's own SSH server for this user, with AllowTcpForwarding as wanted."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("no sshd on this machine")
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True, timeout=20)
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    words = {
        "Port": port,
        "ListenAddress": LOOPBACK,
        "HostKey": folder / "host",
        "PidFile": "none",
        "UsePAM": "no",
        "AuthorizedKeysFile": folder / "user.pub",
        "StrictModes": "no",
        "PermitRootLogin": "yes",
        "AllowTcpForwarding": allows,
        "Subsystem": "sftp internal-sftp",
    }
    (folder / "config").write_text("".join(f"{key} {value}\n" for key, value in words.items()))
    (folder / "known_hosts").write_text(f"[{LOOPBACK}]:{port} {(folder / 'host.pub').read_text()}")
    server = subprocess.Popen([program, "-D", "-f", str(folder / "config")], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while refuses(port, within=0.1) and server.poll() is None and time.monotonic() < deadline:
            threading.Event().wait(0.05)
        if server.poll() is not None and server.stderr is not None:
            pytest.skip(f"sshd does not start here: {server.stderr.read().strip()}")
        user, key, hosts = getpass.getuser(), str(folder / "user"), str(folder / "known_hosts")
        yield Endpoint(LOOPBACK, "paramiko", port, user, key, hosts, use_ssh_config=False)
    finally:
        server.terminate()
        server.communicate()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with sshd(tmp_path_factory.mktemp("sshd"), "yes") as endpoint:
        yield endpoint


@pytest.fixture(params=["local", "pocket-paramiko", "pocket-openssh", "real-paramiko", "real-openssh"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    server, _, kind = request.param.partition("-")
    if kind == "openssh" and shutil.which("ssh") is None:
        pytest.skip("no ssh command")
    endpoint = dataclasses.replace(request.getfixturevalue(server), transport=kind) if kind else Endpoint()
    opened = open_transport(endpoint, login_shell=False)
    opened.connect(Unattended())
    yield opened
    opened.close()


class Echo(http.server.BaseHTTPRequestHandler):
    """GET answers with PAGE, POST with what it was sent."""

    def do_GET(self) -> None:
        self.answer(PAGE)

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def fetch(port: int, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", body, timeout=20) as answer:
        return bytes(answer.read())


def refuses(port: int, within: float = 10) -> bool:
    """Whether nobody listens at a port of this machine any more."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            return True
        threading.Event().wait(0.05)
    return False


def test_many_requests_at_once_go_there_and_back_whole(transport: Transport, server: int) -> None:
    way = forwarding(transport)
    with listening(lambda: way.open_tcp(LOOPBACK, server)) as port:
        found: list[bytes] = []
        bodies = [None, None, None, PAGE[:1_000_000], PAGE[1_000_000:]]
        threads = [threading.Thread(target=lambda body=body: found.append(fetch(port, body))) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(map(len, found)) == [1_000_000, 2_000_000, *[3_000_000] * 3]
        assert {body if body is not None else PAGE for body in bodies} == set(found)
    assert refuses(port)


def test_a_port_where_nobody_listens_closes_the_connection(transport: Transport) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        way, nowhere = forwarding(transport), unused.getsockname()[1]
        with (
            listening(lambda: way.open_tcp(LOOPBACK, nowhere)) as port,
            socket.create_connection((LOOPBACK, port), timeout=10) as line,
        ):
            assert line.recv(1) == b""


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConnectError, match=f"Port {port} of this machine is in use"), listening(taken.dup, port):
            pass


def test_the_pocket_cluster_forwards_to_the_loopback_interface_only(pocket: Endpoint) -> None:
    transport = open_transport(pocket, login_shell=False)
    transport.connect(Unattended())
    try:
        with pytest.raises(ConnectError, match="does not allow port forwarding"):
            forwarding(transport).open_tcp("0.0.0.0", 80)
    finally:
        transport.close()


@pytest.mark.parametrize("kind", ["paramiko", "openssh"])
def test_a_site_that_forbids_forwarding_is_said_to(tmp_path: Path, kind: str) -> None:
    with sshd(tmp_path, "no") as endpoint:
        transport = open_transport(dataclasses.replace(endpoint, transport=kind), login_shell=False)
        transport.connect(Unattended())
        try:
            served = serving(transport, HTTP, pattern=HTTP_SAYS, python=sys.executable)
            with pytest.raises(ConnectError, match="forward") as refused, served:
                pass
            assert "AllowTcpForwarding" in refused.value.hint
        finally:
            transport.close()


def test_a_served_program_is_reached_and_ends_with_the_context(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    words = (*HTTP, "--directory", str(tmp_path))
    setup = ["of_bash=(a b)", "read -r line || true"]
    with (
        serving(transport, words, pattern=HTTP_SAYS, python=sys.executable, setup=setup) as served,
        listening(served.open) as port,
    ):
        assert b"hello.txt" in fetch(port)
    assert refuses(served.port, within=0.5)  # it was waited for


def test_a_served_program_ends_when_the_connection_does(transport: Transport) -> None:
    with serving(transport, HTTP, pattern=HTTP_SAYS, python=sys.executable) as served:
        transport.close()
        if transport.address != "this machine":  # whose connections outlive the transport
            assert served.wait() is False
            assert refuses(served.port)


def test_a_served_program_that_ends_by_itself_is_told_from_a_broken_connection(transport: Transport) -> None:
    code = "import sys; print('port 12345', flush=True); sys.stdin.read(); import time; time.sleep(0.5)"
    with serving(transport, ("-c", code), pattern=HTTP_SAYS, python=sys.executable) as served:
        assert served.wait() is True


def test_a_program_that_does_not_start_gives_its_last_words(transport: Transport) -> None:
    served = serving(transport, ("-m", "nosuch.main"), pattern=HTTP_SAYS, python=sys.executable)
    with pytest.raises(DidNotStart, match=r"No module named '?nosuch"), served:
        pass


def test_a_python_that_is_not_there_is_said(transport: Transport) -> None:
    served = serving(transport, HTTP, pattern=HTTP_SAYS, python="~/nopython")
    with pytest.raises(DidNotStart, match="nopython"), served:
        pass
