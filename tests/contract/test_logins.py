"""Logins that need a real sshd: locked keys, certificates, PAM's questions, wrong answers."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.client import Lab, LabPerson, require_lab
from websight_tui.errors import AuthError, WebsightError
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, HostKey, Prompt, Transport, Unattended

pytestmark = pytest.mark.cluster
BOTH = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = require_lab()
    monkeypatch.setenv("WEBSIGHT_TUI_SSH_CONFIG", lab.ssh_config)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return lab


def try_login(endpoint: Endpoint, person: LabPerson | Unattended | Forgetful) -> Transport:
    transport = open_transport(endpoint)
    try:
        transport.connect(person)
        assert transport.exec("echo in", timeout=20).stdout == "in\n"
    finally:
        transport.close()
    return transport


@dataclass
class Forgetful:
    """Answers every question wrongly."""

    asked: list[str] = field(default_factory=list)

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        self.asked += [prompt.text for prompt in prompts]
        return ["wrong"] * len(prompts)

    def accept_host_key(self, key: HostKey) -> bool:
        return False


@BOTH
def test_a_locked_key(lab: Lab, transport: str) -> None:
    person = LabPerson(lab)
    line = try_login(Endpoint(host="lab-password", transport=transport, identity_file=lab.locked_key), person)
    assert len(person.asked) == 1
    assert "passphrase" in person.asked[0]
    # Unlocked keys stay in the memory of our process, not of ssh's.
    assert line.may_prompt is (transport == "openssh")


@BOTH
def test_a_certificate_for_a_key_that_no_account_knows(lab: Lab, transport: str) -> None:
    endpoint = Endpoint(host="lab-password", transport=transport, identity_file=lab.certified_key)
    assert not try_login(endpoint, Unattended()).may_prompt


@BOTH
def test_pams_own_questions(lab: Lab, transport: str) -> None:
    person = LabPerson(lab)
    endpoint = Endpoint(host="lab-password", transport=transport, identity_file="/nowhere/key")
    assert try_login(endpoint, person).may_prompt
    assert [text.rpartition(") ")[2] for text in person.asked] == ["Password: "]


@BOTH
def test_wrong_answers_end_after_a_few_tries(lab: Lab, transport: str) -> None:
    person = Forgetful()
    with pytest.raises(WebsightError) as caught:
        try_login(Endpoint(host="lab-otp", transport=transport), person)
    assert not caught.value.retryable
    assert 3 <= len(person.asked) <= 12


@BOTH
def test_the_second_factor_cannot_be_skipped_unattended(lab: Lab, transport: str) -> None:
    with pytest.raises(AuthError, match="person"):
        try_login(Endpoint(host="lab-keyotp", transport=transport), Unattended())


def test_a_jump_host_runs_nothing_and_is_passed_all_the_same(lab: Lab) -> None:
    with pytest.raises(WebsightError, match="only forwards"):
        try_login(Endpoint(host="lab-gate", transport="paramiko"), Unattended())
    try_login(Endpoint(host="lab-via", transport="paramiko"), Unattended())


@pytest.fixture
def realm(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A person in the lab's Kerberos realm, without a ticket."""
    if not lab.kerberos:
        pytest.skip("the lab has no Kerberos (krb5-kdc)")
    monkeypatch.setenv("KRB5_CONFIG", lab.kerberos)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    return lab


@pytest.mark.parametrize("transport", ["openssh", "auto"])
def test_a_kerberos_ticket(realm: Lab, transport: str) -> None:
    endpoint = Endpoint(host="lab-kerberos", transport=transport)
    with pytest.raises(AuthError) as caught:
        try_login(endpoint, Unattended())
    assert not caught.value.retryable
    subprocess.run(["kinit", realm.users["alice"]], input=realm.password, text=True, check=True, timeout=20)
    assert not try_login(endpoint, Unattended()).may_prompt
