"""`python -m trainer COMMAND`: what runs on the cluster, started by a job script or by hand.

Exit codes: 0 ok, 1 failed (the last line says why and what to do), 2 wrong usage. `train` is started with signals
pending and the heavy libraries unloaded, so nothing is imported here that a command does not need.
"""

from __future__ import annotations

import argparse
import json
import os
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
        _use_shim()
        return int(args.handler(args))
    except ModuleNotFoundError as error:
        print(f"error: {sys.executable} cannot import {error.name or error}", file=sys.stderr)
        print("  Use the Python that has the trainer's packages: pip install 'websight-tui[trainer]'.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except Problem as problem:
        print(f"error: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        return 1


def _use_shim() -> None:
    from trainer.without_gpu import use_shim

    use_shim()


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
    from trainer.preflight import preflight, tell_json, tell_words

    result = preflight(args.run_dir, args.sample, tell_json if args.follow else tell_words)
    print(json.dumps(result.as_json()) if args.json or args.follow else result.in_words())
    return 0 if result.ok else 1


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 0.45:
        raise argparse.ArgumentTypeError("a share from 0 to 0.45, such as 0.02")
    return value


def _test(args: argparse.Namespace) -> int:
    from trainer.answers import find_source, printable
    from trainer.try_model import thumbnail_of, try_model

    source = find_source(args.adapter_path, args.model, args.image_max_pixels)
    click = try_model(source, args.image, args.prompt, args.out or Path(f"{args.image.stem}_click.png"))
    x, y = click.pixels
    if args.json:
        print(json.dumps(click.as_json(thumbnail_of(args.image, args.thumbnail) if args.thumbnail else None)))
    else:
        print(f"{printable(click.answer)}  →  pixel {x}, {y} of {args.image}, drawn on {click.drawing}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from trainer.answers import find_source
    from trainer.evaluate import Plan, evaluate

    source = find_source(args.adapter_path, args.model, args.image_max_pixels)
    weights = args.adapter_path or Path(args.model)
    out = args.out or (weights if weights.is_dir() else Path()) / f"evaluation-{args.dataset}"
    plan = Plan(source, args.data, args.dataset, out, args.batch_size, args.limit)
    results = evaluate(plan, lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(results.as_json()) if args.json else f"{results.in_words()}\n{out}")
    return 0


def _merge(args: argparse.Namespace) -> int:
    from trainer.answers import find_source
    from trainer.merge import merge

    source = find_source(args.adapter_path, args.model, None)
    print(merge(source, args.out, lambda line: print(line, file=sys.stderr, flush=True)).in_words())
    print(f"the merged model is in {args.out}")
    return 0


def _push(args: argparse.Namespace) -> int:
    from trainer.push import plan_upload, push

    print(plan_upload(args.folder).in_words())
    if args.dry_run:
        return 0
    print(push(args.folder, args.repo, os.environ, private=not args.public))
    return 0


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1")
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
    preflight.add_argument(
        "--follow", action="store_true", help="the same, after a line of JSON for each step and finding as it is made"
    )

    test = command("test", "ask for one click and draw it on the image", _test)
    _add_model(test)
    test.add_argument("--image", type=Path, required=True, metavar="FILE", help="a screenshot")
    test.add_argument("--prompt", required=True, metavar="TEXT", help="such as 'click the login button'")
    test.add_argument("--out", type=Path, metavar="FILE", help="the drawing (default: IMAGE_click.png, here)")
    test.add_argument("--json", action="store_true", help="print the click as JSON")
    test.add_argument(
        "--thumbnail", type=_positive, metavar="WIDTH", help="with --json: add a copy of the image so many pixels wide"
    )

    evaluate = command("evaluate", "measure how often clicks hit their targets in a test split", _evaluate)
    _add_model(evaluate)
    evaluate.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default: data")
    evaluate.add_argument(
        "--dataset", type=_name, default="websight_test", metavar="NAME", help="default: websight_test"
    )
    evaluate.add_argument(
        "--out", type=Path, metavar="DIR", help="predictions and results (default: evaluation-NAME beside the weights)"
    )
    evaluate.add_argument("--batch-size", type=_positive, default=8, metavar="N", help="default: 8")
    evaluate.add_argument("--limit", type=_positive, metavar="N", help="only the first N rows")
    evaluate.add_argument("--json", action="store_true", help="print the results as JSON")

    merge = command("merge", "merge an adapter into its base model, and check that it answers the same", _merge)
    merge.add_argument("--adapter-path", type=Path, required=True, metavar="DIR", help="a run's output folder")
    merge.add_argument("--model", metavar="NAME", help="base model (default: as the adapter says)")
    merge.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")

    push = command("push", "upload an adapter or a merged model to the hub; the token comes from HF_TOKEN", _push)
    push.add_argument("folder", type=Path, metavar="DIR", help="a run's output folder, or what merge made")
    push.add_argument("--repo", required=True, metavar="OWNER/NAME", help="made if it does not exist")
    push.add_argument("--public", action="store_true", help="make a new repository public (default: private)")
    push.add_argument("--dry-run", action="store_true", help="only say what would be uploaded")
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--adapter-path", type=Path, metavar="DIR", help="a run's output folder or a checkpoint")
    parser.add_argument("--model", metavar="NAME", help="a merged model, or another base than the adapter names")
    parser.add_argument(
        "--image-max-pixels", type=_positive, metavar="N", help="as in training (default: as in the adapter's run.json)"
    )


if __name__ == "__main__":
    sys.exit(main())
