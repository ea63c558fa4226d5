"""Starts the training processes of one node and passes requests to stop on to every one of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

from trainer import arguments, signals
from trainer.spec import Spec

STOP_SIGNALS: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT)
SHUTDOWN_S: Final = 240
"""How long torchrun waits for ranks that are saving after it got a TERM; it kills them then."""
_AGAIN_S: Final = 2.0
"""A request may come before the ranks are there to hear it, so it is passed on again and again."""
_BUNDLE: Final = Path(__file__).resolve().parents[1]


class Ranks:
    """The processes behind one start.

    Args:
        process: the only rank, torchrun, or the srun that starts torchrun on every node.
        kind: "rank", "torchrun" or "srun".
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], kind: str) -> None:
        self.kind = kind
        self.asked: signal.Signals | None = None
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, preexec_fn=_in_child)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.stop(signal.Signals(number))

    def stop(self, number: signal.Signals) -> None:
        """Asks all ranks to save and stop; `number` is passed on as the reason."""
        number = signal.SIGTERM if number is signal.SIGINT else number
        if self.asked is None:
            print(f"asked to stop by {number.name}: saving a checkpoint at the end of this step", flush=True)
        self.asked = number
        self._pass_on()

    def _pass_on(self) -> None:
        if self.asked is None or self.process.poll() is not None:
            return
        if self.kind == "srun":  # a TERM would end the step at once
            self.process.send_signal(signal.SIGUSR1 if self.asked is signal.SIGTERM else self.asked)
            return
        for process in [self.process.pid] if self.kind == "rank" else _children(self.process.pid):
            _send(process, self.asked)

    def wait(self) -> Iterator[None]:
        """Yields now and then until the processes have ended; their status is in `process.returncode` then."""
        while True:
            try:
                self.process.wait(timeout=_AGAIN_S)
            except subprocess.TimeoutExpired:
                self._pass_on()
                yield
            else:
                return


def start_node(spec: Spec) -> Ranks:
    """Starts this node's ranks: one plain process, or torchrun with one a GPU."""
    settings = spec.settings
    environment = node_environment(spec)
    trainer = ["-m", "trainer", "train", "--run-dir", str(spec.run_dir)]
    if settings.world_size == 1 and settings.deepspeed != "zero2":
        return Ranks([sys.executable, *trainer], environment, "rank")
    torchrun = ["-m", "torch.distributed.run", f"--nproc-per-node={settings.ranks_per_node}", "--max-restarts=0"]
    if settings.nodes == 1:
        torchrun += ["--standalone"]
    else:
        torchrun += [f"--nnodes={settings.nodes}", f"--node-rank={os.environ['SLURM_NODEID']}"]
        torchrun += [f"--master-addr={os.environ['MASTER_ADDR']}", f"--master-port={os.environ['MASTER_PORT']}"]
    if _torchrun_knows("shutdown-timeout"):
        torchrun += [f"--shutdown-timeout={SHUTDOWN_S}"]
    return Ranks([sys.executable, *torchrun, *trainer], environment, "torchrun")


def start_nodes(spec: Spec) -> Ranks:
    """Starts one `start_node` a node, through srun; this is the first of the job's nodes."""
    nodes = str(spec.settings.nodes)
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    if "SLURM_CPUS_PER_TASK" in os.environ:  # srun no longer takes it over from sbatch
        srun += [f"--cpus-per-task={os.environ['SLURM_CPUS_PER_TASK']}"]
    job = int(os.environ.get("SLURM_JOB_ID", "0"))
    environment = {"MASTER_ADDR": socket.gethostname(), "MASTER_PORT": str(20000 + job % 10000)}
    command = [*srun, "--export=ALL", sys.executable, "-m", "trainer.launch", "--node", str(spec.run_dir)]
    return Ranks(command, environment, "srun")


def node_environment(spec: Spec) -> dict[str, str]:
    """What a node's Python processes need: where the trainer is, and on a CPU what stands in for a GPU's libraries."""
    path = [str(_BUNDLE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = arguments.environment(spec)
    if spec.settings.gpus_per_node == 0:
        path.insert(0, str(_BUNDLE / "trainer" / "cpu_shim"))
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif spec.settings.world_size == 1:  # LLaMA-Factory refuses a plain process that sees more
        environment["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    return {**environment, "PYTHONPATH": os.pathsep.join(path)}


def _in_child() -> None:
    """The signals would kill a process that does not listen yet, and USR1 torchrun's agent at any time.

    A Ctrl-C reaches all processes of a terminal; it is this launcher's to pass it on as a TERM.
    """
    signals.die_with_parent()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _children(parent: int) -> list[int]:
    """Pids of a process's children: from Linux's /proc, or from ps where there is none."""
    try:
        threads = list(Path(f"/proc/{parent}/task").glob("*/children"))
        if threads:
            return [int(pid) for thread in threads for pid in thread.read_text().split()]
        done = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
    except OSError:  # the process has just ended, or there is no ps
        return []
    pairs = (line.split() for line in done.stdout.splitlines())
    return [int(pair[0]) for pair in pairs if len(pair) == 2 and pair[1] == str(parent)]


def _torchrun_knows(option: str) -> bool:
    """Reads torchrun's source instead of importing torch, which takes seconds."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return False
    source = Path(torch.origin).parent / "distributed" / "run.py"
    return source.is_file() and f'"--{option}"' in source.read_text(encoding="utf-8")
