"""Parent of one batch script: starts it, waits for it and writes down how it ended, whatever becomes of the daemon.

Run alone as `python -I -S wrapper.py SPOOL`: it may import nothing of the app. SPOOL holds spec.json, written by the
scheduler. It holds a lock on SPOOL/lock for its whole life (so that its pid can never be mistaken), writes SPOOL/pid
("wrapper batch"), and at the end SPOOL/status ("wait-status Unix-time", or "launch Unix-time" where the script could
not be started). On Linux it adopts the job's orphans, and stays until the last of them has ended.
"""

import fcntl
import json
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def write(path: str, text: str) -> None:
    """Writes a small file that is never seen half written."""
    with open(path + ".new", "w") as file:  # noqa: PTH123 - pathlib costs 10 ms of start-up
        file.write(text)
    os.replace(path + ".new", path)  # noqa: PTH105


def adopt_orphans() -> None:
    """Makes this process the parent of the job's orphans, where the system can."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def run_script(spec: dict, spool: str) -> None:  # type: ignore[type-arg]
    """In the child: a session of its own, the job's files, folder and environment, then the script."""
    os.setsid()
    os.umask(spec["umask"])
    os.chdir(spec["cwd"])
    how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if spec["append"] else os.O_TRUNC)
    out = os.open(spec["stdout"], how, 0o666)  # always appending: Slurm's own lines go into the same files
    err = out if spec["stderr"] == spec["stdout"] else os.open(spec["stderr"], how, 0o666)
    source = os.open(spec["stdin"], os.O_RDONLY)
    for number, handle in enumerate((source, out, err)):
        os.dup2(handle, number)
    os.execve(os.path.join(spool, "script"), [spec["argv0"], *spec["args"]], spec["env"])  # noqa: PTH118


def main(spool: str) -> None:
    os.setsid()
    lock = os.open(spool + "/lock", os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if os.path.exists(spool + "/pid"):  # noqa: PTH110
        return  # started twice
    with open(spool + "/spec.json") as file:  # noqa: PTH123
        spec = json.load(file)
    adopt_orphans()
    for number in DEAF_TO:
        signal.signal(number, lambda *_: None)  # a handler, not SIG_IGN: the script must not inherit deafness
    failed, tell = os.pipe()
    go, let_go = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)  # what is sent to the script before it is one must still reach it
    batch = os.fork()
    if batch == 0:
        for number in DEAF_TO:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, DEAF_TO)
        os.close(let_go)
        os.read(go, 1)  # until the pid is on disk
        try:
            run_script(spec, spool)
        except BaseException as error:
            os.write(tell, str(error).encode())
        os._exit(127)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DEAF_TO)
    write(spool + "/pid", f"{os.getpid()} {batch}")
    os.close(go)
    os.close(let_go)
    os.close(tell)
    why = os.read(failed, 4096)
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            break
        if pid == batch:
            ended = time.time()
            write(spool + "/status", f"launch {ended} {why.decode()}" if why else f"{status} {ended}")
            knock(spec["knock"])


def knock(fifo: str) -> None:
    """Wakes the scheduler if it is there; it also looks by itself from time to time."""
    try:
        handle = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        os.write(handle, b"\n")
        os.close(handle)
    except OSError:
        return


if __name__ == "__main__":
    main(sys.argv[1])
