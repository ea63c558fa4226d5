"""The pocket cluster's one process: SSH server, scheduler, and the socket on which the commands ask.

    python -m websight_tui.pocket.daemon FOLDER [--clock-factor F] [--nodes N] [--ready-fd FD]

Everything it writes is in FOLDER. SIGTERM ends it and leaves jobs running, as restarting a controller does; the
command `pocketctl shutdown` (which control.stop uses) ends the jobs, too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from websight_tui.pocket.commands.dispatch import answer
from websight_tui.pocket.commands.srun import ended
from websight_tui.pocket.database import Database
from websight_tui.pocket.model import Job, Request, make_cluster, this_user
from websight_tui.pocket.processes import identity
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.shims.install import install
from websight_tui.pocket.ssh_server import Gate
from websight_tui.pocket.times import Clock

INHERITED = ("LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What logins get of the daemon's environment."""
_SHUTDOWN_S = 5.0
"""Real seconds that jobs have to end in when the cluster is shut down, before SIGKILL."""


class Daemon:
    """Puts the parts together and runs until it is told to stop."""

    def __init__(self, folder: Path, clock_factor: float, nodes: int) -> None:
        self.folder = folder
        self.clock_factor = clock_factor
        self.nodes = nodes
        self.awake = asyncio.Event()
        self.stopping = asyncio.Event()
        self.scheduler = Scheduler(folder, make_cluster(nodes), this_user(), self._clock(), self.awake.set)

    def _clock(self) -> Clock:
        """The cluster's clock: it starts with the real time and never jumps, also when the factor changes."""
        database = Database(self.folder / "jobs.sqlite")
        stored = database.fact("clock")
        now = time.time()
        shown = Clock(*json.loads(stored)).at(now) if stored else now
        clock = Clock(now, shown, self.clock_factor)
        database.set_fact("clock", json.dumps([clock.real0, clock.cluster0, clock.factor]))
        database.close()
        return clock

    async def run(self, ready_fd: int | None) -> None:
        """Serves until stopped."""
        shims = install(self.folder)
        home = self.folder / "home"
        user = self.scheduler.user.name
        environment = {
            **{key: value for key, value in os.environ.items() if key in INHERITED},
            "PATH": f"{shims}:{os.environ.get('PATH') or os.defpath}",
            "HOME": str(home),
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/sh",
        }
        os.chdir(self.folder)
        (self.folder / "control").unlink(missing_ok=True)
        listener = await asyncio.start_unix_server(self._serve, "control")
        os.chdir(home)  # SFTP's relative paths start here
        self._listen_for_knocks()
        gate = Gate(self.folder, environment)
        old_port = self._old_port()
        await gate.open(old_port)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stopping.set)
        self.scheduler.recover()
        self._publish(gate.port, user)
        if ready_fd is not None:
            os.write(ready_fd, b"ready\n")
            os.close(ready_fd)
        await self._schedule()
        listener.close()
        await gate.close()
        self.scheduler.close()
        (self.folder / "pocket.json").unlink(missing_ok=True)

    def _old_port(self) -> int:
        """The port of the last start, so that clients find a restarted cluster where it was."""
        try:
            return int((self.folder / "port").read_text())
        except (OSError, ValueError):
            return 0

    def _publish(self, port: int, user: str) -> None:
        (self.folder / "port").write_text(str(port))
        new = self.folder / "pocket.json.new"
        facts = {
            "pid": os.getpid(),
            "identity": identity(os.getpid()),
            "port": port,
            "user": user,
            "clock_factor": self.clock_factor,
            "nodes": self.nodes,
        }
        new.write_text(json.dumps(facts))
        new.replace(self.folder / "pocket.json")

    def _listen_for_knocks(self) -> None:
        """A named pipe on which wrappers say that a script has ended."""
        path = self.folder / "knock"
        if not path.exists():
            os.mkfifo(path, 0o600)
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)

        def knocked() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(handle, 4096)
            self.awake.set()

        asyncio.get_running_loop().add_reader(handle, knocked)

    async def _schedule(self) -> None:
        """Ticks whenever something happens or is due."""
        stop = asyncio.ensure_future(self.stopping.wait())
        while not self.stopping.is_set():
            self.awake.clear()
            try:
                delay = self.scheduler.tick()
            except Exception:
                traceback.print_exc()
                delay = 1.0
            wait = asyncio.ensure_future(self.awake.wait())
            await asyncio.wait({wait, stop}, timeout=min(delay, 3600.0), return_when=asyncio.FIRST_COMPLETED)
            wait.cancel()
        stop.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One command: see shims/client.py for the frames."""
        try:
            parts = await _read_frame(reader)
            request = _request(parts)
            if request.program == "pocketctl" and request.args[:1] == ("shutdown",):
                await self._shutdown()
                _write_frame(writer, b"exit", b"0", b"", b"")
                await writer.drain()
                self.stopping.set()
                return
            kind, code, out, err, job = await answer(self.scheduler, request)
            _write_frame(writer, kind.encode(), code.encode(), out, err)
            await writer.drain()
            if kind == "run" and job is not None:
                await self._follow_step(job, request.pid, reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            return
        finally:
            writer.close()

    async def _follow_step(self, job: Job, pid: int, reader: asyncio.StreamReader) -> None:
        """A step lasts as long as its srun holds the connection; srun's last word is its exit status."""
        last = b"0 15"
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            last = (await _read_frame(reader))[0]
        ended(self.scheduler, job, pid, last.decode())

    async def _shutdown(self) -> None:
        """Ends all jobs, and waits for the last of their processes."""
        self.scheduler.end_all()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SHUTDOWN_S
        while any(job.completing for job in self.scheduler.jobs.values()):
            if loop.time() > deadline:
                for job in self.scheduler.jobs.values():
                    if job.completing:
                        self.scheduler.incarnation(job).signal_all(signal.SIGKILL)
            self.scheduler.tick()
            self.awake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.awake.wait(), 0.05)


async def _read_frame(reader: asyncio.StreamReader) -> list[bytes]:
    head = await reader.readuntil(b"\n")
    return [await reader.readexactly(int(length)) for length in head.split()]


def _write_frame(writer: asyncio.StreamWriter, *parts: bytes) -> None:
    writer.write(" ".join(str(len(part)) for part in parts).encode() + b"\n" + b"".join(parts))


def _request(parts: list[bytes]) -> Request:
    arguments, environment, cwd, facts, asked, stdin = parts
    program, *args = [os.fsdecode(word) for word in arguments.split(b"\0")]
    pairs = (os.fsdecode(item).partition("=") for item in environment.split(b"\0") if item)
    pid, umask = facts.decode().split()
    env = {**{key: value for key, _, value in pairs}, "_POCKET_UMASK": umask}
    return Request(program, tuple(args), os.fsdecode(cwd), env, stdin if asked else None, int(pid))


def main() -> int:
    """Runs the daemon; 3 if another one has the folder."""
    parser = argparse.ArgumentParser(prog="websight_tui.pocket.daemon", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clock-factor", type=float, default=1.0)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--ready-fd", type=int)
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    lock = os.open(folder / "daemon.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return 3

    async def serve() -> None:
        await Daemon(folder, options.clock_factor, options.nodes).run(options.ready_fd)

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
