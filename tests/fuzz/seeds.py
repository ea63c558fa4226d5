"""What the readers meet in real life: where the search for bad input begins, and the words that it may use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.hostile.cluster import events, output
from tests.hostile.payloads import RAW

ROOT: Final = Path(__file__).resolve().parents[2]

_JOB = "4242|RUNNING|None|1700000000|1700000001|1700009999|3:00:00|8:20|2|n[1-2]|gpu|acc|me|gpu:8|(null)|/w|c|name"
_ROW = '{"current_steps": 10, "total_steps": 100, "loss": 1.2, "lr": 5e-05, "epoch": 0.1, "percentage": 10.0, '
_ROW += '"elapsed_time": "0:01:40", "remaining_time": "0:15:00"}\n'

SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "terminal_text": (RAW, output("LOG")[:4000], b"\r 10%|#  | 1/10 [00:01<00:09]\r 20%|## |\x1b[A\n\x1b[2K\x08\x08x"),
    "short_texts": (RAW, b"ordinary words"),
    "events": (events()[:6000], events()[-3000:]),
    "trainer_log": ((_ROW * 3).encode(), _ROW.replace("10,", "20,", 1).encode() * 2),
    "job_output": (
        b"***** Running training *****\n  Total optimization steps = 100\n 10%|#| 10/100 [00:10<01:30,  1.00s/it]\n"
        b"{'loss': '1.5', 'grad_norm': nan, 'epoch': '0.41'}\nTraceback (most recent call last):\nRuntimeError: x\n"
        b"slurmstepd-n1: error: *** JOB 18 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***\n",
    ),
    "any_log": (b'{"log_history": [{"step": 10, "loss": 1.0}], "global_step": 10, "max_steps": 100}', events()[:2000]),
    "queue": (
        _JOB.encode(),
        b"JobId=4242 JobName=x UserId=me(1) JobState=RUNNING TimeLimit=3:00:00 WorkDir=/w StdOut=/w/o\n",
        b"4242|COMPLETED|0:0|1700000000|1700000001|1700000002|3:00:00|8:20|2|n1|gpu|acc|me|None|name\n",
    ),
    "slurm_words": (
        b"sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
        b"Submitted batch job 12\n",
        b"receipt\n0\n12\n",
        b"sbatch: Job 1 to start at 2026-01-01T00:00:00 using 8 processors on nodes n1 in partition gpu\n",
        b"PartitionName=gpu AllowAccounts=ALL MaxTime=1-00:00:00 MaxNodes=4 TotalNodes=9 State=UP Default=YES\n",
        b"acc|gpu|normal|1-00:00:00\nnormal|1-00:00:00|cpu=64,gres/gpu=8|gres/gpu=8\ngpu:h100:8(S:0-1)\n",
        b"n[001-064,9],m[1-2]x[3-4]\nfolder|scratch|/scratch/me|1000\npython|/usr/bin/python3\n17\n/p/r.json\n{}\n",
        b"1-02:04:00 9:59 90 UNLIMITED 1700000000 2026-01-01T00:00:00\nSLURM_VERSION = 22.05.8\n",
    ),
    "small_answers": (
        b'{"v": 1, "t": 1.7e9, "step": 10, "finite": true, "files": {"adapter_model.safetensors": 10}}',
        b'{"answer": "pyautogui.click(1, 2)", "pixels": [1, 2], "size": [4, 4], '
        b'"thumbnail": {"width": 1, "rgb": "AAAA"}}',
        b'{"findings": [{"check": "data", "level": "warn", "message": "m", "hint": "h"}], "train_rows": 5, '
        b'"tokens_per_row": 1.5, "longest_row": 9}\nprogress 1/2: merging\nerror: no',
        b'{"port": 6006, "leash": 6007, "token": "abc"}',
    ),
    "file_service": (
        b"\x00\x00\x00\x0a\x66\x00\x00\x00\x00\x00\x00\x00\x01h\x00\x00\x00\x11\x69\x00\x00\x00\x01\x00\x00\x00\x01"
        b"\x00\x00\x00\x00\x00\x00\x00\x09",
        b"\x00\x00\x00\x11\x65\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02no\x00\x00\x00\x00",
    ),
    "login_texts": (
        b"The authenticity of host 'h (1.2.3.4)' can't be established.\nED25519 key fingerprint is SHA256:abc.\n",
        b"|1|c2FsdA==|aGFzaA== ssh-ed25519 AAAA\n@revoked *.x,!h ssh-rsa BBBB\n[host]:22 ssh-ed25519 AAAA\n",
        b"hostname h\nport 22\nproxyjump a@b:22,c\nidentityfile ~/.ssh/id\n",
    ),
    "own_files": (
        b'[clusters.a]\nhost = "h"\nport = 22\nsetup = ["module load x"]\n[presets.b]\nbase = "rank32"\nlora_rank=8\n',
        json.dumps({"v": 1, "run_id": "x", "preset": {"name": "rank32"}}).encode(),
    ),
}

WORDS: Final = (
    *(b"\x1b[", b"\x1b]52;c;", b"\x07", b"\x1b\\", b"\x9b", b"\xc2\x9b", b"\xe2\x80\xae", b"\r", b"\n"),
    *(b"\x08", b"\x00", b"\xed\xa0\x80", b"\xff", b"\xd9\xa1", b"\xc2\xb2", b"|", b"\x1f", b"\x1e", b"%|"),
    *(b"NaN", b"1e999", b"-0.0", b"9" * 40, b"9" * 400, b"null", b"true", b"{", b"}", b"[", b"]"),
    *(b'"kind": "log"', b'"kind": "start"', b'"kind": "save_end"', b'"kind": "eval_end"', b'"kind": "end"'),
    *(b'"step": ', b'"t": ', b'"total_steps": ', b'"loss": ', b'"metrics": ', b'"elapsed_time": "'),
    *(b"JobId=", b"StdOut=", b"JobState=", b"1-00:00:00", b"UNLIMITED", b"gpu:", b"error: ", b"receipt\n"),
    *(b"[bold]", b"[/x]"),
)
