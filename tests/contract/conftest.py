"""Every way to a cluster, for one suite that knows nothing of the difference."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.client import LabPerson, require_lab
from tests.remote.servers import Person, Server
from websight_tui.pocket import control
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Endpoint, Prompter, Transport


@dataclass
class Place:
    """One way to one cluster.

    Args:
        transport: connected.
        prompter: who answered during the login.
        endpoint: to open another.
        scheduler: "" (none), "slurm" (with accounting), "bare" (without) or "pocket".
        folder: absolute path on the cluster where the test may write.
        account: for sbatch.
        asks: questions that a login needs.
        awake: a context in which no other test lets the controller hang.
    """

    transport: Transport
    prompter: Prompter
    endpoint: Endpoint
    scheduler: str
    folder: str
    account: str = ""
    asks: tuple[str, ...] = ()
    awake: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext


LAB_WAYS = {
    "key": ("lab-key", "paramiko", "slurm", ()),
    "jump": ("lab-via", "paramiko", "slurm", ()),
    "two-jumps": ("lab-far", "paramiko", "slurm", ()),
    "proxy-command": ("lab-piped", "paramiko", "slurm", ()),
    "otp": ("lab-otp", "paramiko", "slurm", ("Password: ", "Verification code: ")),
    "key-and-code": ("lab-keyotp", "paramiko", "slurm", ("Verification code: ",)),
    "noisy": ("lab-noisy", "paramiko", "slurm", ()),
    "no-accounting": ("lab-bare", "paramiko", "bare", ()),
    "openssh": ("lab-key", "openssh", "slurm", ()),
    "openssh-jump": ("lab-via", "openssh", "slurm", ()),
    "openssh-otp": ("lab-otp", "openssh", "slurm", ("Password: ", "Verification code: ")),
    "openssh-noisy": ("lab-noisy", "openssh", "slurm", ()),
}
# One login serves all tests of a way: a worker of a parallel run takes the whole of it.
WAYS = (
    *(pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("local", "server", "pocket")),
    *(
        pytest.param(f"lab-{name}", marks=[pytest.mark.cluster, pytest.mark.xdist_group(f"lab-{name}")])
        for name in LAB_WAYS
    ),
)


@pytest.fixture(scope="session", params=WAYS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Each way to a cluster in turn, logged in once for all tests."""
    way: str = request.param
    with contextlib.ExitStack() as stack:
        makers: dict[str, Callable[[], Place]] = {
            "local": lambda: _local(tmp_path_factory.mktemp("local")),
            "server": lambda: _server(tmp_path_factory.mktemp("server"), stack),
            "pocket": lambda: _pocket(tmp_path_factory.mktemp("pocket"), stack),
        }
        found = makers[way]() if way in makers else _lab(way.removeprefix("lab-"), stack)
        found.transport.connect(found.prompter)
        stack.callback(found.transport.close)
        if not found.folder:
            home = found.transport.exec('printf %s "$HOME"', timeout=20).stdout
            found.folder = f"{home}/contract-{secrets.token_hex(4)}"
        found.transport.exec(f"mkdir -p {found.folder}", timeout=20)
        yield found


def _local(folder: Path) -> Place:
    endpoint = Endpoint(transport="local")
    return Place(open_transport(endpoint), Person(), endpoint, "", str(folder))


def _server(folder: Path, stack: contextlib.ExitStack) -> Place:
    server = Server(folder / "server")
    stack.callback(server.stop)
    server.know()
    endpoint = server.endpoint()
    return Place(open_transport(endpoint), Person(), endpoint, "", str(folder))


def _pocket(folder: Path, stack: contextlib.ExitStack) -> Place:
    info = control.start(folder)
    stack.callback(control.stop, folder)
    work = folder / "work"
    work.mkdir()
    return Place(open_transport(info.endpoint), Person(), info.endpoint, "pocket", str(work))


def _lab(way: str, stack: contextlib.ExitStack) -> Place:
    lab = require_lab()
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setenv("WEBSIGHT_TUI_SSH_CONFIG", lab.ssh_config)
    host, transport, scheduler, asks = LAB_WAYS[way]
    endpoint = Endpoint(host=host, transport=transport)
    return Place(open_transport(endpoint), LabPerson(lab), endpoint, scheduler, "", lab.account, asks, lab.awake)
