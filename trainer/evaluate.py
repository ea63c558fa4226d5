"""`evaluate`: how often does the model click inside the target's box? Asked of every row of a test split.

    OUT/predictions.jsonl    one line a row: answer, click, box, hit; appended as it goes
    OUT/evaluation.json      what was evaluated, so that only the same is gone on with
    OUT/results.json         accuracy, its 95 % interval, and what was left out

Started again after a stop it goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from trainer import grid
from trainer.answers import MAX_NEW_TOKENS, Source, ask, load
from trainer.checkpoints import write_whole
from trainer.problem import Problem
from trainer.rows import IMAGE_TAG, DataSet, find_dataset, read_rows

PREDICTIONS: Final = "predictions.jsonl"
EVALUATION: Final = "evaluation.json"
RESULTS: Final = "results.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate.

    Args:
        source: the model.
        dataset_dir: folder with dataset_info.json.
        dataset: name of the test split.
        out: folder for predictions and results.
        batch_size: questions asked at once.
        limit: only the first so many rows; None for all.
    """

    source: Source
    dataset_dir: Path
    dataset: str
    out: Path
    batch_size: int = 8
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What came out.

    Args:
        rows: rows that were judged.
        hits: of those, answers inside the box.
        accuracy: hits / rows.
        low, high: the 95 % Wilson interval of the accuracy.
        no_click: judged rows whose answer was not a click (counted as misses).
        median_distance: of the clicks from the middle of their box, in grid units.
        not_judged: rows without a box or an image that can be opened: {reason: rows}.
    """

    rows: int
    hits: int
    accuracy: float
    low: float
    high: float
    no_click: int
    median_distance: float | None
    not_judged: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The results as they stand in results.json."""
        return asdict(self)

    def in_words(self) -> str:
        """The results for people."""
        lines = [
            f"click accuracy {self.accuracy:.1%} (95 % interval {self.low:.1%} to {self.high:.1%}), "
            f"{self.hits:,} of {self.rows:,} inside the box"
        ]
        if self.median_distance is not None:
            lines.append(f"half of the clicks are within {self.median_distance:.0f} units of their box's middle")
        if self.no_click:
            lines.append(f"{self.no_click:,} answers were no click and count as misses")
        lines += [f"not judged: {n:,} rows, {reason}" for reason, n in self.not_judged.items()]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Question:
    row: int
    image: str
    content: str
    box: grid.Box


def evaluate(plan: Plan, progress: Callable[[str], None] = lambda _: None) -> Results:
    """Asks what has not been asked yet, and sums up.

    Args:
        progress: called after some batches, with "progress DONE/ALL: WHAT", which the app shows as a share.

    Raises: Problem if something cannot be read or written, if there is nothing to judge, or if OUT holds the
        predictions of another model or test split.
    """
    data = find_dataset(plan.dataset_dir, plan.dataset)
    questions, not_judged = _questions(plan, data)
    if not questions:
        reasons = ", ".join(f"{n} {reason}" for reason, n in not_judged.items()) or "it is empty"
        hint = "prepare writes the boxes into its test split."
        raise Problem(f"nothing in {data.path} can be judged: {reasons}", hint)
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        _claim(plan, data)
        known = _read_predictions(plan.out / PREDICTIONS)
        _ask_the_rest(plan, [q for q in questions if q.row not in known], known, progress)
        results = _sum_up([known[q.row] for q in questions], not_judged)
        write_whole(plan.out / RESULTS, json.dumps(results.as_json(), indent=1) + "\n")
    except OSError as error:
        raise Problem(f"{error.filename or plan.out}: {error.strerror}", "Choose another place with --out.") from error
    return results


def wilson(hits: int, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share (J. Am. Stat. Assoc. 22, 209-212): honest near 0 and 1 and for few rows."""
    if not rows:
        return 0.0, 1.0
    share, square = hits / rows, z * z
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    reach = z / (1 + square / rows) * math.sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _questions(plan: Plan, data: DataSet) -> tuple[list[_Question], dict[str, int]]:
    questions: list[_Question] = []
    not_judged: dict[str, int] = {}
    for row, value in read_rows(data.path):
        if plan.limit is not None and row > plan.limit:
            break
        made = _question(row, value, data, plan.dataset_dir)
        if isinstance(made, str):
            not_judged[made] = not_judged.get(made, 0) + 1
        else:
            questions.append(made)
    return questions, not_judged


def _question(row: int, value: object, data: DataSet, folder: Path) -> _Question | str:
    """The question in a row, or the reason why it cannot be judged."""
    try:
        assert isinstance(value, dict)
        content = next(str(m[data.content]) for m in value[data.messages] if m[data.role] == data.user)
        [image] = value[data.images or "images"]
        box = value.get("bbox")
    except (AssertionError, KeyError, TypeError, ValueError, StopIteration):
        return "without a question and one image"
    if content.count(IMAGE_TAG) != 1 or not isinstance(image, str):
        return "without a question and one image"
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(edge, (int, float)) for edge in box):
        return "without a box"
    if not (folder / image).is_file():
        return "whose image does not exist"
    return _Question(row, image, content, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))


def _claim(plan: Plan, data: DataSet) -> None:
    """Notes what is evaluated here, or refuses if something else was."""
    mine = {
        "model": plan.source.model,
        "adapter": _digest(plan.source.adapter / "adapter_model.safetensors") if plan.source.adapter else None,
        "image_max_pixels": plan.source.max_pixels,
        "max_new_tokens": MAX_NEW_TOKENS,
        "dataset": data.name,
        "data": _digest(data.path),
    }
    path = plan.out / EVALUATION
    if not path.exists():
        write_whole(path, json.dumps(mine, indent=1) + "\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        before = None
    if before != mine:
        keys = [key for key in mine if not isinstance(before, dict) or before.get(key) != mine[key]]
        hint = "Choose another folder with --out, or move this one away."
        raise Problem(f"{plan.out} holds the evaluation of another {' and '.join(keys)}", hint)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_predictions(path: Path) -> dict[int, dict[str, Any]]:
    """Predictions of an earlier start by row; a last line that a kill has torn is cut off the file."""
    known: dict[int, dict[str, Any]] = {}
    if not path.exists():
        return known
    whole = 0
    with path.open("rb") as file:
        for line in file:
            try:
                prediction = json.loads(line)
                known[int(prediction["row"])] = prediction
            except (ValueError, KeyError, TypeError):
                break
            if not line.endswith(b"\n"):
                del known[int(prediction["row"])]
                break
            whole += len(line)
    if whole < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(whole)
    return known


def _ask_the_rest(
    plan: Plan, questions: list[_Question], known: dict[int, dict[str, Any]], progress: Callable[[str], None]
) -> None:
    if not questions:
        return
    before, total = len(known), len(known) + len(questions)
    progress(f"progress {before}/{total}: loading the model" + (", going on" if before else ""))
    loaded = load(plan.source)
    told = begin = time.monotonic()
    with (plan.out / PREDICTIONS).open("a", encoding="utf-8") as file:
        for number, batch in enumerate(_batches(questions, plan.batch_size), 1):
            answers = ask(loaded, [(plan.dataset_dir / q.image, q.content) for q in batch])
            for asked, answer in zip(batch, answers, strict=True):
                known[asked.row] = _judge(asked, answer)
                file.write(json.dumps(known[asked.row]) + "\n")
            file.flush()
            now = time.monotonic()
            if now - told > 10:
                told = now
                done = min(number * plan.batch_size, len(questions))
                left = (now - begin) / done * (len(questions) - done)
                hits = sum(bool(p["hit"]) for p in known.values()) / len(known)
                progress(f"progress {before + done}/{total}: {hits:.1%} hit so far, about {left / 60:.0f} min left")


def _batches(questions: list[_Question], size: int) -> Iterator[list[_Question]]:
    for start in range(0, len(questions), size):
        yield questions[start : start + size]


def _judge(asked: _Question, answer: str) -> dict[str, Any]:
    click = grid.parse_click(answer)
    return {
        "row": asked.row,
        "image": asked.image,
        "prompt": asked.content.replace(IMAGE_TAG, "").strip(),
        "answer": answer,
        "click": list(click) if click else None,
        "bbox": list(asked.box),
        "hit": bool(click and grid.contains(asked.box, *click)),
    }


def _sum_up(predictions: list[dict[str, Any]], not_judged: dict[str, int]) -> Results:
    hits = sum(bool(p["hit"]) for p in predictions)
    clicks = [p for p in predictions if p["click"]]
    distances = [math.dist(p["click"], grid.middle(tuple(p["bbox"]))) for p in clicks]
    low, high = wilson(hits, len(predictions))
    return Results(
        rows=len(predictions),
        hits=hits,
        accuracy=hits / len(predictions),
        low=low,
        high=high,
        no_click=len(predictions) - len(clicks),
        median_distance=statistics.median(distances) if distances else None,
        not_judged=not_judged,
    )
