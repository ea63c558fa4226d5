"""The way in: real SSH clients against the pocket cluster's server."""

from __future__ import annotations

import shutil
import stat
import statistics
import subprocess
import time
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.pocket.login import Login, wait_for
from websight_tui.pocket import control
from websight_tui.pocket.control import PocketInfo


def test_start_gives_a_complete_endpoint_and_finds_itself_again(pocket: PocketInfo) -> None:
    at = pocket.endpoint
    assert (at.host, at.transport, at.use_ssh_config) == ("127.0.0.1", "paramiko", False)
    assert at.port
    assert at.user
    assert Path(at.identity_file or "").stat().st_mode & 0o077 == 0
    assert stat.S_IMODE(pocket.folder.stat().st_mode) == 0o700
    assert control.start(pocket.folder) == pocket
    assert control.status(pocket.folder) == pocket


def test_commands_have_streams_status_and_home(pocket: PocketInfo) -> None:
    with Login(pocket) as login:
        said = login.run("echo out; echo err >&2; cat; exit 3", stdin=b"typed")
        assert (said.exit, said.out, said.err) == (3, "out\ntyped", "err\n")
        assert login.run("cd ~ && pwd").out.strip() == str(pocket.home)
        assert login.run("command -v sbatch").out.strip() == str(pocket.folder / "bin" / "sbatch")
        assert login.run("bash -lc 'command -v squeue'").out.strip() == str(pocket.folder / "bin" / "squeue")
        big = login.run("head -c 3000000 /dev/zero | tr '\\0' x")
        assert len(big.out) == 3_000_000


def test_a_command_that_a_signal_ends_says_so(pocket: PocketInfo) -> None:
    with Login(pocket) as login:
        assert login.run("kill -TERM $$").exit == -1  # paramiko has no status for an exit-signal


def test_commands_run_side_by_side_on_one_login(pocket: PocketInfo) -> None:
    with Login(pocket) as login:
        first = login.client.exec_command("read x; echo $x")
        assert login.run("echo second").out == "second\n"
        first[0].write("first\n")
        assert first[1].read() == b"first\n"


def test_a_lost_login_ends_its_command(pocket: PocketInfo) -> None:
    with Login(pocket) as login:
        _, out, _ = login.client.exec_command("echo $$; exec sleep 60")
        pid = out.readline().strip()
    with Login(pocket) as login:
        assert wait_for(lambda: login.run(f"kill -0 {pid}").exit != 0)


def test_sftp_reads_at_an_offset_and_renames_over(pocket: PocketInfo) -> None:
    with Login(pocket) as login, login.client.open_sftp() as sftp:
        assert sftp.normalize(".") == str(pocket.home)
        with sftp.open("log.part", "wb") as file:
            file.write(b"0123456789" * 1000)
        sftp.posix_rename("log.part", "log")
        with sftp.open("log.part", "wb") as file:
            file.write(b"abcdefghij" * 1000)
        sftp.posix_rename("log.part", "log")
        with sftp.open("log", "rb") as file:
            file.seek(9_995)
            assert file.read(100) == b"fghij"
        assert sftp.stat("log").st_size == 10_000
        with pytest.raises(FileNotFoundError):
            sftp.stat("nothing")
        assert (pocket.home / "log").read_bytes()[:3] == b"abc"


def test_only_the_one_key_opens(pocket: PocketInfo) -> None:
    at = pocket.endpoint
    user, other_key = at.user or "", paramiko.ECDSAKey.generate()
    for log_in in (
        lambda transport: transport.auth_publickey(user, other_key),
        lambda transport: transport.auth_password(user, "anything"),
    ):
        with paramiko.Transport((at.host, at.port or 0)) as transport:
            transport.start_client(timeout=10)
            with pytest.raises(paramiko.AuthenticationException):
                log_in(transport)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is not installed")
def test_openssh_client(pocket: PocketInfo) -> None:
    at = pocket.endpoint
    options = ["-F", "/dev/null", "-i", str(at.identity_file), "-o", f"UserKnownHostsFile={at.known_hosts}"]
    options += ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-p", str(at.port)]
    said = subprocess.run(
        ["ssh", *options, f"{at.user}@{at.host}", "squeue --version; exit 5"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (said.returncode, said.stdout) == (5, "slurm-wlm 22.05.8\n"), said.stderr


async def test_asyncssh_client(pocket: PocketInfo) -> None:
    at = pocket.endpoint
    options = {"username": at.user, "client_keys": [at.identity_file], "known_hosts": at.known_hosts}
    async with asyncssh.connect(at.host, at.port or 0, config=[], **options) as connection:
        done = await connection.run("sinfo -h -o %P")
        assert done.stdout == "demo*\nshort\ngpu\n"


def test_a_scheduler_command_is_quick(pocket: PocketInfo) -> None:
    with Login(pocket) as login:
        login.client.get_transport().sock.setsockopt(6, 1, 1)  # type: ignore[union-attr] # TCP_NODELAY
        took = []
        for _ in range(15):
            begin = time.perf_counter()
            login.run("squeue -h --me")
            took.append(time.perf_counter() - begin)
        assert statistics.median(took) < 0.2  # about 0.03 on an idle machine
