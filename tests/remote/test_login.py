"""Logins of every kind, against a real SSH server whose rules the tests set."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.remote.servers import USER, Person, Server
from websight_tui.errors import AuthError, ConnectError, HostKeyError
from websight_tui.remote import known_hosts
from websight_tui.remote.fallback import NeedsOpenSsh
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Prompt, Unattended
from websight_tui.remote.ssh import SshTransport

Make = Callable[..., Server]
DUO = (
    ("Duo", "Duo two-factor login for alice\n\n 1. Push\n 2. Passcode\n", [("Passcode or option: ", True)], ["1"]),
    ("", "Pushed a login request to your phone...", [], []),
)


def login(server: Server, person: Person | Unattended, **changes: object) -> SshTransport:
    transport = SshTransport(server.endpoint(**changes))
    try:
        transport.connect(person)
        assert transport.exec("echo in", timeout=10).stdout == "in\n"
    finally:
        transport.close()
    return transport


def test_password_word_for_word_and_corrected(make_server: Make) -> None:
    server = make_server(factors=("password",), password="right")
    person = Person([["wrong"], ["right"]])
    assert login(server, person).may_prompt
    assert [p[2] for p in person.asked] == [(Prompt(f"{USER}@127.0.0.1's password: "),)] * 2
    assert "denied" in person.asked[1][1]


def test_a_closed_question_ends_the_login(make_server: Make) -> None:
    server = make_server(factors=("password",))
    with pytest.raises(AuthError, match="given up"):
        login(server, Person([None]))
    assert server.logins == 0


def test_several_rounds_of_questions(make_server: Make) -> None:
    server = make_server(factors=("keyboard-interactive",), challenges=DUO)
    person = Person([["1"]])
    assert login(server, person).may_prompt
    title, instructions, prompts = person.asked[0]
    assert (title, prompts) == ("Duo", (Prompt("Passcode or option: ", echo=True),))
    assert "1. Push" in instructions
    assert "Pushed a login request" in person.asked[1][1]
    assert person.asked[1][2] == ()


def test_the_banner_comes_with_the_first_question(make_server: Make) -> None:
    server = make_server(factors=("password",), password="right", banner="\x1b[1mAuthorized use only.\r\n")
    person = Person([["wrong"], ["right"]])
    login(server, person)
    assert person.asked[0][1] == "Authorized use only."
    assert "Authorized" not in person.asked[1][1]


def test_several_questions_at_once(make_server: Make) -> None:
    challenge = ("", "", [("Password: ", False), ("Verification code: ", False)], ["pw", "123"])
    server = make_server(factors=("keyboard-interactive",), challenges=(challenge,))
    person = Person([["pw", "123"]])
    login(server, person)
    assert [p.text for p in person.asked[0][2]] == ["Password: ", "Verification code: "]


def test_giving_up_a_question_of_the_server(make_server: Make) -> None:
    server = make_server(factors=("keyboard-interactive",), challenges=DUO)
    with pytest.raises(AuthError, match="given up"):
        login(server, Person([None]))


def test_nobody_there_means_the_server_is_not_even_asked(make_server: Make) -> None:
    server = make_server(factors=("keyboard-interactive",), challenges=DUO)
    with pytest.raises(AuthError, match="wants a person"):
        login(server, Unattended())


def test_escape_sequences_of_the_server_do_not_reach_the_screen(make_server: Make) -> None:
    challenge = ("\x1b[2J", "\x1b]0;owned\x07hello", [("\x1b[31mCode: ", False)], ["1"])
    server = make_server(factors=("keyboard-interactive",), challenges=(challenge,))
    person = Person([["1"]])
    login(server, person)
    title, instructions, prompts = person.asked[0]
    assert (title, instructions, prompts[0].text) == (f"{USER}@127.0.0.1:{server.port}", "hello", "Code: ")


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
def test_a_locked_key_is_unlocked_once(make_server: Make, kind: str) -> None:
    server = make_server()
    key = asyncssh.generate_private_key(kind)
    path = server.folder / "locked"
    key.write_private_key(str(path), passphrase="open sesame", rounds=1, ignore_few_rounds=True)
    key.write_public_key(f"{path}.pub")
    server.authorized.write_bytes(Path(f"{path}.pub").read_bytes())
    transport = SshTransport(server.endpoint(identity_file=str(path)))
    person = Person([["wrong"], ["open sesame"]])
    transport.connect(person)
    assert [p[2][0].text for p in person.asked] == [f"Enter passphrase for key '{path}': "] * 2
    transport.close()
    transport.connect(person)
    assert len(person.asked) == 2
    assert not transport.may_prompt
    transport.close()


def test_no_passphrase_is_asked_for_a_key_that_would_not_do(make_server: Make) -> None:
    server = make_server()
    key = asyncssh.generate_private_key("ssh-rsa")
    path = server.folder / "stranger"
    key.write_private_key(str(path), passphrase="x", rounds=1, ignore_few_rounds=True)
    key.write_public_key(f"{path}.pub")
    person = Person([["x"]])
    with pytest.raises(AuthError, match="1 key offered"):
        login(server, person, identity_file=str(path))
    assert not person.asked


def test_a_certificate_lets_in(make_server: Make) -> None:
    server = make_server()
    authority, key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    path = server.folder / "certified"
    key.write_private_key(str(path))
    authority.generate_user_certificate(key, "alice", principals=[USER]).write_certificate(f"{path}-cert.pub")
    server.authorized.write_text(f"cert-authority {authority.export_public_key().decode()}")
    assert not login(server, Unattended(), identity_file=str(path)).may_prompt


def test_a_refused_key_says_what_to_check(make_server: Make) -> None:
    server = make_server()
    server.authorized.write_text(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode())
    with pytest.raises(AuthError, match="1 key offered") as caught:
        login(server, Person())
    assert "IdentityFile" in caught.value.hint
    assert not caught.value.retryable


def test_a_new_host_key_is_shown_and_remembered(make_server: Make) -> None:
    server = make_server(known=False)
    person = Person()
    login(server, person)
    shown = person.keys[0]
    assert shown.host == f"[127.0.0.1]:{server.port}"
    assert shown.fingerprint == server.host_key.get_fingerprint()
    again = Person()
    login(server, again)
    assert not again.keys


def test_a_new_host_key_that_is_not_accepted_ends_the_login(make_server: Make) -> None:
    server = make_server(known=False)
    with pytest.raises(HostKeyError, match="not accepted"):
        login(server, Person(accepts=False))
    with pytest.raises(HostKeyError):
        login(server, Unattended())
    assert not server.known_hosts.exists()
    assert server.logins == 0


def test_a_changed_host_key_names_file_and_line(make_server: Make) -> None:
    server = make_server()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
    server.known_hosts.write_text(f"# mine\n[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
    person = Person()
    with pytest.raises(HostKeyError, match="line 2") as caught:
        login(server, person)
    assert str(server.known_hosts) in caught.value.message
    assert "ssh-keygen -R" in caught.value.hint
    assert not person.keys
    assert server.logins == 0


def test_a_revoked_host_key_is_refused(make_server: Make) -> None:
    server = make_server()
    key = server.host_key.export_public_key().decode().split()
    server.know()
    with server.known_hosts.open("a") as stream:
        stream.write(f"@revoked * {key[0]} {key[1]}\n")
    with pytest.raises(HostKeyError, match="revoked"):
        login(server, Person())


def test_a_host_that_proves_itself_by_certificate_needs_the_other_client(make_server: Make) -> None:
    server = make_server(known=False)
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
    server.known_hosts.write_text(f"@cert-authority [127.0.0.1]:* {key[0]} {key[1]}\n")
    with pytest.raises(NeedsOpenSsh):
        login(server, Person())


def test_old_algorithms_need_the_other_client(make_server: Make) -> None:
    server = make_server(options={"kex_algs": ["diffie-hellman-group14-sha1"]})
    with pytest.raises(NeedsOpenSsh):
        login(server, Person())


def test_no_server_there() -> None:
    transport = open_transport(Endpoint(host="127.0.0.1", port=1, use_ssh_config=False))
    with pytest.raises(ConnectError, match="port 1") as caught:
        transport.connect(Person())
    assert caught.value.retryable


def test_an_account_that_runs_no_commands_is_told_at_the_login(make_server: Make) -> None:
    server = make_server()
    refusing = server.home / "refuse"
    refusing.write_text("echo 'Your password has expired.'; exit 1\n")
    server.env["BASH_ENV"] = str(refusing)
    with pytest.raises(ConnectError, match="password has expired"):
        login(server, Person())


def test_a_login_shell_is_used_where_only_it_knows_slurm(make_server: Make, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("bash", "sh", "cat"):
        (few / name).symlink_to(shutil.which(name) or "/bin/sh")
    server = make_server(env={"PATH": str(few)})
    tools = server.home / "slurm" / "bin"
    tools.mkdir(parents=True)
    (tools / "sbatch").write_text("#!/bin/sh\necho submitted\n")
    (tools / "sbatch").chmod(0o755)
    (server.home / ".bash_profile").write_text(f'echo welcome; echo noise >&2; PATH="{tools}:$PATH"\n')
    transport = SshTransport(server.endpoint())
    transport.connect(Person())
    result = transport.exec("sbatch", timeout=10)
    assert (result.exit, result.stdout, result.stderr) == (0, "submitted\n", "")
    transport.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent on this machine")
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    for _ in range(200):
        if path.exists() or process.poll() is not None:
            break
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    yield path
    process.terminate()
    process.wait(5)


def test_the_agent_opens_what_the_file_does_not(
    make_server: Make, agent: Path, ssh_config: Callable[[str], Path]
) -> None:
    server = make_server()
    subprocess.run(["ssh-add", "-q", str(server.user_key)], env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, check=True)
    server.user_key.unlink()
    ssh_config(
        f"Host box\n HostName 127.0.0.1\n Port {server.port}\n User {USER}\n IdentityAgent {agent}\n"
        f" IdentitiesOnly yes\n IdentityFile {server.user_key}\n UserKnownHostsFile {server.known_hosts}\n"
    )
    transport = SshTransport(Endpoint(host="box"))
    transport.connect(Unattended())
    assert transport.address == f"{USER}@127.0.0.1:{server.port}"
    assert not transport.may_prompt
    transport.close()


def test_two_hops_each_with_its_own_questions(make_server: Make, ssh_config: Callable[[str], Path]) -> None:
    gate = make_server("gate", factors=("password",), password="gate")
    inner = make_server("inner", factors=("keyboard-interactive",), challenges=(("", "", [("Code: ", False)], ["7"]),))
    ssh_config(
        f"Host inner\n HostName 127.0.0.1\n Port {inner.port}\n User {USER}\n ProxyJump gate\n"
        f" UserKnownHostsFile {inner.known_hosts}\n IdentityFile none\n IdentityAgent none\n"
        f"Host gate\n HostName 127.0.0.1\n Port {gate.port}\n User {USER}\n UserKnownHostsFile {gate.known_hosts}\n"
        " IdentityFile none\n IdentityAgent none\n"
    )
    person = Person([["gate"], ["7"]])
    transport = SshTransport(Endpoint(host="inner"))
    transport.connect(person)
    assert (gate.logins, inner.logins) == (1, 1)
    assert transport.exec("echo through", timeout=10).stdout == "through\n"
    assert transport.may_prompt
    gate.drop()
    assert not _still(lambda: transport.connected)


def test_hashed_names_are_kept_hashed(make_server: Make, ssh_config: Callable[[str], Path]) -> None:
    server = make_server(known=False)
    ssh_config(
        f"Host box\n HostName 127.0.0.1\n Port {server.port}\n User {USER}\n IdentityFile {server.user_key}\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts}\n HashKnownHosts yes\n"
    )
    for keys_asked in (1, 0):
        person = Person()
        transport = SshTransport(Endpoint(host="box"))
        transport.connect(person)
        transport.close()
        assert len(person.keys) == keys_asked
    assert server.known_hosts.read_text().startswith("|1|")
    found = known_hosts.find([server.known_hosts], f"[127.0.0.1]:{server.port}")
    assert [entry.line for entry in found] == [1]


def _still(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether `condition` stays true; returns as soon as it does not."""
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return condition()
