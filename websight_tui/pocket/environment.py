"""What a job's script finds: its SLURM_* variables, and the names of its output files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from websight_tui.pocket.model import Job, User


def compress_nodes(names: list[str]) -> str:
    """ "pocket[01-02]" for consecutive nodes, as Slurm writes node lists."""
    if len(names) < 2:
        return "".join(names)
    stem = names[0].rstrip("0123456789")
    numbers = sorted(int(name[len(stem) :]) for name in names)
    width = len(names[0]) - len(stem)
    return f"{stem}[{ranges(numbers, width)}]"


def ranges(numbers: list[int], width: int = 1) -> str:
    """ "0-3,7" for [0, 1, 2, 3, 7]."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a:0{width}}" if a == b else f"{a:0{width}}-{b:0{width}}" for a, b in parts)


def expand_nodes(text: str) -> list[str]:
    """The names in "pocket01,pocket[02-03]"."""
    names: list[str] = []
    for stem, inside, plain in re.findall(r"([^,\[\]]*)\[([^\]]*)\]|([^,\[\]]+)", text):
        if plain:
            names.append(plain)
            continue
        for part in inside.split(","):
            low, _, high = part.partition("-")
            names += [f"{stem}{n:0{len(low)}}" for n in range(int(low), int(high or low) + 1)]
    return names


def expand_pattern(pattern: str, job: Job, user: User) -> str:
    """An output file's name: %j %J %A %a %x %u %N %n %t %s %%, with a width as in %4j; relative to the job's folder."""

    def value(match: re.Match[str]) -> str:
        width, letter = match.groups()
        values: dict[str, str] = {
            "j": str(job.job_id),
            "J": str(job.job_id),
            "A": str(job.array_key),
            "a": str(job.array_task_id if job.array_task_id is not None else 4294967294),
            "x": job.name,
            "u": user.name,
            "N": job.node_list[0] if job.node_list else "",
            "n": "0",
            "t": "0",
            "s": "batch",
            "%": "%",
        }
        text = values.get(letter, match[0])
        return text.rjust(int(width), "0") if width and text.isdigit() else text

    name = re.sub(r"%(\d*)([A-Za-z%])", value, pattern)
    return str(PurePosixPath(job.work_dir) / name)


def output_paths(job: Job, user: User) -> tuple[str, str]:
    """(stdout, stderr) of the job, absolute."""
    default = "slurm-%A_%a.out" if job.array_job_id is not None else "slurm-%j.out"
    out = expand_pattern(job.stdout or default, job, user)
    return out, expand_pattern(job.stderr, job, user) if job.stderr else out


def job_environment(job: Job, base: Mapping[str, str], user: User, cluster: str) -> dict[str, str]:
    """The environment of the batch script: what was exported at submission and Slurm's variables.

    Args:
        base: the exported part.
        cluster: its name.
    """
    nodes = compress_nodes(job.node_list)
    per_node = job.ntasks_per_node or -(-job.ntasks // job.nodes)
    repeated = f"(x{job.nodes})" if job.nodes > 1 else ""
    env = {
        **base,
        "ENVIRONMENT": "BATCH",
        "SLURMD_NODENAME": job.node_list[0],
        "SLURM_CLUSTER_NAME": cluster,
        "SLURM_CPUS_ON_NODE": str(job.cpus_per_node),
        "SLURM_GTIDS": "0",
        "SLURM_JOBID": str(job.job_id),
        "SLURM_JOB_ACCOUNT": job.account,
        "SLURM_JOB_CPUS_PER_NODE": f"{job.cpus_per_node}{repeated}",
        "SLURM_JOB_GID": str(user.gid),
        "SLURM_JOB_ID": str(job.job_id),
        "SLURM_JOB_NAME": job.name,
        "SLURM_JOB_NODELIST": nodes,
        "SLURM_JOB_NUM_NODES": str(job.nodes),
        "SLURM_JOB_PARTITION": job.partition,
        "SLURM_JOB_QOS": job.qos,
        "SLURM_JOB_UID": str(user.uid),
        "SLURM_JOB_USER": user.name,
        "SLURM_JOB_START_TIME": str(int(job.start or 0)),
        "SLURM_LOCALID": "0",
        "SLURM_MEM_PER_NODE": str(job.memory_mb),
        "SLURM_NNODES": str(job.nodes),
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": nodes,
        "SLURM_NODE_ALIASES": "(null)",
        "SLURM_PRIO_PROCESS": "0",
        "SLURM_PROCID": "0",
        "SLURM_RESTART_COUNT": str(job.restarts),
        "SLURM_SUBMIT_DIR": base.get("SLURM_SUBMIT_DIR", job.work_dir),
        "SLURM_SUBMIT_HOST": "localhost",
        "SLURM_TASKS_PER_NODE": f"{per_node}{repeated}",
        "SLURM_TOPOLOGY_ADDR": job.node_list[0],
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    }
    if job.deadline is not None:
        env["SLURM_JOB_END_TIME"] = str(int(job.deadline))
    if not job.restarts:
        del env["SLURM_RESTART_COUNT"]
    if job.ntasks > 1 or job.ntasks_per_node:
        env["SLURM_NTASKS"] = env["SLURM_NPROCS"] = str(job.ntasks)
    if job.ntasks_per_node:
        env["SLURM_NTASKS_PER_NODE"] = str(job.ntasks_per_node)
    if job.cpus_per_task:
        env["SLURM_CPUS_PER_TASK"] = str(job.cpus_per_task)
    if job.gpus:
        ids = ",".join(str(i) for i in range(job.gpus))
        env |= {"CUDA_VISIBLE_DEVICES": ids, "GPU_DEVICE_ORDINAL": ids, "SLURM_JOB_GPUS": ids}
        env["SLURM_GPUS_ON_NODE"] = str(job.gpus)
    if job.array_job_id is not None:
        env["SLURM_ARRAY_JOB_ID"] = str(job.array_job_id)
        env["SLURM_ARRAY_TASK_ID"] = str(job.array_task_id)
    return env
