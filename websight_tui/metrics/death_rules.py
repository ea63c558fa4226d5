"""How the reasons that jobs die of look in their output: a table, most telling first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """How one reason looks in a log.

    Args:
        kind: a stable name.
        marks: texts of which its line holds one: looked for first, because that is fast.
        pattern: matched against the line; its groups detail, other and command go into the message's {detail}.
        message, hint: for people.
        slurm: Slurm wrote it, so it is true whatever came after it.
    """

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    message: str
    hint: str
    slurm: bool = False


def _rule(kind: str, marks: tuple[str, ...], pattern: str, message: str, hint: str, slurm: bool = False) -> Rule:
    return Rule(kind, marks, re.compile(pattern), message, hint, slurm)


RULES: Final[tuple[Rule, ...]] = (
    _rule(
        "time-limit",
        ("TIME LIMIT",),
        r"CANCELLED AT [^\n]{0,60}DUE (?i:to) TIME LIMIT",
        "The job ran into its time limit and Slurm killed it.",
        "Resume from the newest checkpoint, with a longer limit, fewer epochs or a chain of jobs.",
        slurm=True,
    ),
    _rule(
        "preempted",
        ("PREEMPTION",),
        r"CANCELLED AT [^\n]{0,60}DUE (?i:to) PREEMPTION",
        "The job was preempted: one of higher priority took its nodes.",
        "If it is not requeued by itself, resume from the newest checkpoint, or use a partition without preemption.",
        slurm=True,
    ),
    _rule(
        "requeued",
        ("JOB REQUEUE",),
        r"CANCELLED AT [^\n]{0,60}DUE (?i:to) JOB REQUEUE",
        "The job was requeued and will start again.",
        "Nothing to do: it resumes from the newest checkpoint when it starts.",
        slurm=True,
    ),
    _rule(
        "node-failure",
        ("NODE FAILURE", "Node failure on", "error: Node "),
        r"DUE (?i:to) NODE FAILURE|srun: error: Node failure on|error: Node \S+ (?:failed|not responding)",
        "A node of the job failed.",
        "Resume from the newest checkpoint; if it happens on the same node again, exclude it and tell the site.",
        slurm=True,
    ),
    _rule(
        "memory",
        ("oom", "Exceeded ", "exceeded memory limit", "Out Of Memory", "Out of memory: Kill"),
        r"oom[-_ ]kill(?:er)? event|Exceeded (?:job|step) memory limit|exceeded memory limit \(\d+ > \d+\)"
        r"|task \d+: Out Of Memory|Out of memory: Kill(?:ed)? process",
        "The node's memory given to the job ran out and the kernel killed it (this is not the GPU's memory).",
        "Ask for more with mem, or use fewer dataloader workers.",
        slurm=True,
    ),
    _rule(
        "cuda-oom",
        ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED"),
        r"(?:OutOfMemoryError|RuntimeError|AcceleratorError): CUDA (?:error: )?out of memory"
        r"(?:\.? ?Tried to allocate (?P<detail>[\d.]+ [KMGT]iB))?"
        r"|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED",
        "The GPU ran out of memory{detail}.",
        "Use a smaller batch per device with more accumulation, a shorter cutoff_len, or gradient checkpointing.",
    ),
    _rule(
        "disk",
        ("Disk quota exceeded", "No space left on device"),
        r"Disk quota exceeded|No space left on device",
        "The disk was full or the quota was used up.",
        "Free space or point the run at another file system, then resume from the newest complete checkpoint.",
    ),
    _rule(
        "bus-error",
        ("Bus error", "SIGBUS", "insufficient shared memory"),
        r"\bBus error\b|killed by signal: Bus error|\bSIGBUS\b|insufficient shared memory",
        "A process died with a bus error, mostly because shared memory (/dev/shm) ran out.",
        "Use fewer dataloader workers, or ask for more memory; in a container, enlarge /dev/shm.",
    ),
    _rule(
        "gpu-error",
        ("CUDA error: ", "support bf16/gpu", "No CUDA GPUs", "CUDA driver"),
        r"CUDA error: (?P<detail>device-side assert triggered|an illegal memory access was encountered"
        r"|unspecified launch failure|uncorrectable (?:NVLink|ECC) error[^\n]{0,40}|no CUDA-capable device is detected)"
        r"|Your setup doesn't support bf16/gpu|No CUDA GPUs are available|CUDA driver (?:initialization failed|error)",
        "A GPU failed or was not usable{detail}.",
        "Resume once; if it happens on the same node again, exclude that node and tell the site.",
    ),
    _rule(
        "module",
        ("ModuleNotFoundError: ", "ImportError: ", ": command not found"),
        r"ModuleNotFoundError: No module named '?(?P<detail>[\w.]+)|ImportError: (?P<other>[^\n]{1,160})"
        r"|: (?P<command>[\w./-]+): command not found$",
        "The environment lacks something that the job needs{detail}.",
        "Check the cluster's setup lines: are the right modules loaded and the right environment active?",
    ),
    _rule(
        "missing-file",
        ("FileNotFoundError: ", "does not appear to have a file", "Can't find a valid checkpoint"),
        r"FileNotFoundError: (?:\[Errno 2\] No such file or directory: )?(?P<detail>[^\n]{1,200})"
        r"|(?P<other>[^\n]{1,120}) does not appear to have a file named [^\n]{1,80}"
        r"|Can't find a valid checkpoint at (?P<command>[^\n]{1,160})",
        "A file that the job needs is not there{detail}.",
        "Check the path on the cluster, and whether the compute nodes see that file system.",
    ),
    _rule(
        "permission",
        ("PermissionError: ",),
        r"PermissionError: (?:\[Errno 13\] )?(?P<detail>[^\n]{1,200})",
        "A file or folder may not be used{detail}.",
        "Check who owns it and its mode on the cluster.",
    ),
    _rule(
        "download",
        (
            "OfflineModeIsEnabled",
            "LocalEntryNotFoundError",
            "GatedRepoError",
            "RepositoryNotFoundError",
            "couldn't connect to",
        ),
        r"OfflineModeIsEnabled|LocalEntryNotFoundError|GatedRepoError|RepositoryNotFoundError"
        r"|We couldn't connect to '[^\n]{1,80}' to load",
        "A model or data set could not be fetched from the compute node.",
        "Fetch it beforehand on a node with internet access, and check its name and your access to it.",
    ),
    _rule(
        "port",
        ("EADDRINUSE", "ddress already in use"),
        r"EADDRINUSE|[Aa]ddress already in use",
        "The port for the processes to meet was taken by another job on the node.",
        "Submit again; another port is chosen.",
    ),
    _rule(
        "nccl",
        (
            "Watchdog caught",
            "NCCL error",
            "ncclSystemError",
            "ncclInternalError",
            "ncclUnhandledCudaError",
            "DistBackendError: ",
            "Timed out ",
        ),
        r"Watchdog caught collective operation timeout|NCCL error(?: in)?:?|ncclSystemError|ncclInternalError"
        r"|ncclUnhandledCudaError|DistBackendError: (?!.*out of memory)[^\n]{1,120}"
        r"|Timed out (?:initializing process group|waiting for clients)",
        "The GPUs lost each other: a collective operation failed or timed out.",
        "Look which rank stopped first (its own error comes before); if none did, resume, and exclude the node.",
    ),
    _rule(
        "segfault",
        ("Segmentation fault", "SIGSEGV", "exitcode  : -11"),
        r"Segmentation fault|\bSIGSEGV\b|Signal 11 \(SIGSEGV\)|exitcode\s+: -11\b",
        "A process crashed with a segmentation fault.",
        "Resume once; if it comes back, the installed libraries do not fit each other or the driver.",
    ),
)
