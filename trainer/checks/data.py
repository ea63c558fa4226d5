"""Would the data train? Every row's form is checked, every image's presence, and sizes and lengths on a sample.

What is found here would otherwise show in mid-training: a row that is too long is cut inside its image and crashes, a
missing image is only opened when its turn comes, an answer off the grid teaches the wrong thing for hours.
"""

from __future__ import annotations

import heapq
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trainer import grid
from trainer.checks.finding import Doing, Finding, Level, Tell, to_nobody
from trainer.problem import Problem
from trainer.rows import IMAGE_TAG, DataSet, find_dataset, read_rows
from trainer.spec import Spec
from trainer.vision import image_tokens, processor_limits

LONGEST: Final = 50
"""Rows with the longest texts that are always in the sample."""
_TELL_ROWS: Final = 2000
_TELL_IMAGES: Final = 50
"""How often it is told how far it is: within a second or two on a slow disk."""
# kind → (level, what it means, what to do)
KINDS: Final[Mapping[str, tuple[Level, str, str]]] = {
    "not_a_row": ("fail", "not a JSON object", "Make the file again with prepare, or remove the lines."),
    "no_messages": ("fail", "no list of messages with role and text", "Check the columns in dataset_info.json."),
    "bad_turns": ("warn", "turns are not user, assistant, …; the trainer skips them", "Correct or remove them."),
    "image_count": ("fail", f"another number of {IMAGE_TAG} tags than of images", "Training would stop there."),
    "off_grid": ("fail", "a click outside the 1400×800 grid", "Were the boxes scaled? prepare does it."),
    "no_click": ("warn", "an answer without pyautogui.click(x, y)", "It trains, but the evaluation cannot judge it."),
    "missing": (
        "fail",
        "an image that does not exist",
        "Paths start at the data folder. Copy it, or remove the rows.",
    ),
    "unreadable": ("fail", "an image that cannot be opened", "Copy it again, or remove the rows."),
}


@dataclass(slots=True)
class Account:
    """What has been found out about one data set.

    Args:
        rows: all rows of the file.
        looked_at: rows whose images were opened and whose tokens were counted.
        tokens: of those, image and text.
        longest: (tokens, row) of the longest one.
        problems: kind → rows; first: kind → number of the first such row.
        images: image name → number of the first row with it.
    """

    rows: int = 0
    looked_at: int = 0
    tokens: int = 0
    longest: tuple[int, int] = (0, 0)
    problems: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, row: int) -> None:
        self.problems[kind] += 1
        self.first[kind] = min(row, self.first.get(kind, row))

    @property
    def mean_tokens(self) -> float | None:
        """Mean tokens of a row; None before any was looked at."""
        return self.tokens / self.looked_at if self.looked_at else None


Sampled = tuple[int, list[str], str]
"""Row number, images, text of all turns as the template writes it."""


def check_dataset(
    spec: Spec, name: str, model: Path | None, sample: int, tell: Tell = to_nobody
) -> tuple[list[Finding], Account]:
    """Findings about one data set of the run.

    Args:
        model: the model's folder, for its tokenizer and image processor; None estimates.
        sample: rows whose images are opened; 0 for all. The longest texts are always among them.
        tell: told how far it is, now and then.
    """
    account = Account()
    try:
        data = find_dataset(spec.dataset_dir, name)
        if data.formatting != "sharegpt":
            message = f"{name} is in {data.formatting} form; only sharegpt is looked into"
            return [Finding("warn", "data", message, "prepare writes sharegpt.")], account
        sampled = _read_all(data, account, sample, tell)
    except Problem as problem:
        return [Finding("fail", "data", problem.message, problem.hint)], account
    if not account.rows:
        return [Finding("fail", "data", f"{data.path} has no rows", "Make it again with prepare.")], account
    tell(Doing("data", f"{name}: looking for its {len(account.images):,} images"))
    _find_missing(spec.dataset_dir, account)
    try:
        estimated = _measure(spec, name, sampled, account, model, tell)
    except ImportError as error:
        message = f"{name}: images and lengths were not looked into, {error.name or error} is missing"
        missing = Finding("warn", "data", message, "Install it, then check again.")
        return [*_form_findings(name, account), missing], account
    return [*_form_findings(name, account), *_length_findings(spec, name, account, estimated)], account


def _read_all(data: DataSet, account: Account, sample: int, tell: Tell) -> list[Sampled]:
    """Reads every row; returns a fair sample of the good ones (the same each time) and those with the longest texts."""
    rng = random.Random(0)
    chosen: list[Sampled] = []
    longest: list[tuple[int, int, Sampled]] = []
    good = 0
    for number, row in read_rows(data.path):
        account.rows += 1
        if account.rows % _TELL_ROWS == 0:
            tell(Doing("data", f"{data.name}: {account.rows:,} rows read"))
        images, turns = _open_row(row, data, number, account)
        if not turns:
            continue
        good += 1
        entry = (number, images, _as_template(turns))
        size = len(entry[2])
        if len(longest) < LONGEST:
            heapq.heappush(longest, (size, number, entry))
        elif size > longest[0][0]:
            heapq.heapreplace(longest, (size, number, entry))
        if not sample or len(chosen) < sample:
            chosen.append(entry)
        elif (place := rng.randrange(good)) < sample:
            chosen[place] = entry
    known = {entry[0] for entry in chosen}
    return chosen + [entry for _, number, entry in longest if number not in known]


def _open_row(row: object, data: DataSet, number: int, account: Account) -> tuple[list[str], list[tuple[str, str]]]:
    """Images and (role, text) turns of a row, with its problems noted; no turns if the trainer cannot use it."""
    if not isinstance(row, dict):
        account.note("not_a_row", number)
        return [], []
    turns = _turns(row.get(data.messages), data)
    images = row.get(data.images) if data.images else []
    images = [images] if isinstance(images, str) else images or []
    if turns is None or not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        account.note("no_messages", number)
        return [], []
    if turns and turns[0][0] == data.system:
        turns = turns[1:]
    if len(turns) % 2 or any(role != (data.user, data.assistant)[n % 2] for n, (role, _) in enumerate(turns)):
        account.note("bad_turns", number)
        return [], []
    for image in images:
        account.images.setdefault(image, number)
    if sum(text.count(IMAGE_TAG) for _, text in turns) != len(images):
        account.note("image_count", number)
    clicks = [grid.parse_click(text) for _, text in turns[1::2]]
    if any(click is None for click in clicks):
        account.note("no_click", number)
    if any(click and not grid.inside_grid(*click) for click in clicks):
        account.note("off_grid", number)
    return images, turns


def _turns(messages: object, data: DataSet) -> list[tuple[str, str]] | None:
    if not isinstance(messages, list) or not messages:
        return None
    turns = [(m.get(data.role), m.get(data.content)) if isinstance(m, dict) else (None, None) for m in messages]
    if not all(isinstance(role, str) and isinstance(text, str) for role, text in turns):
        return None
    return [(str(role), str(text)) for role, text in turns]


def _as_template(turns: Iterable[tuple[str, str]]) -> str:
    """The turns as template qwen3_vl_nothink writes them, without the images' own tokens."""
    text = "".join(
        f"<|im_start|>{('user', 'assistant')[n % 2]}\n{text}<|im_end|>\n" for n, (_, text) in enumerate(turns)
    )
    return text.replace(IMAGE_TAG, "<|vision_start|><|vision_end|>")


def _find_missing(folder: Path, account: Account) -> None:
    """Notes images that do not exist. One listing a folder: 71,000 single questions to a network disk take minutes."""
    by_folder: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for image in account.images:
        parent, base = os.path.split(os.path.join(folder, image))  # noqa: PTH118 — os.path keeps absolute names
        by_folder[parent].append((base, image))
    for parent, names in by_folder.items():
        try:
            present = set(os.listdir(parent))  # noqa: PTH208
        except (OSError, ValueError):
            present = set()
        for base, image in names:
            if base not in present:
                account.note("missing", account.images[image])


def _measure(spec: Spec, name: str, sampled: list[Sampled], account: Account, model: Path | None, tell: Tell) -> bool:
    """Opens the sample's images and counts tokens; True if the text's tokens had to be estimated."""
    from PIL import Image

    limits = processor_limits(model)
    tokenizer = _tokenizer(model)
    known: dict[str, int | None] = {}
    for number, images, text in sampled:
        tokens = len(tokenizer.encode(text).ids) if tokenizer else 12 + len(text.encode("utf-8", "replace")) // 3
        for image in images:
            if image not in known:
                try:
                    with Image.open(spec.dataset_dir / image) as opened:
                        width, height = opened.size
                    known[image] = image_tokens(width, height, spec.settings.image_max_pixels, limits)
                except FileNotFoundError:
                    known[image] = 0  # counted as missing
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                    known[image] = None
            if known[image] is None:
                account.note("unreadable", number)
            tokens += known[image] or 0
        account.looked_at += 1
        account.tokens += tokens
        account.longest = max(account.longest, (tokens, number))
        if account.looked_at % _TELL_IMAGES == 0:
            tell(Doing("data", f"{name}: opening the images of rows", account.looked_at, len(sampled)))
    return tokenizer is None


def _tokenizer(model: Path | None) -> Any:
    """The model's tokenizer, or None if its file or the library is not at hand."""
    if model is None or not (model / "tokenizer.json").is_file():
        return None
    try:
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(model / "tokenizer.json"))
    except Exception:  # the library raises bare Exceptions for files that it does not understand
        return None


def _form_findings(name: str, account: Account) -> list[Finding]:
    findings = [
        Finding(KINDS[kind][0], "data", f"{name}: {_rows(count)} {_have(count)} {_what(kind, account)}", KINDS[kind][2])
        for kind, count in account.problems.items()
    ]
    if not account.problems:
        images = f"{len(account.images):,} images, all there"
        findings.append(Finding("ok", "data", f"{name}: {account.rows:,} rows, well formed; {images}"))
    return findings


def _length_findings(spec: Spec, name: str, account: Account, estimated: bool) -> list[Finding]:
    if account.mean_tokens is None:
        return []
    tokens, row = account.longest
    cutoff = spec.settings.cutoff_len
    how = " (text estimated: no tokenizer at hand)" if estimated else ""
    scope = "" if account.looked_at >= account.rows else f"; {account.looked_at:,} of {account.rows:,} looked into"
    message = f"{name}: {account.mean_tokens:,.0f} tokens a row, at most {tokens:,} (row {row}){how}{scope}"
    if tokens > cutoff:
        hint = f"Training would crash there. Raise cutoff_len to {tokens} or lower image_max_pixels."
        return [Finding("fail", "data", f"{message}; cutoff_len is {cutoff:,}", hint)]
    if tokens > 0.9 * cutoff and scope:
        return [Finding("warn", "data", f"{message}; close to cutoff_len {cutoff:,}", "Look into all: --sample 0.")]
    return [Finding("ok", "data", f"{message}; cutoff_len is {cutoff:,}")]


def shared_images(train: Account, other: Account, name: str) -> list[Finding]:
    """A warning if images of the training data are in an evaluation's data too."""
    both = train.images.keys() & other.images.keys()
    if not both:
        return []
    message = f"{name}: {len(both):,} of its {len(other.images):,} images are in the training data too"
    return [Finding("warn", "data", message, "Its loss will look too good. prepare splits by image.")]


def _rows(count: int) -> str:
    return f"{count:,} row" + ("s" if count != 1 else "")


def _have(count: int) -> str:
    return "have" if count != 1 else "has"


def _what(kind: str, account: Account) -> str:
    return f"{KINDS[kind][1]} (first: row {account.first[kind]})"
