"""What a finished run's clicks cost: `python -m trainer evaluate` on one GPU, with the adapter of a run made before.

    python -m bench.gpu.asking FOLDER --out asked.json [--adapter RUN/out]

Once whole, as the job that measures clicks starts it, 16 rows at once, with the time of each batch as its answers
appear. Then in one process, over row length and rows at once, with answers of exactly 1 and of exactly 20 tokens: the
difference is what tokens cost, the first what reading the page costs. A random model does not know when to stop, so
the whole one has answers of up to 32 tokens, where a click has 15 to 20.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

AT_ONCE: Final = 16
"""Rows that the app's job asks at once."""


def whole(folder: Path, adapter: Path, *, tokens: int, rows: int) -> dict[str, Any]:
    """One run of `evaluate` over the first `rows` rows of about `tokens` tokens.

    Returns: its exit status and seconds; [seconds since its start, rows answered] as they grew; the answers' length in
    tokens; the end of its output if it failed.
    """
    out = folder / "work" / "asked"
    shutil.rmtree(out, ignore_errors=True)
    words = ["--adapter-path", str(adapter), "--data", str(folder / "pages"), "--dataset", f"pages_{tokens}"]
    words += ["--out", str(out), "--batch-size", str(AT_ONCE), "--limit", str(rows)]
    begun, answered = time.monotonic(), [[0.0, 0.0]]
    command = [sys.executable, "-m", "trainer", "evaluate", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while process.poll() is None:
            done = len(_predictions(out))
            if done > answered[-1][1]:
                answered.append([round(time.monotonic() - begun, 3), done])
            time.sleep(0.02)
        seconds = time.monotonic() - begun
        output = process.stdout.read() if process.stdout else ""
    result: dict[str, Any] = {"tokens": tokens, "rows": rows, "exit": process.returncode, "whole_s": seconds}
    result |= {"answered": answered[1:], "answer_tokens": _lengths(folder, _predictions(out))}
    return result if process.returncode == 0 else result | {"output": output[-3000:]}


def _predictions(out: Path) -> list[str]:
    path = out / "predictions.jsonl"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _lengths(folder: Path, predictions: list[str]) -> list[int]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    return [len(tokenizer.encode(json.loads(line)["answer"], add_special_tokens=False)) for line in predictions]


def ask_exactly(loaded: Any, folder: Path, *, tokens: int, at_once: int, answer: int, times: int) -> dict[str, Any]:
    """Seconds of asking `at_once` rows for `answer` tokens each, images opened and scaled too, `times` times."""
    import torch

    from trainer import answers

    rows = json.loads((folder / "pages" / f"pages_{tokens}.json").read_text())[:at_once]
    questions = [(folder / "pages" / row["images"][0], row["messages"][0]["content"]) for row in rows]
    answers.MAX_NEW_TOKENS = answer  # type: ignore[misc]
    loaded.model.generation_config.eos_token_id = None
    seconds = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        answers.ask(loaded, questions)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(round(time.perf_counter() - begun, 4))
    return {"tokens": tokens, "at_once": at_once, "answer": answer, "first_s": seconds[0], "seconds": seconds[1:]}


def main() -> None:
    from bench.gpu.grid import facts
    from trainer.answers import find_source, load

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="made by bench.gpu.model8b")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, help="default: that of bench.gpu.whole_run")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000, 2500])
    parser.add_argument("--at-once", type=int, nargs="+", default=[AT_ONCE, 1])
    parser.add_argument("--rows", type=int, default=64, help="of the whole evaluation")
    parser.add_argument("--times", type=int, default=3, help="each is asked once more, which is not counted")
    args = parser.parse_args()
    adapter = args.adapter or args.folder / "work" / "runs" / "whole" / "out"
    results: dict[str, Any] = {"facts": facts(), "whole": [], "exactly": []}

    def keep(kind: str, work: Callable[[], dict[str, Any]]) -> None:
        results[kind].append(work())
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        print(json.dumps(results[kind][-1]), flush=True)

    keep("whole", functools.partial(whole, args.folder, adapter, tokens=args.tokens[0], rows=args.rows))
    begun = time.monotonic()
    loaded = load(find_source(adapter, None, None))
    results["loading_s"] = time.monotonic() - begun
    for tokens, at_once, answer in itertools.product(args.tokens, args.at_once, (1, 20)):
        keep(
            "exactly",
            functools.partial(
                ask_exactly, loaded, args.folder, tokens=tokens, at_once=at_once, answer=answer, times=args.times
            ),
        )


if __name__ == "__main__":
    main()
