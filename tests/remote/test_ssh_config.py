"""Where an alias leads, by `ssh -G` and without it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from websight_tui.errors import ConnectError
from websight_tui.remote import ssh_config as config
from websight_tui.remote.port import Endpoint

Write = Callable[[str], Path]


@pytest.fixture(params=["ssh -G", "paramiko"])
def resolver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "paramiko":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif shutil.which("ssh") is None:
        pytest.skip("no ssh on this machine")
    return str(request.param)


def test_an_alias_with_everything(resolver: str, ssh_config: Write) -> None:
    ssh_config(
        "Host hai\n HostName login.hai.edu\n User alice\n Port 2222\n IdentityFile /keys/%r_%h\n IdentitiesOnly yes\n"
        " CertificateFile /keys/cert\n HostKeyAlias hai-any\n UserKnownHostsFile /k/one /k/two\n HashKnownHosts yes\n"
        " StrictHostKeyChecking accept-new\n PreferredAuthentications publickey,password\n ConnectTimeout 7\n"
        " IdentityAgent none\n ProxyJump gate\n"
    )
    hop = config.resolve("hai")
    assert (hop.hostname, hop.user, hop.port) == ("login.hai.edu", "alice", 2222)
    assert hop.identity_files == (Path("/keys/alice_login.hai.edu"),)
    assert hop.certificate_files == (Path("/keys/cert"),)
    assert hop.identities_only
    assert hop.host_key_alias == "hai-any"
    assert hop.known_hosts[:2] == (Path("/k/one"), Path("/k/two"))
    assert hop.hash_names
    assert hop.strict == "accept-new"
    assert hop.methods == ("publickey", "password")
    assert hop.connect_timeout_s == 7
    assert hop.agent == "none"
    assert hop.proxy_jump == "gate"
    assert hop.address == "alice@login.hai.edu:2222"


def test_a_plain_name(resolver: str, ssh_config: Write) -> None:
    ssh_config("")
    hop = config.resolve("bob@login.edu")
    assert (hop.hostname, hop.user, hop.port, hop.proxy_jump) == ("login.edu", "bob", 22, "")
    assert hop.identity_files
    assert hop.known_hosts[0].name == "known_hosts"
    assert not hop.identities_only


def test_the_endpoint_has_the_last_word(resolver: str, ssh_config: Write) -> None:
    ssh_config("Host box\n User alice\n Port 1\n IdentityFile /a\n UserKnownHostsFile /k\n")
    (hop,) = config.route(Endpoint(host="box", user="bob", port=2, identity_file="/b", known_hosts="/mine"))
    assert (hop.user, hop.port, hop.identity_files, hop.known_hosts) == ("bob", 2, (Path("/b"),), (Path("/mine"),))
    assert hop.identities_only


def test_include_and_match_are_followed(ssh_config: Write, tmp_path: Path) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no ssh on this machine")
    (tmp_path / "more").write_text("Host box\n HostName included.edu\n")
    ssh_config(f"Include {tmp_path}/more\nMatch originalhost box exec true\n Port 77\n")
    hop = config.resolve("box")
    assert (hop.hostname, hop.port) == ("included.edu", 77)


def test_a_chain_of_jumps_comes_nearest_first(resolver: str, ssh_config: Write) -> None:
    ssh_config(
        "Host deep\n ProxyJump carol@two:22,three\nHost two\n HostName two.edu\n ProxyJump one\n"
        "Host one\n HostName one.edu\n ProxyCommand nc %h %p\nHost three\n HostName three.edu\n ProxyCommand ignored\n"
    )
    hops = config.route(Endpoint(host="deep"))
    assert [hop.hostname for hop in hops] == ["one.edu", "two.edu", "three.edu", "deep"]
    assert hops[1].user == "carol"
    assert [hop.proxy_command for hop in hops] == ["nc one.edu 22", "", "", ""]


def test_a_circle_of_jumps_ends(resolver: str, ssh_config: Write) -> None:
    ssh_config("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    with pytest.raises(ConnectError, match="circle"):
        config.route(Endpoint(host="a"))


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("gate", [("gate", None)]),
        ("bob@gate:2222", [("bob@gate", 2222)]),
        ("a,b@c:1", [("a", None), ("b@c", 1)]),
        ("ssh://bob@gate:22/", [("bob@gate", 22)]),
        ("[::1]:22", [("::1", 22)]),
    ],
)
def test_jumps_are_split(text: str, hops: list[tuple[str, int | None]]) -> None:
    assert config.split_jump(text) == hops


@pytest.mark.parametrize("host", ["", "-oProxyCommand=evil", "a b", "a;b", "$(x)", "a\nb"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConnectError, match="not a host name"):
        config.route(Endpoint(host=host))


def test_a_broken_configuration_is_quoted(ssh_config: Write) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no ssh on this machine")
    path = ssh_config("Host box\n Nonsense yes\n")
    with pytest.raises(ConnectError, match="line 2") as caught:
        config.resolve("box")
    assert str(path) in caught.value.message


def test_a_complete_endpoint_reads_no_configuration(ssh_config: Write) -> None:
    ssh_config("Host *\n User nobody\n ProxyJump gate\n")
    (hop,) = config.route(Endpoint(host="127.0.0.1", port=5, user="me", identity_file="/k", use_ssh_config=False))
    assert (hop.user, hop.port, hop.proxy_jump, hop.agent) == ("me", 5, "", "none")
