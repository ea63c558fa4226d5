"""The commands' words, streams and exit statuses, held against the recorded output of a real Slurm 22.05."""

from __future__ import annotations

import re

import pytest

from tests.pocket.lab import Lab, transcript

SBATCH_SAME = [
    "sbatch ok.sh",
    "sbatch --parsable ok.sh",
    "sbatch --parsable -M lab ok.sh",
    "sbatch -A nosuch ok.sh",
    "sbatch -p nosuch ok.sh",
    "sbatch -p short -t 1:00:00 ok.sh",
    "sbatch missing.sh",
    "sbatch badopt.sh",
    "sbatch badtime.sh",
    "sbatch noshebang.sh",
    "sbatch dos.sh",
    "sbatch empty.sh",
    "sbatch --no-such-option ok.sh",
    "sbatch --gres=gpu:9 ok.sh",
    "sbatch --gres=gpu:a100:1 ok.sh",
    "sbatch --gres=tpu:1 ok.sh",
    "sbatch --nodes=9 ok.sh",
    "sbatch --mem=9999G ok.sh",
    "sbatch --qos=nosuch ok.sh",
    "sbatch --chdir=/nonexistent ok.sh",
    "sbatch --output=/nonexistent/x.out ok.sh",
    "sbatch --dependency=afterok:999999 ok.sh",
    "sbatch --dependency=foo:1 ok.sh",
    "sbatch -C nosuchfeature ok.sh",
    "sbatch -w gpu99 ok.sh",
    "sbatch --begin=now+1hour ok.sh",
    "sbatch --hold --parsable sleep.sh",
    'sbatch -A ingrai -t 1 --wrap="sleep 1"',
    "sbatch -A ingrai -t 3-00:00:00 ok.sh",
    "sbatch --test-only ok.sh",
    "sbatch --test-only -A nosuch ok.sh",
    "sbatch --test-only --parsable ok.sh",
]


def shape(text: str) -> str:
    """A text without what changes between runs: ids, times, which node."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+", "TIME", text)
    text = re.sub(r"gpu0\d", "gpu0N", text)
    return re.sub(r"(?<=job |Job )\d+|^\d+(?=$|;)", "ID", text, flags=re.MULTILINE)


@pytest.mark.parametrize("command", SBATCH_SAME)
def test_sbatch_speaks_as_recorded(lab: Lab, command: str) -> None:
    recorded = transcript("sbatch")[f"cd jobs && {command}"]
    code, out, err = lab.ask(command)
    assert code == recorded.exit
    assert [shape(line) for line in out.splitlines()] == [shape(line) for line in recorded.out]
    assert [shape(line) for line in err.splitlines()] == [shape(line) for line in recorded.err]


def test_sbatch_reads_a_script_from_standard_input(lab: Lab) -> None:
    code, out, _ = lab.ask("sbatch -A ingrai -t 1", stdin=b"#!/bin/bash\nsleep 1\n")
    assert (code, out) == (0, "Submitted batch job 1\n")
    assert lab.ask("squeue -h -t all -o %j")[1] == "sbatch\n"


def test_rejected_jobs_use_up_ids_and_show_in_sacct(lab: Lab) -> None:
    recorded = transcript("state1")[
        "sacct -P -X -o JobID,JobName,State,ExitCode,Elapsed,Timelimit,Submit,Start,End,NodeList,Reason,MaxRSS"
    ]
    assert lab.ask("sbatch --parsable ok.sh")[1] == "1\n"
    lab.ask("sbatch --gres=gpu:9 ok.sh")
    assert lab.ask("sbatch --parsable ok.sh")[1] == "3\n"
    fields = "JobID,JobName,State,ExitCode,Elapsed,Timelimit,Submit,Start,End,NodeList,Reason,MaxRSS"
    rows = lab.ask(f"sacct -P -X -S now-1hour -E now+1hour -o {fields}")[1].splitlines()
    assert rows[0] == recorded.out[0]
    told = re.sub(r"\d{4}-[^|]+", "TIME", next(row for row in recorded.out if row.startswith("4|")))
    assert re.sub(r"\d{4}-[^|]+", "TIME", rows[2]) == told.replace("4|", "2|", 1)


@pytest.fixture
def queue(lab: Lab) -> Lab:
    """Jobs like those in the recorded squeue: waiting for many reasons, none of them running."""
    for command in (
        "sbatch --begin=now+1hour ok.sh",
        "sbatch --hold sleep.sh",
        "sbatch -J waiting2 -A ingrai -N 4 -t 2:00:00 --gres=gpu:8 --hold --wrap true",
        "sbatch -d afterok:1 ok.sh",
        "sbatch -A ingrai -t 5 --hold -a 0-9%2 -J arr --wrap true",
    ):
        assert lab.ask(command)[0] == 0, command
    lab.scheduler.tick()
    return lab


def line_of(recorded: tuple[str, ...], start: str) -> str:
    return next(line for line in recorded if line.startswith(start))


def test_squeue_default_table(queue: Lab) -> None:
    recorded = transcript("squeue")["squeue --me"]
    lines = queue.ask("squeue --me")[1].splitlines()
    assert lines[0] == recorded.out[0]
    begin = line_of(recorded.out, "                12 ")
    assert next(line for line in lines if "BeginTime" in line) == begin.replace(" 12 ", "  1 ")
    held = line_of(recorded.out, "                13 ")
    assert next(line for line in lines if "sleeper" in line) == held.replace(" 13 ", "  2 ")
    array = next(line for line in lines if " arr " in line)
    assert array.startswith("         5_[0-9%2] ")


def test_squeue_letters(queue: Lab) -> None:
    command = next(c for c in transcript("squeue") if "%i|%P|%j|%u" in c)
    recorded = transcript("squeue")[command].out
    lines = queue.ask(command)[1].splitlines()
    wanted = line_of(recorded, "12|").split("|")
    got = next(line for line in lines if line.startswith("1|")).split("|")
    moving = {12, 13, 14, 16, 18}  # start, submission, end, priority, folder
    assert [v for i, v in enumerate(got) if i not in moving | {0, 21, 23}] == [
        v for i, v in enumerate(wanted) if i not in moving | {0, 21, 23}
    ]
    assert got[12] == "2026-11-23T09:57:16"
    assert got[14] == "2026-11-23T10:02:16"


@pytest.mark.parametrize("start", ['squeue -h -O "JobID:|', 'squeue -h -O "JobID:12|', "squeue -O JobID,Name"])
def test_squeue_long_fields(queue: Lab, start: str) -> None:
    recorded = next(r for c, r in transcript("squeue").items() if c.startswith(start))
    lines = queue.ask(recorded.command)[1].splitlines()
    wanted = line_of(recorded.out, "13")
    got = line_of(tuple(lines), "2")
    assert got[1:].lstrip() == wanted[2:].lstrip()
    assert len(got) == len(wanted) - (":|" in start)
    if not recorded.command.startswith("squeue -h"):
        assert lines[0] == recorded.out[0]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("squeue", "squeue -h -j 999999"),
        ("squeue", "squeue --nosuch"),
        ("squeue", "squeue -u nosuchuser"),
        ("sacct", "sacct -P -X -j 999999 -o JobID,State"),
        ("info", "scontrol show job -o 999999"),
        ("info", "scontrol ping"),
        ("info", "sacctmgr -nP show assoc where user=nosuch"),
        ("info", "sacctmgr -nP show qos format=name,maxwall,priority,flags"),
        ("info", "sinfo -R"),
    ],
)
def test_small_answers_as_recorded(lab: Lab, name: str, command: str) -> None:
    recorded = transcript(name)[command]
    code, out, err = lab.ask(command)
    assert code == recorded.exit
    assert out.replace("localhost", "vm").splitlines() == list(recorded.out)
    assert err.splitlines() == list(recorded.err)


def test_sacct_wrong_words(lab: Lab) -> None:
    recorded = transcript("sacct")["sacct --nosuch; sacct -o NoSuchField"]
    answers = [lab.ask(command) for command in recorded.command.split("; ")]
    assert "".join(err for _, _, err in answers).splitlines() == list(recorded.err)
    assert answers[-1][0] == recorded.exit


def test_scancel_words(lab: Lab) -> None:
    name = next(c for c in transcript("cancel") if c.startswith("scancel 12;"))
    recorded = transcript("cancel")[name]
    commands = [c for c in name.split("; ") if c.startswith("scancel")]
    answers = [lab.ask(command) for command in commands]
    assert [f"rc={code}" for code, _, _ in answers] == list(recorded.out)
    assert "".join(err for _, _, err in answers).splitlines() == list(recorded.err)


def test_scontrol_show_job_has_the_recorded_lines(queue: Lab) -> None:
    recorded = transcript("state1")["scontrol show job 8"].out
    queue.ask("scancel 1")
    lines = queue.ask("scontrol show job 1")[1].splitlines()

    def keys(text: str) -> list[str]:
        return re.findall(r"([\w/:]+)=", text)

    ours = [keys(line) for line in lines]
    theirs = [keys(line.replace("MinMemoryCPU", "MinMemoryNode").replace(",gres/gpu:h100=8", "")) for line in recorded]
    assert [k for k in ours if k != ["BatchHost"]] == [k for k in theirs if k != ["BatchHost"]]
    one = queue.ask("scontrol show job -o 1")[1]
    assert one.count("\n") == 1
    assert one.startswith("JobId=1 JobName=ok-job UserId=trainee(2101)")


def test_scontrol_show_partition(lab: Lab) -> None:
    recorded = transcript("info")["scontrol show partition short"].out
    lines = lab.ask("scontrol show partition short")[1].splitlines()
    assert [re.findall(r"(\w+)=", line) for line in lines] == [re.findall(r"(\w+)=", line) for line in recorded]
    assert "   MaxNodes=UNLIMITED MaxTime=00:10:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED" in lines


def test_sinfo_tables(lab: Lab) -> None:
    recorded = transcript("info")["sinfo"].out
    lines = lab.ask("sinfo")[1].splitlines()
    assert [line.replace(" idle ", "  mix ") for line in lines] == list(recorded)
    wanted = transcript("info")['sinfo -h -o "%P|%a|%l|%D|%t|%N|%G|%c|%m|%F"'].out
    lines = lab.ask('sinfo -h -o "%P|%a|%l|%D|%t|%N|%G|%c|%m|%F"')[1].splitlines()
    assert [line.replace("idle", "mix").replace("0/4/0/4", "4/0/0/4") for line in lines] == list(wanted)


def test_limits_are_rounded_and_printed_as_recorded(lab: Lab) -> None:
    name = next(c for c in transcript("misc") if "-t 1-02:03:04" in c)
    limits = re.findall(r"-t (\S+)", name)
    shown = []
    for limit in limits:
        code, _, err = lab.ask(f"sbatch --parsable --hold -t {limit} sleep.sh")
        if code:
            assert err == transcript("misc")[name].err[0] + "\n"
    shown = lab.ask("squeue -h --me -S i -o %l")[1].splitlines()
    assert shown == [line.split("|")[1] for line in transcript("misc")[name].out if line.count("|") == 3]


def test_times_as_epochs_and_in_other_zones(queue: Lab) -> None:
    start = int(queue.ask("squeue -h -j 1 -o %S", SLURM_TIME_FORMAT="%s")[1])
    assert queue.ask("sacct -nPX -j 1 -S now-1day -o Submit", SLURM_TIME_FORMAT="%s")[1] == f"{start - 3600}\n"
    assert queue.ask("squeue -h -j 1 -o %S", SLURM_TIME_FORMAT="%Y-%m-%dT%H:%M:%S%z")[1] == "2026-11-23T09:57:16+0000\n"
    assert queue.ask("squeue -h -j 1 -o %S", TZ="Asia/Kolkata")[1] == "2026-11-23T15:27:16\n"


def test_sacct_without_end_and_with_states_says_nothing(queue: Lab) -> None:
    queue.ask("scancel 1")
    assert queue.ask("sacct -P -X -n -S now-1hour -E now -s CA -o JobID,State")[1] == "1|CANCELLED by 2101\n"
    assert queue.ask("sacct -P -X -n -S now-1hour -s CA -o JobID,State")[1] == ""
    table = queue.ask("sacct -X -j 1")[1].splitlines()
    recorded = transcript("state1")["sacct -X"].out
    assert table[:2] == list(recorded[:2])
    assert table[2] == "1                ok-job        gpu     ingrai          1 CANCELLED+      0:0 "
    wide = transcript("sacct")["sacct -X -o JobID%20,State%30 -j 18"].out
    assert queue.ask("sacct -X -o JobID%20,State%30 -j 1")[1].splitlines()[:2] == list(wide[:2])


def test_separators_reach_names_with_anything_in_them(lab: Lab) -> None:
    lab.ask("sbatch --hold -J 'na|me x' sleep.sh")
    assert lab.ask("squeue -h -o '\x1e%i\x1f%j\x1f%T'")[1] == "\x1e1\x1fna|me x\x1fPENDING\n"
    assert lab.ask("sacct -nXP --delimiter='\x1f' -j 1 -o JobID,JobName,State")[1] == "1\x1fna|me x\x1fPENDING\n"


def test_the_command_line_beats_the_environment_and_both_the_script(lab: Lab) -> None:
    script = b"#!/bin/sh\n# a comment\n\n#SBATCH -J script --comment='two words' # why\n#SBATCH -t 7\nx\n#SBATCH -t 9\n"
    lab.ask("sbatch --hold", script)
    lab.ask("sbatch --hold", script, SBATCH_JOB_NAME="environment")
    lab.ask("sbatch --hold -J line", script, SBATCH_JOB_NAME="environment")
    shown = lab.ask("squeue -h -S i -o '%j|%k|%l'")[1].splitlines()
    assert shown == [f"{name}|two words|7:00" for name in ("script", "environment", "line")]
    code, _, err = lab.ask("sbatch", b"#!/bin/sh\n#SBATCH -J 'open\n")
    assert (code, err) == (1, "sbatch: fatal: Unmatched quote in [-J 'open]\n")


FAILED = "sbatch: error: Batch job submission failed"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ("-N 2-1", "sbatch: error: Maximum node count 1 is less than minimum node count 2"),
        ("--ntasks=600", "sbatch: error: Batch job submission failed: More processors requested than permitted"),
        ("--reservation=foo", "sbatch: error: Batch job submission failed: Requested reservation is invalid"),
        ("--array=0-99999", "sbatch: error: Batch job submission failed: Invalid job array specification"),
        ("--signal=NOSUCH@3", "sbatch: error: Invalid --signal specification"),
        ("--cpus-per-task=x", 'sbatch: error: Invalid numeric value "x" for --cpus-per-task.'),
        (
            "--time=0",
            FAILED + ": Requested time limit is invalid (missing or exceeds some limit)",
        ),
    ],
)
def test_more_refusals(lab: Lab, options: str, answer: str) -> None:
    code, out, err = lab.ask(f"sbatch {options} ok.sh")
    assert code != 0
    assert out == ""
    assert err.splitlines()[0] == answer
