"""`preflight`: would this run start, get through and find room? Asked on the login node, without a GPU, in seconds."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.checks.data import Account, check_dataset, shared_images
from trainer.checks.environment import check_environment
from trainer.checks.finding import Doing, Finding, Tell, to_nobody
from trainer.checks.model import check_model, find_model
from trainer.checks.output import check_output
from trainer.checks.storage import check_storage
from trainer.problem import Problem
from trainer.spec import TINY_MODEL, Spec, read_spec

DEFAULT_SAMPLE = 2000


@dataclass(frozen=True, slots=True)
class Preflight:
    """All findings, and the numbers that a forecast can use.

    Args:
        train_rows: rows of the training data, counted; None if they could not be.
        eval_rows: rows of the evaluation data.
        tokens_per_row: mean tokens of a training row, image and text.
        longest_row: tokens of the longest training row that was looked at.
        rows_looked_into: training rows whose images were opened.
        seconds: how long it all took.
    """

    findings: tuple[Finding, ...]
    train_rows: int | None = None
    eval_rows: int | None = None
    tokens_per_row: float | None = None
    longest_row: int | None = None
    rows_looked_into: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.level != "fail" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """`{"ok", "findings": [{"level", "check", "message", "hint"}], "train_rows", …}`."""
        return {"ok": self.ok, **dataclasses.asdict(self)}

    def in_words(self) -> str:
        """The findings for people, worst first."""
        order = ("fail", "warn", "ok")
        lines = []
        for finding in sorted(self.findings, key=lambda f: order.index(f.level)):
            lines.append(f"{finding.level:<4}  {finding.message}")
            if finding.hint and finding.level != "ok":
                lines.append(f"      → {finding.hint}")
        counts = {level: sum(f.level == level for f in self.findings) for level in order}
        lines.append(f"{counts['fail']} failed, {counts['warn']} to look at, {counts['ok']} ok ({self.seconds:.1f} s)")
        return "\n".join(lines)


def preflight(run_dir: Path, sample: int = DEFAULT_SAMPLE, tell: Tell = to_nobody) -> Preflight:
    """Checks a run before it starts. Never raises for what is wrong with the run: that is what it reports.

    Args:
        run_dir: folder with run.json.
        sample: rows of each data set whose images are opened; 0 for all. All rows' form is checked in any case.
        tell: told what begins, how far it is, and each finding as it is made.
    """
    begin = time.monotonic()
    try:
        spec = read_spec(run_dir)
    except Problem as problem:
        return Preflight((Finding("fail", "run", problem.message, problem.hint),))
    findings: dict[Finding, None] = {}  # both data sets may lack the same file

    def look(check: str, found: Iterable[Finding]) -> None:
        tell(Doing(check))
        for finding in found:
            if finding not in findings:
                findings[finding] = None
                tell(finding)

    look("environment", check_environment(spec.settings))
    look("model", _make_tiny(spec, tell))
    model = find_model(spec)
    look("model", check_model(spec, model))
    train, evaluation = Account(), Account()
    look("data", _check_data(spec, model, sample, (train, evaluation), tell))
    look("storage", check_storage(spec, model))
    look("output", check_output(spec))
    return Preflight(
        tuple(findings),
        train_rows=train.rows or None,
        eval_rows=evaluation.rows if spec.settings.eval_dataset else None,
        tokens_per_row=round(train.mean_tokens, 1) if train.mean_tokens else None,
        longest_row=train.longest[0] or None,
        rows_looked_into=train.looked_at,
        seconds=round(time.monotonic() - begin, 2),
    )


def _make_tiny(spec: Spec, tell: Tell) -> Iterator[Finding]:
    """The demo's data and model make themselves when a run starts, so here as well."""
    if spec.settings.model_name_or_path != TINY_MODEL:
        return
    from trainer.tiny import ensure_tiny

    tell(Doing("model", "making the tiny model and its data"))
    try:
        ensure_tiny(spec.root)
    except (ImportError, OSError) as error:
        hint = "It needs the trainer's packages, and a root folder that can be written."
        yield Finding("fail", "model", f"the tiny model cannot be made in {spec.root}: {error}", hint)


def _check_data(
    spec: Spec, model: Path | None, sample: int, totals: tuple[Account, Account], tell: Tell
) -> Iterator[Finding]:
    """Findings about the training's and the evaluation's data; what is counted goes to `totals`."""
    for total, names in zip(totals, (spec.settings.dataset, spec.settings.eval_dataset), strict=True):
        for name in filter(None, (part.strip() for part in names.split(","))):
            found, account = check_dataset(spec, name, model, sample, tell)
            yield from found
            if total is totals[1]:
                yield from shared_images(totals[0], account, name)
            total.rows += account.rows
            total.looked_at += account.looked_at
            total.tokens += account.tokens
            total.longest = max(total.longest, account.longest)
            total.images |= account.images


def tell_words(told: Doing | Finding) -> None:
    """What a check is about, for people; its findings come at the end, the worst first."""
    if isinstance(told, Doing) and told.words:
        far = f", {told.done:,} of {told.total:,}" if told.total else ""
        print(f"{told.words}{far}", file=sys.stderr, flush=True)


def tell_json(told: Doing | Finding) -> None:
    """A line {"doing": …} or {"finding": …}, at once, for the app."""
    kind = "doing" if isinstance(told, Doing) else "finding"
    print(json.dumps({kind: dataclasses.asdict(told)}), flush=True)
