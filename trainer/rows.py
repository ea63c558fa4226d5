"""The form of a training row and of the files that hold rows: sharegpt, one image, one question, one click.

    {"messages": [{"role": "user", "content": "<image>Click the menu."},
                  {"role": "assistant", "content": "pyautogui.click(111, 401)"}],
     "images": ["images/000001.png"], "bbox": [1.0, 241.0, 221.0, 561.0]}

`bbox` is the target's box in grid units; LLaMA-Factory skips it, the evaluation needs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer import grid
from trainer.problem import Problem

IMAGE_TAG = "<image>"


def make_row(prompt: str, image: str, box: grid.Box) -> dict[str, Any]:
    """A row whose answer is a click on the middle of `box` (grid units)."""
    return {
        "messages": [
            {"role": "user", "content": f"{IMAGE_TAG}{prompt}"},
            {"role": "assistant", "content": grid.format_click(*grid.middle(box))},
        ],
        "images": [image],
        "bbox": [round(float(edge), 2) for edge in box],
    }


def dataset_entry(file_name: str) -> dict[str, Any]:
    """A data set's entry in LLaMA-Factory's dataset_info.json."""
    return {
        "file_name": file_name,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set as dataset_info.json describes it: its file, and the names of columns, roles and their tags in it."""

    name: str
    path: Path
    formatting: str
    messages: str
    images: str | None
    role: str
    content: str
    user: str
    assistant: str
    system: str


def find_dataset(dataset_dir: Path, name: str) -> DataSet:
    """Looks a data set up in dataset_info.json; what is not said there is as LLaMA-Factory takes it.

    Raises: Problem if dataset_info.json cannot be read, does not know the name, or the file is missing.
    """
    info_path = dataset_dir / "dataset_info.json"
    prepare = "`python -m trainer prepare` makes the data sets and this file."
    try:
        info = json.loads(info_path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(f"{info_path} cannot be read: {error.strerror}", prepare) from error
    except ValueError as error:
        raise Problem(f"{info_path} is not JSON: {error}", "Correct it, or make it again with prepare.") from error
    entry = info.get(name) if isinstance(info, dict) else None
    if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
        known = ", ".join(sorted(info)) if isinstance(info, dict) and info else "none"
        raise Problem(f"data set '{name}' is not in {info_path} (known: {known})", prepare)
    path = dataset_dir / str(entry["file_name"])
    if not path.is_file():
        raise Problem(f"data set '{name}' should be in {path}, which does not exist", prepare)
    columns, tags = entry.get("columns") or {}, entry.get("tags") or {}
    return DataSet(
        name,
        path,
        entry.get("formatting", "alpaca"),
        columns.get("messages", "conversations"),
        columns.get("images"),
        tags.get("role_tag", "from"),
        tags.get("content_tag", "value"),
        tags.get("user_tag", "human"),
        tags.get("assistant_tag", "gpt"),
        tags.get("system_tag", "system"),
    )


def read_rows(path: Path) -> Iterator[tuple[int, object]]:
    """Rows of a .json (one list) or .jsonl file with their number from 1; a line that is not JSON comes as None.

    A .jsonl file is read line by line, so its size does not matter.
    Raises: Problem if the file cannot be read, or a .json file is not a list.
    """
    try:
        if path.suffix != ".jsonl":
            rows = json.loads(path.read_bytes())
            if not isinstance(rows, list):
                raise Problem(f"{path} does not hold a list of rows")
            yield from enumerate(rows, 1)
            return
        with path.open("rb") as lines:
            for number, line in enumerate((line for line in lines if line.strip()), 1):
                try:
                    yield number, json.loads(line)
                except ValueError:
                    yield number, None
    except ValueError as error:
        raise Problem(f"{path} is not JSON: {error}") from error
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}") from error
