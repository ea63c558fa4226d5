"""Slurm's states, reasons and error texts in plain words, each with a next step where there is one."""

from __future__ import annotations

import re
from typing import Final

from websight_tui.slurm_commands.model import Job

STATES: Final[dict[str, str]] = {
    "PENDING": "waiting in the queue",
    "CONFIGURING": "its nodes are being prepared",
    "RUNNING": "running",
    "SUSPENDED": "suspended by the scheduler",
    "STOPPED": "stopped by the scheduler",
    "COMPLETING": "ending: its nodes are being cleaned up",
    "RESIZING": "changing its size",
    "SIGNALING": "being sent a signal",
    "STAGE_OUT": "copying its files out",
    "REQUEUED": "put back into the queue",
    "REQUEUE_FED": "put back into the queue",
    "REQUEUE_HOLD": "put back into the queue and held",
    "RESV_DEL_HOLD": "held: its reservation is gone",
    "EXPEDITING": "put back into the queue, before all others",
    "POWER_UP_NODE": "its nodes are being switched on",
    "LAUNCH_FAILED": "its start failed on the node",
    "RECONFIG_FAIL": "its nodes could not be set up as it asked",
    "SPECIAL_EXIT": "put back into the queue and held after a special exit",
    "REVOKED": "started on another cluster of the federation",
    "COMPLETED": "ended well",
    "FAILED": "ended with an error",
    "TIMEOUT": "ended by its time limit",
    "CANCELLED": "cancelled",
    "OUT_OF_MEMORY": "killed: it used more memory (RAM) than it asked for",
    "NODE_FAIL": "lost its node",
    "BOOT_FAIL": "its nodes did not start",
    "DEADLINE": "not started before its deadline",
    "PREEMPTED": "pushed out by a job of higher priority",
    "ENDED": "no longer in the queue; how it ended is not known",
}
"""State → plain words. ENDED is ours: the job left the queue and there is no accounting."""

_READ_ON: Final = (
    "Read the end of the job's error output. If it gives no reason, there may have been no room to write one: look at "
    "`df -h` and `quota -s` there."
)
_STATE_STEPS: Final[dict[str, str]] = {
    "TIMEOUT": "Resume it: it goes on from its last checkpoint.",
    "PREEMPTED": "Resume it: it goes on from its last checkpoint. A partition that is not preemptible avoids this.",
    "NODE_FAIL": "Resume it: it goes on from its last checkpoint on other nodes.",
    "BOOT_FAIL": "Submit it again; if it happens twice, tell the administrators which nodes.",
    "OUT_OF_MEMORY": "Raise mem, or lower dataloader_num_workers or the batch.",
    "FAILED": _READ_ON,
    "DEADLINE": "Submit it again without a deadline.",
    "ENDED": "Read the end of the job's output: it says how it ended.",
}

_REASONS: Final[tuple[tuple[str, str, str], ...]] = (
    (r"Resources", "the next in line; waits for nodes to become free", ""),
    (r"Priority", "other jobs are ahead of it", "A shorter time limit can let it start earlier in a gap."),
    (r"Dependency", "waits for another job", ""),
    (r"DependencyNeverSatisfied", "waits for a job that ended otherwise: it will never start", "Cancel it."),
    (r"BeginTime", "waits for its start time (after a requeue: about two minutes)", ""),
    (r"JobHeldUser", "held by you", "Release it to let it start."),
    (r"JobHeldAdmin", "held by an administrator", "Ask the administrators why."),
    (
        r"launch failed requeued held|JobLaunchFailure|RaisedSignal:53\b.*",  # the last one from 23.11 on
        "its start failed on the node",
        "Release or resubmit it; if it fails again, check that its folders exist and tell the administrators the node.",
    ),
    (
        r"JobHoldMaxRequeue",
        "held: its start failed or it was requeued too often",
        "Read the end of its error output, then release or resubmit it.",
    ),
    (r"job requeued in held state", "put back into the queue and held", "Release it to let it start."),
    (r"NonZeroExitCode", "its script ended with an error", _READ_ON),
    (r"RaisedSignal.*", "a signal ended it", _READ_ON),
    (r"OutOfMemory", "it used more memory (RAM) than it asked for", "Raise mem."),
    (r"NodeDown", "its node went down", ""),
    (r"TimeLimit", "its time limit ended it", "Resume it: it goes on from its last checkpoint."),
    (r"BadConstraints|FedJobLock", "no node can ever give what it asks for", "Change GPUs, memory or features."),
    (r"InvalidAccount", "its account is not valid (any more)", "Set the cluster's account, then submit again."),
    (r"InvalidQOS", "its QOS is not valid (any more)", "Set the cluster's qos, then submit again."),
    (r"AccountNotAllowed|AccountingPolicy", "its account may not use this partition", "Choose another partition."),
    (r"QOSNotAllowed", "its QOS may not be used in this partition", "Choose another QOS or partition."),
    (r"PartitionDown|PartitionInactive", "the partition takes no jobs at the moment", "Wait, or choose another one."),
    (
        r"PartitionTimeLimit",
        "its time limit is above the partition's",
        "Lower the limit (allowed while it waits) or choose another partition.",
    ),
    (
        r"PartitionNodeLimit|PartitionConfig",
        "it asks for more nodes than the partition gives",
        "Ask for fewer nodes.",
    ),
    (
        r"ReqNodeNotAvail.*|Nodes required for job are DOWN.*",
        "the nodes it needs are down, drained or reserved (for maintenance, say)",
        "A limit that ends before the maintenance lets it start; else it waits.",
    ),
    (r"Reservation", "waits for its reservation", ""),
    (r"Reservation(Deleted|Invalid)", "its reservation is gone or not yours", "Submit it again without it."),
    (
        r"(QOS|Assoc)?Max(?!Wall)\w+Per(Job|Node)(Limit)?|MaxMemPerLimit",
        "it asks for more than one job may have (GPUs, CPUs, memory, nodes, or all of them times hours)",
        "So it never starts: ask for less, or choose another QOS or partition.",
    ),
    (
        r"Max\w+RunMinsPer(Account|User)",
        "your running jobs have taken all the hours that may be promised at once",
        "A shorter time limit lets it start earlier.",
    ),
    (r"(Association|QOS)JobLimit|Max(Submit)?JobsPerAccount", "your group has as many jobs as it may", "Wait."),
    (
        r"(Association|QOS)ResourceLimit|Max\w+PerAccount",
        "your group uses all it may at the moment",
        "It starts when others of the group end; or ask for less.",
    ),
    (
        r"(Association|QOS)TimeLimit",
        "its time limit is above what you may ask for",
        "Lower the limit: allowed while it waits.",
    ),
    (r"(QOS|Assoc)MaxJobs.*|MaxJobs.*", "you have as many running jobs as you may", "It starts when one ends."),
    (r"(QOS|Assoc)MaxSubmit.*", "you have as many jobs in the queue as you may", "Wait until one ends."),
    (
        r"(QOS|Assoc)?Max(GRES|TRES).*|.*MaxGpu.*",
        "you use as many GPUs as you may at once",
        "It starts when another of your jobs ends; or ask for fewer GPUs.",
    ),
    (
        r"(QOS|Assoc)MaxWall.*|(QOS|Assoc)GrpWall.*",
        "its time limit is above what you may ask for",
        "Lower the limit: allowed while it waits.",
    ),
    (
        r"QOSMin.*",
        "it asks for less than this QOS requires",
        "Ask for more, or choose another QOS or partition.",
    ),
    (
        r"(QOS|Assoc)Grp(CPU|Cpu|Tres|TRES|Gres|GRES|Mem|Node|Billing).*",
        "your group uses all it may at the moment",
        "It starts when others of the group end.",
    ),
    (r"(QOS|Assoc)Grp.*", "your group has reached its limit", "It starts when others of the group end."),
    (r"(QOS|Assoc)Max.*", "you have reached a limit of yours", "It starts when others of yours end."),
    (r"QOS.*Threshold|UsageLimit.*", "your share is used up for now", "Wait, or ask the administrators."),
    (r"Licenses", "waits for a licence", ""),
    (r"Prolog|Cleaning", "its nodes are being prepared or cleaned up", ""),
    (r"JobArrayTaskLimit", "as many of the array's tasks run as it allows", ""),
    (r"MaxPoweredUpNodes", "as many nodes are switched on as the site allows", "It starts when others end."),
    (
        r"BurstBuffer.*|FrontEndDown|SystemFailure|StageIn.*|MpiPortsBusy|NvidiaImexChannels",
        "a service of the cluster is not ready",
        "Wait.",
    ),
    (r"ReqNodeNotAvail", "the nodes it asks for are not available", ""),
    (r"Deadline", "it could not start before its deadline", "Submit it again without one."),
    (r"WaitingForScheduling|NotBefore|SchedDefer|InvalidReason", "the scheduler has not looked at it yet", ""),
)

_ERRORS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"Invalid account or account/partition combination",
        "Slurm does not know this account, or it may not use this partition",
        "Set `account` (and `partition`) of the cluster; `sacctmgr show assoc user=$USER` lists yours.",
    ),
    (
        r"invalid partition specified: (?P<what>\S+)|Invalid partition name",
        "there is no such partition",
        "Set `partition` of the cluster; `sinfo -s` lists them.",
    ),
    (r"Invalid qos specification", "there is no such QOS, or it is not yours", "Correct or empty `qos`."),
    (
        r"Requested time limit is invalid",
        "the time limit is above what this partition allows",
        "Lower the time limit, or choose another partition; `sinfo -o '%P %l'` lists the limits.",
    ),
    (
        r"Requested node configuration is not available",
        "no node of this partition has what was asked for (GPUs, memory, CPUs)",
        "Lower gpus_per_node, mem or cpus_per_task, or choose another partition.",
    ),
    (
        r"Memory specification can not be satisfied",
        "no node has that much memory",
        "Lower mem.",
    ),
    (
        r"Invalid generic resource|--gpus is not multiple",
        "this cluster does not know such GPUs",
        "Check gpus_per_node; `sinfo -o '%P %G'` lists what there is.",
    ),
    (r"More processors requested than permitted", "more CPUs were asked for than allowed", "Lower cpus_per_task."),
    (
        r"Node count specification invalid|minimum node count",
        "more nodes were asked for than there are",
        "Lower nodes.",
    ),
    (
        r"Job violates accounting/QOS policy|QOSMaxSubmit|AssocMaxSubmit|MaxSubmitJobs",
        "a limit of your account or QOS forbids it (jobs in the queue, GPUs, or time)",
        "Wait until one of your jobs ends, or ask for less.",
    ),
    (r"Invalid feature specification", "there is no such node feature", "Correct the constraint."),
    (r"Invalid node name", "there is no such node", "Correct the node's name."),
    (r"Requested reservation is invalid", "there is no such reservation", "Correct or remove the reservation."),
    (r"Job dependency problem", "the job that it should wait for does not exist", "Submit without the dependency."),
    (r"Invalid job array", "the array is larger than allowed", "Ask for fewer tasks."),
    (
        r"unrecognized option '(?P<what>[^']*)'|invalid option",
        "this Slurm does not know an option of the script",
        "Remove the option.",
    ),
    (r"Invalid --(?P<what>[\w-]+) specification", "an option of the script has a wrong value", "Correct it."),
    (r"DOS line breaks", "the job script has DOS line ends", "Save it with UNIX line ends."),
    (r"does not look like a batch script|script is empty", "the job script is damaged", "Submit again."),
    (
        r"Unable to open file|No such file or directory",
        "the job script is not there",
        "Check that the cluster's `root` folder can be written.",
    ),
    (
        r"Job script too large|script.* too (?:large|big)",
        "the job script is larger than this Slurm takes",
        "Shorten the setup lines.",
    ),
    (r"Access/permission denied|Invalid user id", "Slurm does not allow you to do this", ""),
    (r"Requested operation is presently disabled", "this job cannot be put back into the queue", "Resume the run."),
    (r"Invalid job id specified", "Slurm does not know this job (any more)", ""),
    (r"Job/step already completing or completed|Job has already finished", "the job is over already", ""),
    (
        r"accounting storage is disabled|not running a supported accounting_storage",
        "this cluster keeps no accounting",
        "Ended jobs are known from this app's own history.",
    ),
    (
        r"Problem talking to the database|persistent connection|slurmdbd",
        "Slurm's accounting database does not answer",
        "Ended jobs show their last known state until it does.",
    ),
    (
        r"[Mm]unge|Protocol authentication error|authentication error",
        "Slurm's authentication service on the login node is down",
        "Tell the administrators; jobs that run are not affected.",
    ),
    (
        r"Socket timed out|Zero Bytes were transmitted|Unexpected message",
        "Slurm's controller did not answer in time",
        "Jobs that run are not affected. It is asked again later.",
    ),
    (
        r"Unable to contact slurm controller|Connection refused|connect failure|standby mode|Slurm controller",
        "Slurm's controller cannot be reached",
        "Jobs that run are not affected. It is asked again later.",
    ),
    (
        r"temporarily unable to accept job|Slurm is shutting down|Resource temporarily unavailable",
        "Slurm is too busy to take jobs at the moment",
        "Submit again in a few minutes.",
    ),
    (
        r"configuration source|fetch config|slurm\.conf",
        "Slurm is not set up for this shell on the login node",
        "Set login_shell = true for this cluster, or load Slurm's module in your profile.",
    ),
    (
        r"command not found|not found$|No such file.*(?:sbatch|squeue|sacct|scontrol)",
        "Slurm's commands are not on the PATH there",
        "Set login_shell = true for this cluster, or check that this is a login node.",
    ),
)


def state_words(job: Job) -> str:
    """Where a job stands, in plain words with Slurm's reason where there is one ("waiting in the queue: …")."""
    words = STATES.get(job.state, f"in state {job.state}" if job.state else "not seen in the queue yet")
    why = reason_words(job.reason)[0] if job.reason else ""
    return f"{words}: {why}" if why else words


def state_step(job: Job) -> str:
    """What can be done about the state a job ended in, or about what keeps it waiting; "" if nothing needs doing."""
    if job.reason and (step := reason_words(job.reason)[1]):
        return step
    return _STATE_STEPS.get(job.state, "")


def reason_words(reason: str) -> tuple[str, str]:
    """(plain words, next step) of Slurm's reason; the reason itself where it is not known, ("", "") for none."""
    reason = reason.strip("() ")
    if reason in ("", "None"):
        return "", ""
    for pattern, words, step in _REASONS:
        if re.fullmatch(pattern, reason, re.IGNORECASE):
            return words, step
    return reason, ""


def error_words(stderr: str) -> tuple[str, str] | None:
    """(plain words, next step) of the first known error in a Slurm command's stderr; None if none is known."""
    found = ((match.start(), words, step) for match, words, step in _matches(stderr))
    first = min(found, default=None)
    return None if first is None else (first[1], first[2])


def _matches(stderr: str) -> list[tuple[re.Match[str], str, str]]:
    rows = []
    for pattern, words, step in _ERRORS:
        if match := re.search(pattern, stderr, re.MULTILINE):
            what = match.groupdict().get("what")
            rows.append((match, f"{words}: {what}" if what else words, step))
    return rows


def last_line(stderr: str) -> str:
    """The most telling line of a Slurm command's stderr, without the program's name before it."""
    lines = [line.strip() for line in stderr.split("\n") if line.strip() and not line.startswith("Try ")]
    telling = [line for line in lines if "error" in line or "failure" in line] or lines
    line = re.sub(r"^\w+: (?:error: )?", "", telling[-1]) if telling else ""
    return re.sub(r"^Batch job submission failed: ", "", line)
