"""Back-off, identities of files, the fallback to the other client, and the questions of OpenSSH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.remote.servers import Person
from websight_tui.errors import AuthError, ConfigError, ConnectError, HostKeyError
from websight_tui.remote.backoff import LONGEST_S, next_delay
from websight_tui.remote.fallback import AutoTransport, NeedsOpenSsh
from websight_tui.remote.identity import HEAD_BYTES, identity_of
from websight_tui.remote.local import LocalTransport
from websight_tui.remote.opening import open_transport
from websight_tui.remote.openssh_login import Questions, failure, host_key_in
from websight_tui.remote.port import Endpoint, HostKey, Prompt, Prompter, Transport
from websight_tui.remote.steps import Tell, to_nobody


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_delays_grow_and_stay_within_bounds(attempt: int, jitter: float) -> None:
    delay = next_delay(attempt, jitter)
    assert 0.5 <= delay <= LONGEST_S
    assert next_delay(attempt + 1, jitter) >= delay


def test_delays_double() -> None:
    assert [next_delay(n, 1.0) for n in range(4)] == [1, 2, 4, 8]
    assert next_delay(3, 0.0) == 4


@given(st.binary(min_size=HEAD_BYTES, max_size=300), st.binary(max_size=50))
def test_identity_does_not_change_as_a_file_grows(head: bytes, more: bytes) -> None:
    assert identity_of(head) == identity_of(head + more) != ""


def test_a_short_file_has_no_identity_yet() -> None:
    assert identity_of(b"x" * (HEAD_BYTES - 1)) == ""


class _Refuses(LocalTransport):
    def connect(self, prompts: Prompter, tell: Tell = to_nobody) -> None:
        raise NeedsOpenSsh("only Kerberos")


def test_auto_changes_to_the_other_transport_only_where_it_must() -> None:
    auto = AutoTransport(_Refuses(), LocalTransport)
    auto.connect(Person())
    assert auto.connected
    assert auto.exec("echo other", timeout=10).stdout == "other\n"
    auto.close()
    nobody = AutoTransport(_Refuses(), lambda: None)
    with pytest.raises(NeedsOpenSsh):
        nobody.connect(Person())


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        (Endpoint(), "LocalTransport"),
        (Endpoint(transport="local"), "LocalTransport"),
        (Endpoint(host="h"), "AutoTransport"),
        (Endpoint(host="h", transport="paramiko"), "SshTransport"),
        (Endpoint(host="h", use_ssh_config=False), "SshTransport"),
    ],
)
def test_each_endpoint_gets_its_transport(endpoint: Endpoint, kind: str) -> None:
    transport = open_transport(endpoint)
    assert isinstance(transport, Transport)
    assert type(transport).__name__ == kind
    assert not transport.connected


def test_no_ssh_command_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="no ssh"):
        open_transport(Endpoint(host="h", transport="openssh"))


def test_this_machine_needs_no_ssh_library() -> None:
    program = (
        "import sys; from websight_tui.remote.opening import open_transport as o;"
        "from websight_tui.remote.port import Endpoint as E; o(E()); assert 'paramiko' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


AUTHENTICITY = """The authenticity of host '[127.0.0.1]:2222 ([127.0.0.1]:2222)' can't be established.
ED25519 key fingerprint is SHA256:abc+/def.
This key is not known by any other names.
Are you sure you want to continue connecting (yes/no/[fingerprint])? """


def ask_like_ssh(questions: Questions, text: str, kind: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **questions.environment, "SSH_ASKPASS_PROMPT": kind}
    helper = questions.environment["SSH_ASKPASS"]
    return subprocess.run([helper, text], env=environment, capture_output=True, text=True, timeout=20, check=False)


def test_questions_of_the_client_reach_the_person(tmp_path: Path) -> None:
    person = Person([["s3cret"], None])
    with Questions(tmp_path, person, "alice@host") as questions:
        done = ask_like_ssh(questions, "(alice@host) Duo for alice\n 1. Push\nPasscode: ")
        assert (done.returncode, done.stdout) == (0, "s3cret\n")
        assert person.asked[0] == ("alice@host", "(alice@host) Duo for alice\n 1. Push", (Prompt("Passcode: "),))
        assert questions.asked
        assert ask_like_ssh(questions, "Passcode: ").returncode == 1
        assert questions.gave_up


@pytest.mark.parametrize(("accepts", "word"), [(True, "yes\n"), (False, "no\n")])
def test_a_new_host_key_is_shown_as_one(tmp_path: Path, accepts: bool, word: str) -> None:
    person = Person(accepts=accepts)
    with Questions(tmp_path, person, "host") as questions:
        assert ask_like_ssh(questions, AUTHENTICITY).stdout == word
        assert person.keys == [HostKey("[127.0.0.1]:2222", "ssh-ed25519", "SHA256:abc+/def")]
        assert questions.refused_key is not accepts
        assert not questions.asked


def test_only_the_host_key_question_is_taken_for_one() -> None:
    assert host_key_in("Password: ") is None
    assert host_key_in(AUTHENTICITY) is not None


def test_nobody_answers_after_the_login(tmp_path: Path) -> None:
    with Questions(tmp_path, Person([["x"]]), "host") as questions:
        pass
    assert ask_like_ssh(questions, "Password: ").returncode != 0


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        ("ssh: Could not resolve hostname nowhere: Name or service not known", ConnectError, "resolve"),
        ("ssh: connect to host h port 22: Connection refused", ConnectError, "refused"),
        ("a@h: Permission denied (publickey,keyboard-interactive).", AuthError, "person"),
        ("Host key verification failed.", HostKeyError, "not accepted"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /h/known_hosts:3\n"
            "Host key verification failed.",
            HostKeyError,
            "/h/known_hosts, line 3",
        ),
        ("", ConnectError, "without a word"),
    ],
)
def test_last_words_of_the_client(words: str, kind: type[Exception], says: str) -> None:
    error = failure(words, "a@h", "h", None)
    assert type(error) is kind
    assert says in error.message
    assert error.hint
