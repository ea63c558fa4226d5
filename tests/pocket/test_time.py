"""Limits, signals and requeues by a clock that runs faster than the real one."""

from __future__ import annotations

from collections.abc import Callable

from tests.pocket.login import Login, wait_for
from websight_tui.pocket.control import PocketInfo

Start = Callable[..., PocketInfo]


def test_an_eight_hour_limit_passes_in_seconds(fresh: Start) -> None:
    with Login(fresh(clock_factor=20_000)) as login:
        job = login.submit("#!/bin/bash\necho begun\nsleep 600\n", "-t 8:00:00 -o run.out -e run.err")
        assert login.ended(job) == "TIMEOUT 0:0"
        assert login.run("cat run.out").out == "begun\n"
        err = login.run("cat run.err").out
        assert err.startswith(f"slurmstepd-pocket01: error: *** JOB {job} ON pocket01 CANCELLED AT 20")
        assert err.rstrip().endswith("DUE TO TIME LIMIT ***") or "Terminated" in err
        row = login.run(f"sacct -nPX -j {job} -o ElapsedRaw,Timelimit").out.strip().split("|")
        assert 28_800 <= int(row[0]) < 28_800 + 20_000
        assert row[1] == "08:00:00"


def test_term_comes_first_and_kill_after_killwait(fresh: Start) -> None:
    with Login(fresh(clock_factor=60)) as login:
        job = login.submit(
            "#!/bin/bash\ntrap 'echo TERM' TERM\ntrap 'echo USR1' USR1\nwhile :; do sleep 0.05; done\n",
            "-t 1 --signal=B:USR1@30 -o run.out -e run.err",
        )
        assert login.ended(job) == "TIMEOUT 0:0"
        text = login.run("cat run.out").out
        assert text.split() == ["USR1", "TERM"]
        assert f"{job}.batch|CANCELLED|0:9" in login.run(f"sacct -nP -j {job} -o JobID,State,ExitCode").out


def test_without_b_the_warning_goes_to_steps_alone(fresh: Start) -> None:
    script = (
        "#!/bin/bash\ntrap 'echo shell' USR1\n"
        "srun bash -c \"trap 'echo step; exit 0' USR1; while :; do sleep 0.05; done\" & wait $!\n"
    )
    with Login(fresh(clock_factor=60)) as login:
        job = login.submit(script, "-t 2 --signal=USR1@60 -o run.out")
        assert login.ended(job) == "COMPLETED 0:0"
        lines = login.run("cat run.out").out.splitlines()
        assert "step" in lines
        assert "shell" not in lines


def test_a_job_that_requeues_itself_runs_again(fresh: Start) -> None:
    script = (
        "#!/bin/bash\necho start ${SLURM_RESTART_COUNT:-0}\n"
        'if [ -z "$SLURM_RESTART_COUNT" ]; then scontrol requeue $SLURM_JOB_ID; sleep 60; fi\n'
    )
    with Login(fresh(clock_factor=100)) as login:
        job = login.submit(script, "-t 60 --open-mode=append -o run.out --requeue")
        assert wait_for(lambda: login.run(f"squeue -h -j {job} -o '%T|%r'").out == "PENDING|BeginTime\n")
        assert login.ended(job) == "COMPLETED 0:0"
        lines = login.run("cat run.out").out.splitlines()
        assert [line for line in lines if line.startswith("start")] == ["start 0", "start 1"]
        assert "DUE TO JOB REQUEUE" in lines[1]
        assert login.run(f"sacct -nPX -D -j {job} -o State").out == "REQUEUED\nCOMPLETED\n"
        assert "Restarts=1" in login.run(f"scontrol show job -o {job}").out
        kept = login.submit("#!/bin/bash\nscontrol requeue $SLURM_JOB_ID 2>&1\n", "--no-requeue -o kept.out")
        login.ended(kept)
        said = login.run("cat kept.out").out
        assert said == f"Requested operation is presently disabled for job {kept}\n"


def test_begin_times_and_forgetting(fresh: Start) -> None:
    with Login(fresh(clock_factor=300)) as login:
        job = login.submit("#!/bin/bash\ntrue\n", "--begin=now+5minutes")
        assert wait_for(lambda: login.run(f"squeue -h -j {job} -o '%r'").out == "BeginTime\n")
        assert wait_for(lambda: login.state(job) == "COMPLETED 0:0")
        times = login.run(f"SLURM_TIME_FORMAT=%s sacct -nPX -j {job} -o Submit,Start").out.split("|")
        assert int(times[1]) - int(times[0]) >= 300
        assert wait_for(lambda: login.run(f"squeue -h -j {job}").exit == 1)
        assert login.run(f"scontrol show job {job}").err == "slurm_load_jobs error: Invalid job id specified\n"
        assert login.state(job) == "COMPLETED 0:0"
