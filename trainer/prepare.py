"""`prepare`: prompts.jsonl in, training, validation and test files out, and an account of every row left behind.

A line of prompts.jsonl (WebSight and Wave-UI style; `original.bbox` may also be written as one dotted key):

    {"prompt": "click the login button",
     "original": {"bbox": [x1, y1, x2, y2], "resolution": [width, height], "image_path": "images/000001.png"}}

Boxes are pixels at `resolution`. All rows of one image go to one split, so no page of the test is seen in training;
which one depends on the image's name and the seed alone, so a longer prompts.jsonl moves nothing between the splits.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trainer import grid
from trainer.problem import Problem
from trainer.rows import dataset_entry, make_row

MAX_LINE = 1 << 20
"""Bytes; a longer line is no prompt, and is skipped without being held in memory."""
REASONS = {
    "line_too_long": "longer than 1 MB",
    "not_json": "not a JSON object",
    "no_prompt": "no prompt text",
    "prompt_has_tags": "the prompt holds a tag that the trainer would take for its own, such as <image> or <|im_end|>",
    "no_image_path": "no original.image_path",
    "image_outside": "the image path leads out of the images folder",
    "image_missing": "the image does not exist",
    "image_unreadable": "the image cannot be opened",
    "bad_resolution": "original.resolution is not two numbers above 0",
    "bad_box": "original.bbox is not four finite numbers",
    "empty_box": "the box has no area",
    "box_off_page": "the middle of the box is not on the page",
    "duplicate": "the same image, prompt and box came before",
}
NOTES = {
    "box_clipped": "the box reached over the page's edge and was cut there",
    "other_shape": "the image's proportions differ from original.resolution by more than 2 %",
}
INFO = "dataset_info.json"
_TAGS = re.compile(r"<(?:image|video|audio)>|<\|[a-z_]+\|>")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to prepare.

    Args:
        prompts: prompts.jsonl.
        images: folder that relative image paths start from; nothing outside it is read.
        out: folder for the data files, their report and dataset_info.json.
        name: data sets are called NAME_train, NAME_validation, NAME_test.
        validation, test: shares of the images, 0 to below 1.
        seed: another one gives another split.
        box_form: "xyxy" (left, top, right, bottom) or "xywh" (left, top, width, height).
    """

    prompts: Path
    images: Path
    out: Path
    name: str = "websight"
    validation: float = 0.02
    test: float = 0.02
    seed: int = 42
    box_form: str = "xyxy"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the rows: counts by split, by reason dropped (see REASONS) and by note (see NOTES)."""

    read: int
    kept: Mapping[str, int]
    images: Mapping[str, int]
    dropped: Mapping[str, int]
    notes: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The report as it stands in NAME_report.json."""
        return {
            "read": self.read,
            "kept": dict(self.kept),
            "images": dict(self.images),
            "dropped": {reason: {"rows": n, "meaning": REASONS[reason]} for reason, n in self.dropped.items()},
            "notes": {note: {"rows": n, "meaning": NOTES[note]} for note, n in self.notes.items()},
        }

    def in_words(self) -> str:
        """The report for people, a few lines."""
        lines = [f"{self.read:,} rows read, {sum(self.kept.values()):,} kept, {sum(self.dropped.values()):,} dropped"]
        lines += [f"  {split:<12}{n:>9,} rows of {self.images[split]:,} images" for split, n in self.kept.items()]
        for title, counts, meanings in (("dropped:", self.dropped, REASONS), ("kept, but:", self.notes, NOTES)):
            lines += [title] if counts else []
            lines += [f"  {n:>9,}  {meanings[key]}" for key, n in sorted(counts.items(), key=lambda item: -item[1])]
        return "\n".join(lines)


class _Dropped(Exception):
    """A row that cannot be used; the argument is a key of REASONS."""


def prepare(plan: Plan, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Reads the prompts once and writes all files, each whole or not at all.

    Args:
        plan: what and where.
        progress: called with the number of rows read, now and then.

    Returns: the report, which is also written to OUT/NAME_report.json; OUT/NAME_dropped.jsonl lists every dropped line.
    Raises: Problem if a file cannot be read or written, or if no row for training is left (nothing is written then).
    """
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        _read_info(plan.out)
        with plan.prompts.open("rb") as prompts:
            work = Path(tempfile.mkdtemp(prefix=".prepare-", dir=plan.out))
            try:
                report = _write_splits(plan, prompts, work, progress)
                if not report.kept["train"]:
                    hint = "Check --images and --box-form." if report.read else "Is it the right file?"
                    raise Problem(f"no row for training is left of {plan.prompts}\n{report.in_words()}", hint)
                _publish(plan, work, report)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise Problem(f"{error.filename or plan.out}: {error.strerror or error}") from error
    return report


def split_of(image: str, validation: float, test: float, seed: int) -> str:
    """The split of an image: "train", "validation" or "test", by a hash of its name and the seed."""
    digest = hashlib.sha256(f"{seed}:{image}".encode("utf-8", "surrogatepass")).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if share < test else "validation" if share < test + validation else "train"


def _write_splits(plan: Plan, prompts: BinaryIO, work: Path, progress: Callable[[int], None]) -> Report:
    kept = Counter({"train": 0, "validation": 0, "test": 0})
    dropped: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    pages: dict[str, str] = {}
    seen: set[bytes] = set()
    images = _Images(plan.images)
    number = 0
    outputs = {split: (work / f"{plan.name}_{split}.jsonl").open("w", encoding="utf-8") for split in kept}
    rejects = (work / f"{plan.name}_dropped.jsonl").open("w", encoding="utf-8")
    try:
        for number, (line_number, line) in enumerate(_lines(prompts), 1):
            if number % 10_000 == 0:
                progress(number)
            try:
                prompt, path, box, row_notes = _read_row(line, images, plan.box_form)
                image = _reference(path, plan.out)
                key = hashlib.blake2b(repr((image, prompt, box)).encode(), digest_size=12).digest()
                if key in seen:
                    raise _Dropped("duplicate")
            except _Dropped as drop:
                dropped[str(drop)] += 1
                rejects.write(json.dumps({"line": line_number, "reason": str(drop)}) + "\n")
                continue
            seen.add(key)
            notes.update(row_notes)
            page = path.relative_to(images.folder).as_posix()
            split = pages.setdefault(page, split_of(page, plan.validation, plan.test, plan.seed))
            kept[split] += 1
            outputs[split].write(json.dumps(make_row(prompt, image, box)) + "\n")
    finally:
        for file in (*outputs.values(), rejects):
            file.close()
    return Report(number, kept, {split: list(pages.values()).count(split) for split in kept}, dropped, notes)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines that are not blank, with their numbers; None for one above MAX_LINE, which is never held whole."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line


def _read_row(line: bytes | None, images: _Images, box_form: str) -> tuple[str, Path, grid.Box, list[str]]:
    if line is None:
        raise _Dropped("line_too_long")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise _Dropped("not_json") from None
    if not isinstance(row, dict):
        raise _Dropped("not_json")
    prompt = row.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise _Dropped("no_prompt")
    prompt = prompt.strip().encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written
    if _TAGS.search(prompt):
        raise _Dropped("prompt_has_tags")
    original = row.get("original")
    nested = original if isinstance(original, dict) else {}
    bbox, resolution, path = (
        nested.get(key, row.get(f"original.{key}")) for key in ("bbox", "resolution", "image_path")
    )
    if not isinstance(path, str) or not path:
        raise _Dropped("no_image_path")
    width, height = _numbers(resolution, 2, "bad_resolution")
    if min(width, height) <= 0:
        raise _Dropped("bad_resolution")
    box, notes = _on_grid(_numbers(bbox, 4, "bad_box"), width, height, box_form)
    found, size = images.find(path)
    if abs(size[0] * height / (size[1] * width) - 1) > 0.02:
        notes.append("other_shape")
    return prompt, found, box, notes


def _numbers(value: object, count: int, reason: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise _Dropped(reason)
    if not all(isinstance(part, (int, float)) and not isinstance(part, bool) and abs(part) < 1e9 for part in value):
        raise _Dropped(reason)  # NaN and infinity fail the comparison
    return [float(part) for part in value]


def _on_grid(edges: list[float], width: float, height: float, box_form: str) -> tuple[grid.Box, list[str]]:
    left, top, right, bottom = edges
    if box_form == "xywh":
        right, bottom = left + right, top + bottom
    if right <= left or bottom <= top:
        raise _Dropped("empty_box")
    if not (0 <= (left + right) / 2 <= width and 0 <= (top + bottom) / 2 <= height):
        raise _Dropped("box_off_page")
    inside = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    # A pixel of overhang is how annotation tools round; it is not worth a word.
    cut = max(abs(a - b) for a, b in zip(inside, (left, top, right, bottom), strict=True)) > 1
    return grid.to_grid(inside, width, height), ["box_clipped"] if cut else []


class _Images:
    """Finds images inside one folder and reads their sizes from their headers, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._known: dict[str, tuple[Path, tuple[int, int]] | str] = {}

    def find(self, name: str) -> tuple[Path, tuple[int, int]]:
        if name not in self._known:
            try:
                self._known[name] = self._look(name)
            except _Dropped as drop:
                self._known[name] = str(drop)
        known = self._known[name]
        if isinstance(known, str):
            raise _Dropped(known)
        return known

    def _look(self, name: str) -> tuple[Path, tuple[int, int]]:
        from PIL import Image

        try:
            path = Path(os.path.normpath(self.folder / name))
            if not path.is_relative_to(self.folder):
                raise _Dropped("image_outside")
            if not path.is_file():
                raise _Dropped("image_missing")
        except (ValueError, OSError):  # a NUL byte, or a name longer than file systems allow
            raise _Dropped("image_missing") from None
        try:
            with Image.open(path) as image:
                return path, image.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            raise _Dropped("image_unreadable") from None


def _reference(image: Path, out: Path) -> str:
    """The image's path as LLaMA-Factory finds it: from the data folder if it is in there, else absolute."""
    folder = Path(os.path.realpath(out))
    return image.relative_to(folder).as_posix() if image.is_relative_to(folder) else str(image)


def _publish(plan: Plan, work: Path, report: Report) -> None:
    """Moves the finished files into place, dataset_info.json last: it is what makes them a data set."""
    (work / f"{plan.name}_report.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    files = [f"{plan.name}_{what}.jsonl" for what in (*report.kept, "dropped")]
    for name in (*files, f"{plan.name}_report.json"):
        (work / name).replace(plan.out / name)
    info = _read_info(plan.out)
    info |= {f"{plan.name}_{split}": dataset_entry(f"{plan.name}_{split}.jsonl") for split in report.kept}
    (work / INFO).write_text(json.dumps(info, indent=1) + "\n")
    (work / INFO).replace(plan.out / INFO)


def _read_info(folder: Path) -> dict[str, Any]:
    path = folder / INFO
    try:
        info = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise Problem(f"{path} is not JSON ({error})", "Correct it or move it away; it was left alone.") from error
    if not isinstance(info, dict):
        raise Problem(f"{path} does not hold an object", "Correct it or move it away; it was left alone.")
    return info
