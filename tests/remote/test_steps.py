"""The steps of a connection: one vocabulary, told in order by paramiko and the OpenSSH client, through jump hosts."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.remote.servers import USER, Person, Server
from websight_tui.errors import AuthError
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.openssh import OpenSshTransport
from websight_tui.remote.openssh_steps import Login, complaints
from websight_tui.remote.port import Endpoint, Transport, Unattended
from websight_tui.remote.ssh import SshTransport
from websight_tui.remote.steps import Stage, Step

Make = Callable[..., Server]
VERBOSE = """\
OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025
debug1: Reading configuration data /home/alice/.ssh/config
debug1: Executing proxy command: exec ssh -v -W '[login.hai.edu]:22' gate
OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025
debug1: Connecting to gate.edu [192.0.2.7] port 22.
debug1: Connection established.
debug1: Authenticating to gate.edu:22 as 'alice'
debug1: SSH2_MSG_KEXINIT sent
debug1: Server host key: ssh-ed25519 SHA256:abc
debug1: SSH2_MSG_SERVICE_ACCEPT received
debug1: Next authentication method: publickey
Authenticated to gate.edu ([192.0.2.7]:22) using "publickey".
debug1: Remote protocol version 2.0, remote software version OpenSSH_8.7
debug1: Authenticating to login.hai.edu:22 as 'alice'
debug1: Server host key: ssh-ed25519 SHA256:def
debug1: SSH2_MSG_SERVICE_ACCEPT received
debug1: Next authentication method: gssapi-with-mic
debug1: Next authentication method: keyboard-interactive
alice@login.hai.edu: Permission denied (keyboard-interactive).
"""


def test_words_and_how_far() -> None:
    assert Step(Stage.NAME, "hai.edu").words == "looking up hai.edu"
    assert Step(Stage.LOGIN, "hai.edu", method="publickey").words == "logging in to hai.edu with a key"
    assert Step(Stage.LOGIN, "hai.edu", method="\x1b[31m").words == "logging in to hai.edu", "a server's word is none"
    assert Step(Stage.HOST_KEY, "gate", 1, 3).words == "jump host 1 of 2: checking the host key of gate"
    assert [Step(stage).far for stage in Stage] == [(n, 8) for n in range(8)]
    assert [Step(Stage.REACH, hop=hop, hops=3).far for hop in (1, 2, 3)] == [(2, 16), (6, 16), (10, 16)]
    assert Step(Stage.HOME, hop=3, hops=3).far == (15, 16)


def test_the_client_s_chatter_becomes_steps_and_its_complaint_stays() -> None:
    login = Login("login.hai.edu", 2)
    steps = [step.words for line in VERBOSE.splitlines() if (step := login.take(line)) is not None]
    assert steps == [
        "jump host 1 of 1: reaching gate.edu",
        "jump host 1 of 1: exchanging keys with gate.edu",
        "jump host 1 of 1: checking the host key of gate.edu",
        "jump host 1 of 1: logging in to gate.edu",
        "jump host 1 of 1: logging in to gate.edu with a key",
        "reaching the server",
        "exchanging keys with login.hai.edu",
        "checking the host key of login.hai.edu",
        "logging in to login.hai.edu",
        "logging in to login.hai.edu with a Kerberos ticket",
        "logging in to login.hai.edu by its questions",
    ]
    assert complaints(VERBOSE) == "alice@login.hai.edu: Permission denied (keyboard-interactive)."


def test_hostile_chatter_becomes_no_step() -> None:
    login = Login("hai", 1)
    assert login.take("debug1: Connecting to \x1b]0;evil\x07 port 22") is None
    assert login.take("Authenticated to more ([1.2.3.4]:22) hops than there are") is None


@pytest.fixture
def chain(make_server: Make, ssh_config: Callable[[str], Path]) -> tuple[Server, Server]:
    """A cluster `inner` behind the jump host `gate`; both take the user's key."""
    gate, inner = make_server("gate"), make_server("inner")
    common = f" HostName 127.0.0.1\n User {USER}\n IdentitiesOnly yes\n IdentityAgent none\n"
    ssh_config(
        f"Host inner\n{common} Port {inner.port}\n ProxyJump gate\n UserKnownHostsFile {inner.known_hosts}\n"
        f" IdentityFile {inner.user_key}\n"
        f"Host gate\n{common} Port {gate.port}\n UserKnownHostsFile {gate.known_hosts}\n"
        f" IdentityFile {gate.user_key}\n"
    )
    return gate, inner


def ways() -> list[type[SshTransport] | type[OpenSshTransport]]:
    return [SshTransport, OpenSshTransport] if shutil.which("ssh") else [SshTransport]


@pytest.mark.parametrize("way", ways())
def test_both_transports_tell_the_same_steps_through_a_jump_host(
    way: type[SshTransport] | type[OpenSshTransport], chain: tuple[Server, Server]
) -> None:
    told: list[Step] = []
    transport: Transport = way(Endpoint(host="inner"))
    transport.connect(Unattended(), told.append)
    transport.close()
    stages = list(dict.fromkeys((step.hop, step.stage) for step in told if step.stage is not Stage.NAME))
    each = (Stage.REACH, Stage.KEYS, Stage.HOST_KEY, Stage.LOGIN)
    inner = (*each, Stage.SHELL)
    assert stages == [(1, Stage.CONFIG), *((1, stage) for stage in each), *((2, stage) for stage in inner)]
    assert {step.method for step in told if step.stage is Stage.LOGIN} == {"", "publickey"}
    assert all(step.hops == 2 for step in told if step.stage is not Stage.CONFIG)
    far = [step.far[0] for step in told]
    assert far == sorted(far), "it never goes back"


@pytest.mark.parametrize("way", ways())
def test_a_refused_login_is_told_up_to_its_method_and_then_in_the_server_s_words(
    way: type[SshTransport] | type[OpenSshTransport], make_server: Make
) -> None:
    server, told = make_server(factors=("password",), password="right"), list[Step]()
    kind = "openssh" if way is OpenSshTransport else "paramiko"
    transport: Transport = way(dataclasses.replace(server.endpoint(), transport=kind))
    with pytest.raises(AuthError, match="refused the login"):
        transport.connect(Person([["wrong"]] * 4), told.append)
    assert told[-1].method == "password"


def test_this_machine_has_only_its_shell_to_look_for() -> None:
    told: list[Step] = []
    transport = LocalTransport()
    transport.connect(Unattended(), told.append)
    transport.close()
    assert [step.stage for step in told] == [Stage.SHELL]
