"""srun inside a job: plans a step, which the shim then runs; its tasks all share this machine."""

from __future__ import annotations

from pathlib import PurePosixPath

from websight_tui.pocket.commands.job_options import STEP, read_wishes
from websight_tui.pocket.model import VERSION, CommandError, Job, Request
from websight_tui.pocket.scheduler import Scheduler


def plan(scheduler: Scheduler, request: Request) -> tuple[str, Job]:
    """(the plan for shims/client.py's run_step, the job); the step is noted as running."""
    found, command = STEP.parse(request.args)
    if any(name == "version" for name, _ in found):
        command = ["echo", f"slurm-wlm {VERSION}"]
    wishes = read_wishes("srun", found)
    number = request.env.get("SLURM_JOB_ID", "")
    job = scheduler.jobs.get(int(number)) if number.isdigit() else None
    if not command:
        raise CommandError("srun: fatal: No command given to execute.\n")
    if job is None:
        raise CommandError(
            "srun: error: Unable to allocate resources: on this small cluster srun works only inside jobs\n"
        )
    if job.state != "RUNNING":
        raise CommandError("srun: error: Unable to create step: Job/step already completing or completed\n")
    count = wishes.ntasks or (wishes.ntasks_per_node or 0) * (wishes.nodes or job.nodes) or job.ntasks
    step = {"id": len(job.steps), "name": PurePosixPath(command[0]).name, "state": "RUNNING", "pid": request.pid}
    job.steps.append(step)
    scheduler.step_pids.setdefault(job.job_id, set()).add(request.pid)
    scheduler.save(job)
    settings = {
        "SLURM_STEP_ID": step["id"],
        "SLURM_STEPID": step["id"],
        "SLURM_STEP_NUM_TASKS": count,
        "SLURM_STEP_NUM_NODES": job.nodes,
        "SLURM_NTASKS": count,
        "SLURM_NPROCS": count,
    }
    words = [str(count), job.node_list[0], str(len(settings)), *(f"{k}={v}" for k, v in settings.items()), *command]
    return "\0".join(words), job


def ended(scheduler: Scheduler, job: Job, pid: int, last: str) -> None:
    """Notes a step's end.

    Args:
        pid: of its srun.
        last: "EXIT SIGNAL", srun's last word.
    """
    code, number = (int(word) for word in last.split())
    scheduler.step_pids.get(job.job_id, set()).discard(pid)
    for step in job.steps:
        if step["pid"] == pid and step["state"] == "RUNNING":
            cancelled = number or job.completing
            step |= {"state": "CANCELLED" if cancelled else "FAILED" if code else "COMPLETED"}
            step |= {"code": code, "signal": number}
    scheduler.save(job)
