"""`python -m bench.soak --hours 2`: weeks of the app's life, and whether memory, descriptors and threads stay flat.

The real app (without a terminal, else as it is), the real engine and real SSH to the embedded cluster, whose clock runs
`--factor` times faster than ours, and the app's with it: whatever the app waits for comes sooner by that factor, so it
asks as often as it would in all that time. Runs of up to eight hours follow each other; a person looks at the app one
hour in three, opens and closes every screen, launches and resumes; connections are cut, the process is suspended.

Each sample is a line in OUT/samples.jsonl; `--judge OUT` says what they say, also while the soak still runs. Exit
status 1: something grows, or the app and the cluster do not agree at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.soak.judge import Sample, report, trends
from bench.soak.run import PLANTS, Options, read_samples, soak

FIRST_SCREENS_MB: Final = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0, help="of ours; default 2")
    parser.add_argument("--factor", type=float, default=168.0, help="the fast clock; 168 makes two weeks of two hours")
    parser.add_argument("--smoke", type=float, metavar="SECONDS", help="a short one, in which all comes quicker")
    parser.add_argument("--out", type=Path, help="folder for the samples; default: a new one, which is named")
    parser.add_argument("--plant", nargs="+", choices=PLANTS, default=(), help="leak on purpose")
    parser.add_argument("--judge", type=Path, metavar="OUT", help="only say what the samples in OUT say")
    args = parser.parse_args()
    if args.judge:
        return judged(read_samples(args.judge / "samples.jsonl"), [])
    options = Options(args.hours * 3600, args.factor, 30.0, 8.0, 60.0, 300.0, plants=args.plant)
    if args.smoke:
        options = Options(args.smoke, 2000.0, 0.5, 0.3, 7.0, 20.0, plants=args.plant)
    out = args.out or Path(tempfile.mkdtemp(prefix="soak-"))
    out.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    print(f"samples: {out}/samples.jsonl", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-cluster-") as folder, (out / "samples.jsonl").open("w") as lines:

        def tell(one: Sample) -> None:
            samples.append(one)
            lines.write(json.dumps(one) + "\n")
            lines.flush()

        wrong = soak(Path(folder), options, tell)
    return judged(samples, wrong, FIRST_SCREENS_MB if args.smoke else 0.0)


def judged(samples: list[Sample], wrong: list[str], first_screens_mb: float = 0.0) -> int:
    """Prints the verdict. Returns the exit status."""
    found = trends(samples, first_screens_mb)
    print(report(samples, found))
    for line in wrong:
        print(f"WRONG: {line}")
    return int(bool(wrong) or not all(one.flat for one in found))


if __name__ == "__main__":
    sys.exit(main())
