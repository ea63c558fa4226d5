"""The doctor on the way to a cluster: names, ports, host keys, logins, shells, and lines that break."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.servers import Person, Server
from tests.runs.clinic import SMALL, examined, of, opener, plan_for
from websight_tui.config import Cluster
from websight_tui.remote.port import Endpoint, Unattended
from websight_tui.runs.checks.finding import Doing, Finding
from websight_tui.runs.checks.shell import Account, check_shell
from websight_tui.runs.doctor import CONNECTING, examine


def test_a_name_that_nobody_knows() -> None:
    cluster = Cluster("away", Endpoint(host="no-such-host.invalid", use_ssh_config=False, user="alice"))
    findings = examined(cluster)
    assert findings[0].level == "fail"
    assert findings[0].check == "name"
    assert {f.level for f in findings[1:]} == {"skip"}
    assert {f.message for f in findings[1:]} == {"not looked at: name failed"}


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    findings = examined(Cluster("shut", Endpoint(host="127.0.0.1", port=port, user="alice", use_ssh_config=False)))
    found = of(findings, "reach")
    assert (found.level, "refused" in found.message) == ("fail", True)


def test_a_port_where_something_else_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            line, _ = web.accept()
            with line:
                line.sendall(b"HTTP/1.1 302 \x1b[31mPlease log in\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        endpoint = Endpoint(host="127.0.0.1", port=web.getsockname()[1], user="alice", use_ssh_config=False)
        found = of(examined(Cluster("web", endpoint)), "reach")
        thread.join(5)
    assert found.level == "fail"
    assert "HTTP/1.1 302 Please log in" in found.message


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server", env={"SSH_CLIENT": "127.0.0.1 1 22"})
    yield made
    made.stop()


def test_a_host_key_that_nobody_has_seen(server: Server) -> None:
    cluster = Cluster("new", server.endpoint(), root=str(server.home / "w"), python=sys.executable)
    findings = examined(cluster)
    assert of(findings, "host key").level == "fail"
    assert server.logins == 0
    person = Person()
    findings = examined(cluster, prompter=person)
    assert len(person.keys) == 1
    assert "accepted" in of(findings, "host key").message
    assert of(examined(cluster), "host key").message.endswith("/known_hosts:1")


def test_a_host_key_that_has_changed(server: Server, tmp_path: Path) -> None:
    other = Server(tmp_path / "other")
    other.stop()
    key = other.host_key.export_public_key().decode().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {key[0]} {key[1]}\n")
    findings = examined(Cluster("changed", server.endpoint()), prompter=Person())
    assert of(findings, "host key").level == "fail"
    assert "ssh-keygen -R" in of(findings, "host key").hint
    assert [f.check for f in findings if f.level == "fail"] == ["host key"]


def test_a_login_that_is_refused(server: Server, tmp_path: Path) -> None:
    server.know()
    stranger = Server(tmp_path / "stranger")
    stranger.stop()
    findings = examined(Cluster("closed", server.endpoint(identity_file=str(stranger.user_key))))
    assert of(findings, "host key").level == "ok"
    assert of(findings, "login").level == "fail"
    assert {f.check for f in findings if f.level == "fail"} <= set(CONNECTING)


def test_shells_that_print_unasked(server: Server) -> None:
    server.know()
    transport = opener(Cluster("noisy", server.endpoint(), login_shell=False))
    transport.connect(Unattended())
    try:
        (quiet,) = check_shell(transport, Account())
        assert quiet.message.startswith("quiet; home is")
        (server.home / ".bash_profile").write_text("echo 'Welcome to the \033[31mcluster'\n")
        account = Account()
        (login,) = check_shell(transport, account)
        assert (login.level, "Welcome to the" in login.message) == ("ok", True)
        assert account.home == str(server.home)
        (server.home / ".bashrc").write_text("echo loading modules\n")
        (every,) = check_shell(transport, account)
        if every.level == "ok":
            pytest.skip("this bash does not read ~/.bashrc for commands over the network")
        assert "loading modules" in every.message
        assert ".bashrc" in every.hint
    finally:
        transport.close()


def test_a_connection_that_breaks_ends_the_looking(server: Server) -> None:
    server.know()
    cluster = Cluster("lost", server.endpoint(), root=str(server.home / "w"), python=sys.executable)
    findings = []

    def tell(item: Doing | Finding) -> None:
        if isinstance(item, Finding):
            findings.append(item)
            if item.check == "shell":
                server.drop()

    examine(cluster, plan_for(cluster, None, SMALL), open_transport=opener, prompter=Unattended(), tell=tell)
    broken = next(i for i, f in enumerate(findings) if f.level == "fail")
    assert {(f.level, f.message) for f in findings[broken + 1 :]} == {("skip", "not looked at: the connection broke")}
