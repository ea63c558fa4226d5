"""The scheduler: starts jobs, holds them to their limits, ends them, and remembers how they ended.

It runs in the daemon's event loop. `tick` looks at everything once and returns when to look again; commands change
jobs between ticks. Every change is on disk before it shows in the world, so that a daemon that died can go on.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from websight_tui.pocket.database import Database
from websight_tui.pocket.environment import compress_nodes, output_paths
from websight_tui.pocket.launch import keep_submission, start_wrapper, write_spool
from websight_tui.pocket.model import Cluster, Job, User
from websight_tui.pocket.placement import FOREVER, expected_place, plan
from websight_tui.pocket.processes import Incarnation, Table, family, send, table
from websight_tui.pocket.times import Clock, stamp
from websight_tui.pocket.waiting import back_into_queue, may_run, throttled

_LAUNCH_FAILED = (0, 53)
"""Slurm's exit code where the script could not be started."""
_STARTS = 8
"""Jobs launched in one tick; the rest follow at once, after others have had their turn."""
_LOOK_S = 1.0
"""Real seconds between looks at running jobs, in case a wrapper's knock was lost."""


class Scheduler:
    """All jobs of one pocket cluster.

    Args:
        folder: the state folder.
        cluster, user, clock: what it runs on, for whom, and by which time.
        wake: called when `tick` should run soon.
    """

    def __init__(self, folder: Path, cluster: Cluster, user: User, clock: Clock, wake: Callable[[], None]) -> None:
        self.folder = folder
        self.cluster = cluster
        self.user = user
        self.clock = clock
        self.wake = wake
        self.boot_time = clock.now()
        self.down_nodes: dict[str, str] = {}
        self.controller = ("up", 0.0)
        self.accounting = True
        self._database = Database(folder / "jobs.sqlite")
        self.jobs: dict[int, Job] = {job.job_id: job for job in self._database.jobs()}
        self._next_id = max([int(self._database.fact("next_id") or 1), *(i + 1 for i in self.jobs)])
        self._wrappers: dict[int, subprocess.Popen[bytes]] = {}
        self._owed: set[int] = set()
        self._processes: Table | None = None
        self.step_pids: dict[int, set[int]] = {}

    # --- asking

    def now(self) -> float:
        """The cluster's Unix time."""
        return self.clock.now()

    def known(self) -> list[Job]:
        """Jobs that squeue and scontrol know: live, or ended less than MinJobAge ago."""
        oldest = self.now() - self.cluster.min_job_age_s
        return [j for j in self.jobs.values() if not j.rejected and (j.live or (j.end or 0) >= oldest)]

    def find(self, number: int) -> list[Job]:
        """The known jobs with this id, or of this array."""
        return [job for job in self.known() if number in (job.job_id, job.array_job_id)]

    def incarnation(self, job: Job) -> Incarnation:
        """The processes of the job's present start."""
        return Incarnation(self.folder / "spool" / job.spool)

    def priority(self, job: Job) -> int:
        """As priority/basic counts: the earlier, the higher; 0 while held."""
        return 0 if job.hold else 4294901760 - job.job_id

    # --- changing

    def take_id(self) -> int:
        """The next job id; a rejected job and a test use one up, too."""
        number = self._next_id
        self._next_id += 1
        self._database.set_fact("next_id", str(self._next_id))
        return number

    def add(self, jobs: Sequence[Job], script: bytes, env: Mapping[str, str], umask: int = 0o022) -> None:
        """Takes submitted jobs: script and environment are kept until they start."""
        for job in jobs:
            keep_submission(self.folder, job, script, env, umask)
            self.jobs[job.job_id] = job
        self._database.save(jobs)
        self.wake()

    def record(self, job: Job) -> None:
        """Keeps a job that was rejected, for sacct."""
        self.jobs[job.job_id] = job
        self._database.save([job])

    def save(self, *jobs: Job) -> None:
        """Writes changed jobs and looks at the queue again soon."""
        self._database.save(jobs)
        self.wake()

    def cancel(self, job: Job, state: str = "CANCELLED", why: str = "", by: int | None = None, after: str = "") -> None:
        """Ends a job whatever it does now.

        Args:
            state: final state; REQUEUED and PREEMPTED with `after` put it back into the queue.
            why: what the job's output says after "DUE TO".
            by: user id for "CANCELLED by".
            after: "" · "requeue" · "hold".
        """
        if not job.live or job.completing:
            return
        now = self.now()
        if job.state == "PENDING":
            job.state, job.end, job.cancelled_by = state, now, by
            job.reason = "None" if job.reason not in ("Dependency", "DependencyNeverSatisfied") else job.reason
            self.save(job)
            return
        job.state, job.end, job.cancelled_by, job.completing, job.after_end = state, now, by, True, after
        job.kill_at = now + self.cluster.kill_wait_s
        self._database.save([job])
        due_to = f" DUE TO {why}" if why else ""
        self._say(job, f"*** JOB {job.job_id} ON {job.node_list[0]} CANCELLED AT {stamp(now, {})}{due_to} ***")
        self._owed.add(job.job_id)
        self._terminate(job, self.incarnation(job))
        self.wake()

    def _terminate(self, job: Job, processes: Incarnation) -> None:
        """Sends SIGTERM, now or as soon as a job that has only just been launched has processes."""
        if processes.pids() is not None:
            self._owed.discard(job.job_id)
            processes.signal_all(signal.SIGCONT)
            processes.signal_all(signal.SIGTERM)

    def signal(self, job: Job, number: int, where: str) -> None:
        """Sends a signal to a running job's "steps", "batch" shell, or "full" (batch and its children)."""
        processes = self.incarnation(job)
        if where == "full":
            processes.signal_all(number)
        elif where == "batch":
            processes.signal_batch(number)
        else:
            send(self._step_members(job), number)

    def requeue_ended(self, job: Job, after: str) -> None:
        """Puts a job that has ended back into the queue ("requeue", or "hold")."""
        job.after_end = after
        back_into_queue(job, self.now())
        self.save(job)

    def fail_node(self, node: str, reason: str) -> None:
        """Takes a node down: its jobs are requeued or end as NODE_FAIL."""
        self.down_nodes[node] = reason
        for job in list(self.jobs.values()):
            if node in job.node_list and job.state == "RUNNING":
                job.reason = "NodeDown"
                self.cancel(job, "NODE_FAIL", "NODE FAILURE", after="requeue" if job.requeue else "")
                self.incarnation(job).signal_all(signal.SIGKILL)
        self.wake()

    def end_all(self) -> None:
        """Cancels everything, before the cluster is stopped."""
        for job in list(self.jobs.values()):
            job.after_end = ""
            self.cancel(job, by=self.user.uid)

    # --- running

    def tick(self) -> float:
        """Looks at every job once. Returns real seconds until something is due."""
        self._processes = None
        due = [FOREVER]
        due += [self._look_at(j) for j in list(self.jobs.values()) if j.state == "RUNNING" or j.completing]
        self._start_waiting()
        now = self.now()
        pending = [j for j in self.jobs.values() if j.state == "PENDING"]
        due += [j.begin for j in pending if j.begin is not None and j.begin > now]
        delay = self.clock.real_delay(min(due)) if min(due) < FOREVER else FOREVER
        busy = any(j.state == "RUNNING" or j.completing for j in self.jobs.values())
        waits_on_time = any("+" in j.dependency for j in pending)
        return min(delay, _LOOK_S) if busy or waits_on_time else delay

    def _look_around(self) -> Table:
        """All processes, listed once a tick: it takes milliseconds, and many jobs may end at once."""
        if self._processes is None:
            self._processes = table()
        return self._processes

    def _look_at(self, job: Job) -> float:
        """Moves one running or ending job on; returns the cluster's time at which it next needs attention."""
        processes = self.incarnation(job)
        child = self._wrappers.get(job.job_id)
        stillborn = child is not None and child.poll() is not None and not processes.started
        self._note_batch_end(job, processes)
        now = self.now()
        if job.batch_exit is not None:
            left = processes.members(self._look_around)
            if not left:
                self._finish(job)
                return FOREVER
            self._end_left_over(job, left, now)
        elif stillborn or (processes.started and not processes.alive and processes.status() is None):
            self._lost(job)
            return FOREVER
        if job.completing:
            if job.job_id in self._owed:
                self._terminate(job, processes)
            if job.kill_at is not None and now >= job.kill_at:
                processes.signal_all(signal.SIGKILL)
                return now + 0.05 * self.clock.factor
            return min(job.kill_at or FOREVER, now + 0.05 * self.clock.factor)
        return self._hold_to_limit(job, now)

    def _end_left_over(self, job: Job, left: Sequence[int], now: float) -> None:
        """Ends what outlives the batch script as slurmstepd does: steps have until KillWait, all else is killed.

        This also ends a process that was born between the look at a cancelled job's processes and their SIGTERM.
        """
        sruns = self.step_pids.get(job.job_id, set())
        tasks = family(sruns, known=self._look_around())
        send(set(left) - sruns - set(tasks), signal.SIGKILL)
        if job.kill_at is None:
            job.kill_at = now + self.cluster.kill_wait_s
            for number in (signal.SIGCONT, signal.SIGTERM):
                send(tasks, number)
            self._database.save([job])

    def _note_batch_end(self, job: Job, processes: Incarnation) -> None:
        """Takes over the exit status once the wrapper has written it."""
        status = None if job.batch_exit is not None else processes.status()
        if status is None:
            return
        code, real_end = status
        ended = self.clock.at(real_end)
        launched = code is not None
        job.batch_exit = _LAUNCH_FAILED
        if code is not None:
            job.batch_exit = (os.WEXITSTATUS(code), os.WTERMSIG(code) if os.WIFSIGNALED(code) else 0)
        job.batch_end = ended
        if not job.completing:
            job.exit_code, job.exit_signal = job.batch_exit
            failed = job.batch_exit != (0, 0)
            job.state = "FAILED" if failed else "COMPLETED"
            job.reason = ("NonZeroExitCode" if launched else "JobLaunchFailure") if failed else "None"
            job.end, job.completing = ended, True
        self._database.save([job])

    def _hold_to_limit(self, job: Job, now: float) -> float:
        deadline = job.deadline
        if deadline is None:
            return FOREVER
        if job.signal and not job.signal_sent:
            if now >= deadline - job.signal[1]:
                job.signal_sent = True
                self._database.save([job])
                self.signal(job, job.signal[0], "batch" if job.signal[2] else "steps")
            else:
                return deadline - job.signal[1]
        if now >= deadline:
            job.reason = "TimeLimit"
            self.cancel(job, "TIMEOUT", "TIME LIMIT")
            return now
        return deadline

    def _lost(self, job: Job) -> None:
        """The wrapper is gone without a word (killed, or the machine went down)."""
        now = self.now()
        job.batch_exit, job.batch_end = (0, 9), now
        if not job.completing:
            job.state, job.reason, job.end = "NODE_FAIL", "NodeDown", now
            job.after_end = "requeue" if job.requeue else ""
        self._finish(job)

    def _finish(self, job: Job) -> None:
        """The last process is gone: the job leaves its nodes, or goes back into the queue."""
        now = self.now()
        job.completing, job.kill_at = False, None
        self._wrappers.pop(job.job_id, None)
        self._owed.discard(job.job_id)
        self.step_pids.pop(job.job_id, None)
        if job.after_end:
            back_into_queue(job, now)
        self.save(job)

    def _start_waiting(self) -> None:
        """Starts what may start and says of the others why they wait."""
        now = self.now()
        pending = [job for job in self.jobs.values() if job.state == "PENDING"]
        if not pending:
            return
        before = {job.job_id: (job.reason, job.expected_start, job.dependency) for job in pending}
        able = [job for job in pending if may_run(job, self.find, self.jobs.values(), now)]
        for job in pending:
            if job.kill_on_invalid_dep and job.reason == "DependencyNeverSatisfied":
                self.cancel(job)
        able = throttled(able, self.jobs.values())
        running = [job for job in self.jobs.values() if job.state == "RUNNING" or job.completing]
        able.sort(key=lambda job: job.job_id)
        starts, reasons = plan(able, self.cluster, running, now, self.down_nodes)
        if len(starts) > _STARTS:
            self.wake()
        for job, nodes in starts[:_STARTS]:
            self._launch(job, nodes, now)
        running = [job for job in self.jobs.values() if job.state == "RUNNING" or job.completing]
        for job in able:
            if job.job_id in reasons:
                job.reason = reasons[job.job_id]
                start, nodes = FOREVER, []
                if job.reason == "Resources":
                    start, nodes = expected_place(job, self.cluster, running, now, self.down_nodes)
                job.expected_start = start if start < FOREVER else None
                job.scheduled_nodes = compress_nodes(nodes)
        changed = [j for j in pending if before.get(j.job_id) != (j.reason, j.expected_start, j.dependency)]
        self._database.save([job for job in changed if job.state != "RUNNING"])

    def _launch(self, job: Job, nodes: list[str], now: float) -> None:
        """Writes down that the job runs, then starts its wrapper."""
        job.state, job.reason, job.start, job.node_list = "RUNNING", "None", now, nodes
        job.expected_start, job.scheduled_nodes, job.begin = None, compress_nodes(nodes), None
        write_spool(self.folder, self.incarnation(job).spool, job, self.user, self.cluster.name)
        self._database.save([job])
        self._wrappers[job.job_id] = start_wrapper(self.incarnation(job).spool)

    def recover(self) -> None:
        """After a start: a job that was written down as running but never got its wrapper gets it now."""
        for job in self.jobs.values():
            processes = self.incarnation(job)
            if job.state == "RUNNING" and not processes.started and not processes.alive:
                self._wrappers[job.job_id] = start_wrapper(processes.spool)

    def _step_members(self, job: Job) -> list[int]:
        return family(self.step_pids.get(job.job_id, ()))

    def _say(self, job: Job, text: str) -> None:
        """A line of slurmstepd's into the job's standard error."""
        try:
            with Path(output_paths(job, self.user)[1]).open("a") as file:
                file.write(f"slurmstepd-{job.node_list[0]}: error: {text}\n")
        except OSError:
            return

    def close(self) -> None:
        self._database.close()
