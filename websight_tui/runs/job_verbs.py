"""What a person asks of jobs: cancel, hold, requeue, stop, another limit, more jobs. Each ends in an ActionDone."""

from __future__ import annotations

from websight_tui.runs import actions
from websight_tui.runs import events as e
from websight_tui.runs.chaining import set_max_jobs
from websight_tui.runs.desk import Desk
from websight_tui.runs.state import Sweep
from websight_tui.runs.track import RunTrack
from websight_tui.runs.watcher import Watcher
from websight_tui.slurm_commands.model import Job


class JobVerbs(Desk):
    """Verbs on jobs in the queue."""

    def cancel(self, run_id: str) -> None:
        """Cancels a run's live jobs, its evaluation too, and looks whether they are gone: ActionDone("cancel")."""
        self._on_run("cancel", run_id, lambda watcher, track: actions.cancel(watcher, [track]))

    def cancel_sweep(self, sweep: Sweep) -> None:
        """Cancels all live jobs of a sweep's runs at once, their evaluations among them: ActionDone("cancel")."""
        tracks = self._by_cluster(sweep.run_ids).get(sweep.cluster, [])
        self._start("cancel", sweep.sweep_id, sweep.cluster, lambda watcher: actions.cancel(watcher, tracks))

    def cancel_job(self, cluster: str, job_id: str) -> None:
        """Cancels one job of the queue, which this app need not have submitted."""
        seen = self._queues.get(cluster, ())
        self._start("cancel", f"{cluster}/{job_id}", cluster, lambda watcher: actions.cancel_job(watcher, job_id, seen))

    def hold(self, run_id: str) -> None:
        """Keeps a run's pending job from starting."""
        self._on_job("hold", run_id, lambda watcher, _, job: actions.hold(watcher, job))

    def release(self, run_id: str) -> None:
        """Lets a run's held job start."""
        self._on_job("release", run_id, lambda watcher, _, job: actions.release(watcher, job))

    def requeue(self, run_id: str) -> None:
        """Puts a run's job back into the queue."""
        self._on_job("requeue", run_id, lambda watcher, _, job: actions.requeue(watcher, job))

    def save_and_stop(self, run_id: str) -> None:
        """Asks a run's running job to save a checkpoint and stop."""

        def go(watcher: Watcher, track: RunTrack, job: Job) -> actions.Answer:
            if track.foreign is not None:
                return actions.Answer(False, "This job was not submitted by this app: a signal could kill it")
            return actions.save_and_stop(watcher, job)

        self._on_job("save and stop", run_id, go)

    def set_max_jobs(self, run_id: str, jobs: int) -> None:
        """Lets a run's job go back into the queue by itself until the run has taken `jobs` jobs: ActionDone."""

        def go(watcher: Watcher, track: RunTrack, job: Job) -> actions.Answer:
            if track.foreign is not None:
                return actions.Answer(False, "This job was not submitted by this app: it does not know how to go on")
            answer = set_max_jobs(watcher, track, job, jobs, self.store)
            self._emit(e.RunLoaded(track.view()))
            return answer

        self._on_job("more jobs", run_id, go)

    def set_time_limit(self, run_id: str, seconds: int) -> None:
        """Changes the limit of a run's job; for a running one that asks for more, drafts a request."""
        self._on_job(
            "set time limit",
            run_id,
            lambda watcher, track, job: actions.set_time_limit(watcher, track, job, seconds),
        )
