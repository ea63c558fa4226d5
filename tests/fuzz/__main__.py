"""`python -m tests.fuzz [--rounds N] [TARGET …]`: coverage-guided search for input that breaks a reader (atheris).

Each target runs in a process of its own and prints its rounds; what breaks it is left in .fuzz/ with the traceback on
stderr. The corpus is kept there too, so that a later run goes on where this one stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".fuzz")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--rounds", type=int, default=100_000, help="executions of each target (100000)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        _fuzz(args.one, args.rounds)
        return 0
    from tests.fuzz.targets import TARGETS

    failed = []
    for name in args.targets or TARGETS:
        words = [sys.executable, "-m", "tests.fuzz", "--one", name, "--rounds", str(args.rounds)]
        if subprocess.run(words, check=False).returncode:
            failed.append(name)
    sys.stdout.write(f"broken: {', '.join(failed)}\n" if failed else "nothing broke\n")
    return 1 if failed else 0


def _fuzz(name: str, rounds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["websight_tui"]):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.seeds import SEEDS, WORDS

    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = FOLDER / "words"
    words.write_text(
        "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS if len(word) <= 64)
    )
    flags = [f"-runs={rounds}", "-max_len=8192", f"-dict={words}", f"-artifact_prefix={corpus}-", "-timeout=20"]
    flags += ["-rss_limit_mb=1500", "-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([name, *flags, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
