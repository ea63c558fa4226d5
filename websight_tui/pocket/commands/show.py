"""scontrol show: jobs, partitions, nodes and the configuration as K=V pairs."""

from __future__ import annotations

from websight_tui.pocket.commands.columns import View, dependency_text, task_text, tres_text
from websight_tui.pocket.commands.sinfo import node_state
from websight_tui.pocket.environment import compress_nodes, output_paths
from websight_tui.pocket.model import (
    MAX_ARRAY_SIZE,
    VERSION,
    CommandError,
    Partition,
    Reply,
    Request,
)
from websight_tui.pocket.scheduler import Scheduler
from websight_tui.pocket.times import long_duration, stamp


def run(scheduler: Scheduler, request: Request, words: list[str], *, one_line: bool) -> Reply:
    """`scontrol show ENTITY [NAME]`; `words` begin with the entity."""
    if len(words) > 2:
        return Reply(1, err="too many arguments for keyword:show\n")
    entity, name = (words[0].lower() if words else ""), (words[1] if words[1:] else "")
    if entity in ("job", "jobs", "jobid"):
        blocks = [job_lines(view) for view in _views(scheduler, request, name)]
        if not blocks:
            return Reply(out="No jobs in the system\n")
    elif entity in ("partition", "partitions"):
        chosen = [p for p in scheduler.cluster.partitions if name in ("", p.name)]
        if not chosen:
            return Reply(1, err=f"Partition {name} not found\n")
        blocks = [_partition_lines(scheduler, p) for p in chosen]
    elif entity in ("node", "nodes"):
        nodes = [n for n in scheduler.cluster.nodes if name in ("", n)]
        if not nodes:
            return Reply(1, err=f"Node {name} not found\n")
        blocks = [_node_lines(scheduler, n, request) for n in nodes]
    elif entity in ("reservation", "reservations"):
        return Reply(out="No reservations in the system\n")
    elif entity == "config":
        return Reply(out=_config(scheduler, request))
    else:
        return Reply(1, err=f"invalid entity:{words[0] if words else ''} for keyword:show \n")
    if one_line:
        return Reply(out="".join(" ".join(pair for line in block for pair in line) + "\n" for block in blocks))
    return Reply(out="".join("\n   ".join(" ".join(line) for line in block) + "\n\n" for block in blocks))


def _views(scheduler: Scheduler, request: Request, name: str) -> list[View]:
    jobs = scheduler.known()
    if name:
        number, _, task = name.partition("_")
        jobs = [
            job
            for job in jobs
            if number in (str(job.job_id), str(job.array_job_id)) and (not task or str(job.array_task_id) == task)
        ]
        if not jobs:
            raise CommandError("slurm_load_jobs error: Invalid job id specified\n")
    now = scheduler.now()
    return [View(scheduler, now, request.env, job) for job in jobs]


def _null(text: str) -> str:
    return text or "(null)"


def job_lines(view: View) -> list[list[str]]:
    """One job: lines of K=V pairs."""
    job, scheduler, user = view.job, view.scheduler, view.scheduler.user
    out, err = output_paths(job, user)
    identity = [f"JobId={job.job_id}"]
    if job.array_job_id is not None:
        identity += [f"ArrayJobId={job.array_job_id}", f"ArrayTaskId={task_text(view)}"]
    start = job.start if job.start is not None else job.begin or job.expected_start
    end = job.end if job.end is not None else (start + (job.limit_s or 0) if start is not None else None)
    limit = "UNLIMITED" if job.limit_s is None else long_duration(job.limit_s)
    nodes = compress_nodes(job.node_list)
    lines = [
        [*identity, f"JobName={job.name}"],
        [f"UserId={user.name}({user.uid})", f"GroupId={user.group}({user.gid})", "MCS_label=N/A"],
        [f"Priority={scheduler.priority(job)}", "Nice=0", f"Account={job.account}", f"QOS={job.qos}"],
        [f"JobState={job.shown_state}", f"Reason={job.reason}", f"Dependency={dependency_text(view)}"],
        [
            f"Requeue={int(job.requeue)}",
            f"Restarts={job.restarts}",
            "BatchFlag=1",
            "Reboot=0",
            f"ExitCode={job.exit_code}:{job.exit_signal}",
        ],
        [f"RunTime={long_duration(job.elapsed(view.now))}", f"TimeLimit={limit}", "TimeMin=N/A"],
        [f"SubmitTime={view.stamp(job.submit)}", f"EligibleTime={view.stamp(job.eligible)}"],
        [f"AccrueTime={view.stamp(job.eligible)}"],
        [
            f"StartTime={view.stamp(start, 'Unknown')}",
            f"EndTime={view.stamp(end, 'Unknown')}",
            "Deadline=N/A",
        ],
        ["SuspendTime=None", "SecsPreSuspend=0", f"LastSchedEval={view.stamp(view.now)}", "Scheduler=Main"],
        [f"Partition={job.partition}", "AllocNode:Sid=localhost:1"],
        [f"ReqNodeList={_null(compress_nodes(job.node_names))}", "ExcNodeList=(null)"],
        [f"NodeList={_null(nodes)}" if not nodes and job.state != "PENDING" else f"NodeList={nodes}"],
    ]
    if nodes:
        lines.append([f"BatchHost={job.node_list[0]}"])
    lines += [
        [
            f"NumNodes={job.nodes}",
            f"NumCPUs={job.cpus}",
            f"NumTasks={job.ntasks}",
            f"CPUs/Task={job.cpus_per_task or 1}",
            "ReqB:S:C:T=0:0:*:*",
        ],
        [f"TRES={tres_text(job, scheduler.cluster.gpu_type)}"],
        [f"Socks/Node=* NtasksPerN:B:S:C={job.ntasks_per_node or 0}:0:*:*", "CoreSpec=*"],
        [f"MinCPUsNode={job.cpus_per_node}", f"MinMemoryNode={job.memory_mb}M", "MinTmpDiskNode=0"],
        ["Features=(null)", "DelayBoot=00:00:00"],
        [f"OverSubscribe={'NO' if job.exclusive else 'OK'}", "Contiguous=0", "Licenses=(null)", "Network=(null)"],
        [f"Command={job.command}"],
        [f"WorkDir={job.work_dir}"],
    ]
    if job.comment:
        lines.append([f"Comment={job.comment} "])
    lines += [[f"StdErr={err}"], [f"StdIn={job.stdin}"], [f"StdOut={out}"], ["Power="]]
    if job.gres:
        lines.append([f"TresPerNode={job.gres}"])
    return [*lines, [""]]


def _partition_lines(scheduler: Scheduler, partition: Partition) -> list[list[str]]:
    cluster = scheduler.cluster
    count = len(cluster.nodes)
    total = cluster.gpus * count
    gpus = f",gres/gpu={total},gres/gpu:{cluster.gpu_type}={total}" if total else ""
    cpus, memory = cluster.cpus * count, cluster.memory_mb * count
    return [
        [f"PartitionName={partition.name}"],
        ["AllowGroups=ALL", "AllowAccounts=ALL", "AllowQos=ALL"],
        ["AllocNodes=ALL", f"Default={'YES' if partition.default else 'NO'}", "QoS=N/A"],
        [
            f"DefaultTime={long_duration(partition.default_minutes * 60)}",
            "DisableRootJobs=NO",
            "ExclusiveUser=NO",
            "GraceTime=0",
            "Hidden=NO",
        ],
        [
            "MaxNodes=UNLIMITED",
            f"MaxTime={long_duration(partition.max_minutes * 60)}",
            "MinNodes=0",
            "LLN=NO",
            "MaxCPUsPerNode=UNLIMITED",
        ],
        [f"Nodes={compress_nodes(list(cluster.nodes))}"],
        [
            "PriorityJobFactor=1",
            "PriorityTier=1",
            "RootOnly=NO",
            "ReqResv=NO",
            f"OverSubscribe={'EXCLUSIVE' if partition.exclusive else 'NO'}",
        ],
        ["OverTimeLimit=NONE", "PreemptMode=OFF"],
        ["State=UP", f"TotalCPUs={cpus}", f"TotalNodes={count}", "SelectTypeParameters=NONE"],
        ["JobDefaults=(null)"],
        ["DefMemPerNode=UNLIMITED", "MaxMemPerNode=UNLIMITED"],
        [f"TRES=cpu={cpus},mem={memory}M,node={count},billing={cpus}{gpus}"],
    ]


def _node_lines(scheduler: Scheduler, node: str, request: Request) -> list[list[str]]:
    cluster = scheduler.cluster
    jobs = [j for j in scheduler.jobs.values() if node in j.node_list and (j.state == "RUNNING" or j.completing)]
    cpus, memory = sum(j.cpus_per_node for j in jobs), sum(j.memory_mb for j in jobs)
    names = ",".join(p.name for p in scheduler.cluster.partitions)
    lines = [
        [f"NodeName={node}", "Arch=x86_64", f"CoresPerSocket={cluster.cpus} "],
        [f"CPUAlloc={cpus}", f"CPUEfctv={cluster.cpus}", f"CPUTot={cluster.cpus}", "CPULoad=0.00"],
        ["AvailableFeatures=(null)"],
        ["ActiveFeatures=(null)"],
        [f"Gres=gpu:{cluster.gpu_type}:{cluster.gpus}"],
        ["NodeAddr=127.0.0.1", "NodeHostName=localhost", f"Version={VERSION}"],
        [f"RealMemory={cluster.memory_mb}", f"AllocMem={memory}", "Sockets=1", "Boards=1"],
        [f"State={node_state(scheduler, node)[0].upper()}", "ThreadsPerCore=1", "TmpDisk=0", "Weight=1", "Owner=N/A"],
        [f"Partitions={names} "],
        [f"BootTime={stamp(scheduler.boot_time, request.env)}"],
    ]
    if node in scheduler.down_nodes:
        lines.append([f"Reason={scheduler.down_nodes[node]}"])
    return lines


def _config(scheduler: Scheduler, request: Request) -> str:
    values = {
        "AccountingStorageEnforce": "associations,limits,qos",
        "AccountingStorageType": f"accounting_storage/{'slurmdbd' if scheduler.accounting else 'none'}",
        "BOOT_TIME": stamp(scheduler.boot_time, request.env),
        "ClusterName": scheduler.cluster.name,
        "EnforcePartLimits": "ALL",
        "JobRequeue": "1",
        "KillWait": f"{scheduler.cluster.kill_wait_s} sec",
        "MaxArraySize": str(MAX_ARRAY_SIZE),
        "MinJobAge": f"{scheduler.cluster.min_job_age_s} sec",
        "OverTimeLimit": "0 min",
        "PreemptMode": "OFF",
        "PreemptType": "preempt/none",
        "SLURM_VERSION": VERSION,
    }
    now = stamp(scheduler.now(), request.env)
    lines = [f"{key:<23} = {value}\n" for key, value in values.items()]
    return f"Configuration data as of {now}\n" + "".join(lines) + "\nSlurmctld(primary) at localhost is UP\n"
