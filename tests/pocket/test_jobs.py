"""Jobs on a running pocket cluster: real processes, their ends, and what is said of them."""

from __future__ import annotations

import shlex

import pytest

from tests.pocket.login import Login, wait_for
from websight_tui.pocket.control import PocketInfo

SCRIPT = "#!/bin/bash\n"


@pytest.fixture
def login(pocket: PocketInfo) -> Login:  # type: ignore[misc]
    with Login(pocket) as opened:
        yield opened
        opened.run("scancel --me")
        wait_for(lambda: not opened.run("squeue -h").out)


def test_a_script_runs_to_its_end(login: Login) -> None:
    job = login.submit(
        SCRIPT + '#SBATCH -A ingrai -J "my job" -o out-%x-%j.txt -e err-%A-%u.txt --comment=token-1\n'
        "echo hello; env | grep ^SLURM; echo bad >&2; pwd; cat\n",
        "-t 5 --cpus-per-task=2 --mem=2G",
    )
    assert login.ended(job) == "COMPLETED 0:0"
    out = login.run(f"cat 'out-my job-{job}.txt'").out
    variables = dict(line.split("=", 1) for line in out.splitlines() if line.startswith("SLURM"))
    assert out.startswith("hello\n")
    assert out.endswith("home\n")
    assert variables["SLURM_JOB_ID"] == variables["SLURM_JOBID"] == job
    assert variables["SLURM_JOB_NAME"] == "my job"
    assert variables["SLURM_CPUS_PER_TASK"] == "2"
    assert variables["SLURM_JOB_ACCOUNT"] == "ingrai"
    assert variables["SLURM_JOB_PARTITION"] == "demo"
    assert variables["SLURM_CLUSTER_NAME"] == "pocket"
    assert int(variables["SLURM_JOB_END_TIME"]) - int(variables["SLURM_JOB_START_TIME"]) == 300
    assert login.run(f"cat err-{job}-$USER.txt").out == "bad\n"
    assert login.run(f"squeue -h -t all -j {job} -o '%T|%k|%j'").out == "COMPLETED|token-1|my job\n"


def test_ends_have_slurms_names(login: Login) -> None:
    failed = login.submit(SCRIPT + "exit 3\n")
    killed = login.submit(SCRIPT + "kill -9 $$\n")
    lost = login.submit(SCRIPT + "true\n", "-o /nonexistent/x.out")
    nowhere = login.submit(SCRIPT + "true\n", "-D /nonexistent")
    assert login.ended(failed) == "FAILED 3:0"
    assert login.ended(killed) == "FAILED 0:9"
    assert login.ended(lost) == login.ended(nowhere) == "FAILED 0:53"
    assert "JobState=FAILED Reason=JobLaunchFailure" in login.run(f"scontrol show job -o {lost}").out


def test_cancel_ends_all_processes_and_says_so(login: Login) -> None:
    job = login.submit(SCRIPT + "sleep 61.5 & setsid sleep 62.5 & wait\n")
    assert wait_for(lambda: "62.5" in login.run("ps -A -o args").out)
    assert login.run(f"scancel {job}").exit == 0
    uid = login.run("id -u").out.strip()
    assert login.ended(job) == f"CANCELLED by {uid} 0:0"
    processes = login.run("ps -A -o args").out
    assert "sleep 61.5" not in processes
    assert "sleep 62.5" not in processes
    text = login.run(f"cat slurm-{job}.out").out
    assert text.startswith("slurmstepd-pocket")
    assert f"*** JOB {job} ON pocket" in text
    assert text.endswith(" ***\n")
    assert (
        login.run(f"sacct -nP -j {job}.batch -o JobID,State,ExitCode").out.splitlines()[1]
        == f"{job}.batch|CANCELLED|0:15"
    )


def test_a_cancel_right_after_the_submission_is_not_lost(login: Login) -> None:
    said = login.run(
        "for i in 1 2 3 4 5 6; do j=$(sbatch --parsable -p short --wrap 'sleep 68.5'); scancel $j; echo $j; done"
    )
    for job in said.out.split():
        assert login.ended(job).startswith("CANCELLED")
    assert "sleep 68.5" not in login.run("ps -A -o args").out


def test_a_cancel_misses_no_process_that_is_just_being_born(login: Login) -> None:
    job = login.submit(SCRIPT + "scancel $SLURM_JOB_ID &\nfor i in $(seq 1000); do sleep 67.5 & done; wait\n")
    assert login.ended(job).startswith("CANCELLED")
    assert "sleep 67.5" not in login.run("ps -A -o args").out


def test_processes_left_behind_are_ended_with_the_job(login: Login) -> None:
    job = login.submit(SCRIPT + "setsid sleep 63.5 & \nsleep 0.1\n")
    assert login.ended(job) == "COMPLETED 0:0"
    assert "sleep 63.5" not in login.run("ps -A -o args").out


def test_what_a_script_leaves_behind_is_killed_but_a_step_is_asked(login: Login) -> None:
    stubborn = "trap 'echo asked >> {}' TERM; touch {}.up; for i in 1 2 3 4 5 6; do sleep 0.2; done; echo done >> {}"
    told = {name: stubborn.format(name, name, name) for name in ("orphan", "step")}
    job = login.submit(
        f"{SCRIPT}setsid bash -c {shlex.quote(told['orphan'])} & srun bash -c {shlex.quote(told['step'])} &\n"
        "until [ -e orphan.up ] && [ -e step.up ]; do sleep 0.02; done\n"
    )
    assert login.ended(job) == "COMPLETED 0:0"
    assert login.run("cat step").out == "asked\ndone\n"
    assert login.run("test -e orphan").exit


def test_srun_hands_a_signal_on_and_stays_until_its_tasks_have_ended(login: Login) -> None:
    task = "trap 'echo told; sleep 0.3; echo done; exit 3' TERM; touch up; while :; do sleep 0.05; done"
    job = login.submit(
        f"{SCRIPT}srun bash -c {shlex.quote(task)} & until [ -e up ]; do sleep 0.02; done\nkill $!; wait $!\n",
        "-o handed.txt",
    )
    assert login.ended(job) == "FAILED 3:0"
    assert login.run("cat handed.txt").out.startswith("told\ndone\n")


def test_jobs_wait_for_nodes_in_their_order(login: Login) -> None:
    running = [login.submit(SCRIPT + "sleep 60\n", "-t 2:00:00") for _ in range(3)]
    first, second = (login.submit(SCRIPT + "true\n", "-t 2:00:00") for _ in range(2))
    assert wait_for(lambda: login.run(f"squeue -h -j {second} -o '%T|%r'").out == "PENDING|Priority\n")
    assert login.run(f"squeue -h -j {first} -o '%T|%r|%R'").out == "PENDING|Resources|(Resources)\n"
    begins = login.run(f"SLURM_TIME_FORMAT=%s squeue --start -h -j {first} -o %S").out
    ends = login.run(f"SLURM_TIME_FORMAT=%s squeue -h -j {running[0]} -o %e").out
    assert abs(int(begins) - int(ends)) <= 2
    login.run(f"scancel {running[0]}")
    assert login.ended(first) == login.ended(second) == "COMPLETED 0:0"


def test_dependencies(login: Login) -> None:
    first = login.submit(SCRIPT + "while [ ! -e go ]; do sleep 0.02; done; exit 1\n")
    good = login.submit(SCRIPT + "true\n", f"-d afterok:{first}")
    bad = login.submit(SCRIPT + "true\n", f"-d afternotok:{first}")
    always = login.submit(SCRIPT + "true\n", f"--dependency=afterany:{first}")
    killed = login.submit(SCRIPT + "true\n", f"-d afterok:{first} --kill-on-invalid-dep=yes")
    unknown = login.submit(SCRIPT + "true\n", "-d afterok:999999")
    assert login.run(f"squeue -h -j {good} -o '%r|%E'").out == f"Dependency|afterok:{first}(unfulfilled)\n"
    login.run("touch go")
    assert login.ended(first) == "FAILED 1:0"
    assert {login.ended(job) for job in (bad, always, unknown)} == {"COMPLETED 0:0"}
    assert login.run(f"squeue -h -j {good} -o '%r|%E'").out == f"DependencyNeverSatisfied|afterok:{first}(failed)\n"
    assert login.ended(killed).startswith("CANCELLED")


def test_singleton_and_arrays(login: Login) -> None:
    first = login.submit(SCRIPT + "sleep 0.4\n", "-J solo -d singleton -p short")
    second = login.submit(SCRIPT + "true\n", "-J solo -d singleton -p short")
    assert login.run(f"squeue -h -j {second} -o '%r|%E'").out == "Dependency|singleton(unfulfilled)\n"
    array = login.submit(
        SCRIPT + "echo task $SLURM_ARRAY_TASK_ID; exit $((SLURM_ARRAY_TASK_ID % 2))\n", "-p short -a 0-3%2"
    )
    assert login.ended(first) == login.ended(second) == "COMPLETED 0:0"
    login.ended(array)
    states = login.run(f"sacct -nPX -j {array} -o JobID,State,ExitCode").out.splitlines()
    assert states == [f"{array}_{i}|{'FAILED|1:0' if i % 2 else 'COMPLETED|0:0'}" for i in range(4)]
    assert login.run(f"cat slurm-{array}_3.out").out == "task 3\n"


def test_hold_release_and_limits(login: Login) -> None:
    job = login.submit(SCRIPT + "sleep 60\n", "--hold -t 10")
    assert login.run(f"scontrol update JobId={job} TimeLimit=20").exit == 0
    assert login.run(f"scontrol release {job}").exit == 0
    assert wait_for(lambda: login.run(f"squeue -h -j {job} -o '%T|%l'").out == "RUNNING|20:00\n")
    assert login.run(f"scontrol update JobId={job} TimeLimit=4").exit == 0
    raised = login.run(f"scontrol update JobId={job} TimeLimit=10")
    assert (raised.exit, raised.err) == (1, f"Access/permission denied for job {job}\n")
    assert login.run(f"squeue -h -j {job} -o %l").out == "4:00\n"
    assert login.run(f"scontrol suspend {job}").err == f"Access/permission denied for job {job}\n"


def test_signals_go_where_they_are_sent(login: Login) -> None:
    job = login.submit(
        SCRIPT + "trap 'echo shell' USR1\n(trap 'echo child' USR1; while :; do sleep 0.1; done) &\n"
        "srun bash -c \"trap 'echo step' USR1; while :; do sleep 0.1; done\" &\n"
        "echo ready; while :; do wait; done\n",
        "-o signals.txt",
    )
    assert wait_for(lambda: "ready" in login.run("cat signals.txt").out)
    assert wait_for(lambda: login.run(f"sacct -nP -j {job} -o JobID").out.count("\n") == 3)
    assert wait_for(lambda: login.run("pgrep -f \"trap 'echo step'\"").out.count("\n") >= 2)
    login.run(f"scancel --batch --signal=USR1 {job}")
    assert wait_for(lambda: login.run("cat signals.txt").out == "ready\nshell\n")
    login.run(f"scancel --signal=USR1 {job}")
    assert wait_for(lambda: "step" in login.run("cat signals.txt").out)
    assert "child" not in login.run("cat signals.txt").out
    login.run(f"scancel --full --signal=USR1 {job}")
    assert wait_for(lambda: "child" in login.run("cat signals.txt").out)


def test_steps_are_counted(login: Login) -> None:
    job = login.submit(
        SCRIPT + "srun sh -c 'echo rank $SLURM_PROCID/$SLURM_NTASKS'; srun -n1 sh -c 'exit 4'; exit $?\n", "-n 2"
    )
    assert login.ended(job) == "FAILED 4:0"
    rows = login.run(f"sacct -nP -j {job} -o JobID,JobName,State,ExitCode").out.splitlines()
    assert rows[2:] == [f"{job}.0|sh|COMPLETED|0:0", f"{job}.1|sh|FAILED|4:0"]
    text = login.run(f"cat slurm-{job}.out").out
    assert sorted(text.splitlines()[:2]) == ["rank 0/2", "rank 1/2"]
    assert "srun: error: pocket" in text


def test_environment_that_is_exported(login: Login) -> None:
    said = login.run("A=1 B=2 sbatch --parsable --export=A,C=3 -o export.txt", b"#!/bin/sh\necho $A-$B-$C\n")
    login.ended(said.out.strip())
    assert login.run("cat export.txt").out == "1--3\n"


def test_a_job_may_submit_the_next(login: Login) -> None:
    script = (
        SCRIPT
        + '[ -n "$FIRST" ] || FIRST=$SLURM_JOB_ID sbatch --parsable -n 1 -o next.txt $0\n'
        + "echo $SLURM_NTASKS\n"
    )
    first = login.submit(script, "-n 3 -o first.txt")
    assert login.ended(first) == "COMPLETED 0:0"
    following, tasks = login.run("cat first.txt").out.split()
    assert tasks == "3"
    assert login.ended(following) == "COMPLETED 0:0"
    assert login.run("cat next.txt").out == "\n"


def test_faults_on_demand(login: Login) -> None:
    requeued = login.submit(SCRIPT + "sleep 60\n")
    final = login.submit(SCRIPT + "sleep 60\n", "--no-requeue")
    assert wait_for(lambda: login.run("squeue -h -t R -o %i").out.count("\n") == 2)
    assert login.run(f"pocketctl preempt {requeued}").exit == 0
    node = login.run(f"squeue -h -j {final} -o %N").out.strip()
    login.run(f"pocketctl fail-node {node}")
    assert login.ended(final) == "NODE_FAIL 0:0"
    assert "down" in login.run("sinfo -h -o %t").out
    login.run(f"pocketctl resume-node {node}")
    assert wait_for(lambda: login.run(f"squeue -h -j {requeued} -o '%T|%r'").out == "PENDING|BeginTime\n")
    assert login.run(f"sacct -nPX -D -j {requeued} -o State").out == "PREEMPTED\nPENDING\n"


def test_a_hung_controller_takes_the_job_and_loses_the_answer(login: Login) -> None:
    login.run("pocketctl controller hung 0.1")
    try:
        said = login.run("sbatch -J ambiguous --wrap true")
        assert (said.exit, said.err) == (
            1,
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
        )
        assert login.run("squeue --me").err == "slurm_load_jobs error: Socket timed out on send/recv operation\n"
        login.run("pocketctl controller down 0.1")
        assert (
            login.run("squeue --me").err
            == "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
        )
        assert "DOWN" in login.run("scontrol ping").out
    finally:
        login.run("pocketctl controller up")
    assert wait_for(lambda: login.run("sacct -nPX --name=ambiguous -o State").out == "COMPLETED\n")


def test_without_accounting(login: Login) -> None:
    login.run("pocketctl accounting off")
    try:
        said = login.run("sacct -X")
        assert (said.exit, said.err) == (1, "Slurm accounting storage is disabled\n")
        assert login.run("sbatch -A nosuch --wrap true").exit == 0
    finally:
        login.run("pocketctl accounting on")
