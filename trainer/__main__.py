"""`python -m trainer COMMAND`: what runs on the cluster, started by a job script or by hand.

Exit codes: 0 ok, 1 failed (the last line says why and what to do), 2 wrong usage. `train` is started with signals
pending and the heavy libraries unloaded, so nothing is imported here that a command does not need.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.problem import Problem


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    args = _parser().parse_args(argv)
    try:
        return int(args.handler(args))
    except Problem as problem:
        print(f"error: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        return 1


def _train(args: argparse.Namespace) -> int:
    from trainer.train import main as train

    return train(args.run_dir)


def _tiny(args: argparse.Namespace) -> int:
    from trainer.tiny import ensure_tiny

    ensure_tiny(args.root)
    print(f"{args.root / 'tiny'} holds the tiny model and data set")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description="Fine-tunes a vision-language model to click on web pages, and looks after data and results.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, summary: str, handler: object) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        made.set_defaults(handler=handler)
        return made

    train = command("train", "train the run that a run folder describes, going on from its newest checkpoint", _train)
    train.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="folder with run.json")

    tiny = command("tiny", "make the random tiny model and the tiny data set that the demo trains on", _tiny)
    tiny.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="they go to DIR/tiny (default: here)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
