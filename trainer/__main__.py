"""`python -m trainer COMMAND`: what runs on the cluster, started by a job script or by hand.

Exit codes: 0 ok, 1 failed (the last line says why and what to do), 2 wrong usage. `train` is started with signals
pending and the heavy libraries unloaded, so nothing is imported here that a command does not need.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.problem import Problem


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 — a login node's own Python may be older than we ask for
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"error: {sys.executable} is Python {version}; the trainer needs 3.11 or newer", file=sys.stderr)
        return 1
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


def _prepare(args: argparse.Namespace) -> int:
    from trainer.prepare import Plan, prepare

    plan = Plan(
        prompts=args.prompts,
        images=args.images or args.prompts.parent,
        out=args.out,
        name=args.name,
        validation=args.validation,
        test=args.test,
        seed=args.seed,
        box_form=args.box_form,
    )
    report = prepare(plan, lambda rows: print(f"{rows:,} rows read", file=sys.stderr, flush=True))
    print(json.dumps(report.as_json()) if args.json else report.in_words())
    return 0


def _preflight(args: argparse.Namespace) -> int:
    from trainer.preflight import preflight

    result = preflight(args.run_dir, args.sample, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(result.as_json()) if args.json else result.in_words())
    return 0 if result.ok else 1


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 0.45:
        raise argparse.ArgumentTypeError("a share from 0 to 0.45, such as 0.02")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number from 0")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}", text):
        raise argparse.ArgumentTypeError("letters, digits, - and _ only")
    return text


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

    prepare = command("prepare", "turn prompts.jsonl into training, validation and test data", _prepare)
    prepare.add_argument("--prompts", type=Path, required=True, metavar="FILE", help="prompts.jsonl")
    prepare.add_argument(
        "--images", type=Path, metavar="DIR", help="where relative image paths start (default: the prompts' folder)"
    )
    prepare.add_argument("--out", type=Path, default=Path("data"), metavar="DIR", help="default: data")
    prepare.add_argument("--name", type=_name, default="websight", help="of the data sets (default: websight)")
    for split in ("validation", "test"):
        prepare.add_argument(
            f"--{split}", type=_share, default=0.02, metavar="SHARE", help=f"of the images, for {split} (default: 0.02)"
        )
    prepare.add_argument("--seed", type=int, default=42, metavar="N", help="another gives another split (default: 42)")
    prepare.add_argument(
        "--box-form",
        choices=("xyxy", "xywh"),
        default="xyxy",
        help="boxes are left, top, right, bottom (xyxy, default) or left, top, width, height (xywh)",
    )
    prepare.add_argument("--json", action="store_true", help="print the report as JSON")

    preflight = command("preflight", "check a run before it starts: environment, model, data, storage", _preflight)
    preflight.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="folder with run.json")
    preflight.add_argument(
        "--sample", type=_count, default=2000, metavar="N", help="rows to open images of (default: 2000; 0: all)"
    )
    preflight.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
