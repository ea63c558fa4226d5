"""The commands sbatch, squeue, …: hands the command line to the daemon and prints its answer.

Run as `python -I -S -E client.py FOLDER PROGRAM ARGS…`; imports as little as it can, because every call pays for it.
Frames: a line of ASCII lengths, then that many bytes each.
"""

import _socket
import os
import sys

CONNECT_TEXT = {
    "squeue": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
    "scontrol": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
    "sinfo": "slurm_load_partitions: Unable to contact slurm controller (connect failure)\n",
    "sbatch": "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
    "scancel": "scancel: error: Unable to contact slurm controller (connect failure)\n",
    "srun": "srun: error: Unable to allocate resources: Unable to contact slurm controller (connect failure)\n",
    "sacct": "sacct: error: Problem talking to the database: Connection refused\n",
    "pocketctl": "pocketctl: the pocket cluster is not running\n",
    "sacctmgr": "sacctmgr: error: Problem talking to the database: Connection refused\n",
}


def send(connection: _socket.socket, *parts: bytes) -> None:
    connection.sendall(" ".join(str(len(part)) for part in parts).encode() + b"\n" + b"".join(parts))


def receive(connection: _socket.socket) -> list[bytes]:
    head = b""
    while not head.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise OSError
        head += byte
    parts = []
    for length in map(int, head.split()):
        chunks = []
        while length:
            chunk = connection.recv(min(length, 1 << 16))
            if not chunk:
                raise OSError
            chunks.append(chunk)
            length -= len(chunk)
        parts.append(b"".join(chunks))
    return parts


def connect(folder: str) -> _socket.socket:
    """Connects from inside the folder: a socket's path may not be longer than about 100 bytes."""
    here = os.open(".", os.O_RDONLY)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        os.chdir(folder)
        connection.connect("control")
    finally:
        os.fchdir(here)
        os.close(here)
    return connection


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def run_step(connection: _socket.socket, plan: str) -> int:
    """Runs the tasks of a step that the daemon has planned ("TASKS LABEL"), each with its own SLURM_PROCID.

    A signal to srun goes on to the tasks, and srun stays as long as they do. The daemon learns of the end by the last
    frame on the connection.
    """
    import signal

    words = plan.split("\0")
    count, label, variables, command = int(words[0]), words[1], int(words[2]), words[3:]
    settings = dict(pair.split("=", 1) for pair in command[:variables])
    command = command[variables:]
    os.environ.update(settings)
    tasks: dict[int, int] = {}

    def pass_on(number: int, _: object) -> None:
        for pid in tasks:
            try:
                os.kill(pid, number)
            except OSError:
                continue

    passed_on = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)  # a task must not take a signal while it is still an srun
    for number in passed_on:
        signal.signal(number, pass_on)
    for rank in range(count):
        pid = os.fork()
        if pid == 0:
            for number in passed_on:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
            os.environ.update(SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank), SLURM_GTIDS=str(rank))
            try:
                os.execvp(command[0], command)
            except OSError as error:
                write_all(2, f"slurmstepd: error: execve(): {command[0]}: {error.strerror}\n".encode())
            os._exit(2)
        tasks[pid] = rank
    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
    worst, killer = 0, 0
    while tasks:
        pid, status = os.wait()
        rank = tasks.pop(pid, -1)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            killer = killer or -code
            write_all(2, f"srun: error: {label}: task {rank}: {_describe(-code)}\n".encode())
            code = 128 - code
        elif code:
            write_all(2, f"srun: error: {label}: task {rank}: Exited with exit code {code}\n".encode())
        worst = max(worst, code)
    try:
        send(connection, f"{0 if killer else worst} {killer}".encode())
    except OSError:
        return worst
    return worst


def _describe(number: int) -> str:
    import signal

    return signal.strsignal(number) or f"Signal {number}"


def main() -> int:
    folder, program = sys.argv[1:3]
    try:
        cwd = os.getcwd()  # noqa: PTH109
    except OSError:
        cwd = "/"
    environment = b"\0".join(key + b"=" + value for key, value in os.environb.items())
    arguments = b"\0".join(os.fsencode(word) for word in sys.argv[2:])
    mask = os.umask(0)
    os.umask(mask)
    stdin = b""
    asked = b""
    try:
        while True:
            connection = connect(folder)
            facts = f"{os.getpid()} {mask}".encode()
            send(connection, arguments, environment, os.fsencode(cwd), facts, asked, stdin)
            kind, code, out, err = receive(connection)
            if kind != b"stdin":
                break
            connection.close()
            asked, stdin = b"1", sys.stdin.buffer.read()
    except OSError:
        write_all(2, CONNECT_TEXT.get(program, "").encode())
        return 1
    write_all(1, out)
    write_all(2, err)
    if kind == b"run":
        return run_step(connection, code.decode())
    return int(code)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)
