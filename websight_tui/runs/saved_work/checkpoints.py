"""Which of a run's checkpoints are on the cluster, and whether each is whole, by the marker that seals it.

The marker (`complete.json`, trainer/checkpoints.py) is written last and names every file with its size. Here it is
read from afar: two batches of small reads, however many checkpoints there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from websight_tui.metrics import lines
from websight_tui.remote.port import FileChunk, ReadRequest, Transport
from websight_tui.runs.saved_work.tasks import source_of
from websight_tui.runspec import RunSpec

ADAPTER: Final = ("adapter_model.safetensors", "adapter_config.json")
"""What a fetched adapter is made of."""
_MARKER: Final = "complete.json"
_MOST: Final = 60
"""Newest checkpoints that are looked at."""
_MARKER_BYTES: Final = 256 * 1024
_MOST_FILES: Final = 400


class Whole(StrEnum):
    """How whole a checkpoint is."""

    COMPLETE = "complete"
    NOT_FINITE = "not finite"
    DAMAGED = "damaged"
    NOT_SEALED = "not sealed"
    GONE = "removed"


@dataclass(frozen=True, slots=True)
class Saved:
    """One checkpoint as it lies on the cluster.

    Args:
        step: None for the final adapter in the output folder.
        bytes: of all its files; None where that is not known.
        sealed_at: Unix s.
    """

    step: int | None
    whole: Whole
    bytes: int | None = None
    sealed_at: float | None = None

    @property
    def usable(self) -> bool:
        """Whether its adapter can be fetched, tried and merged."""
        return self.whole in (Whole.COMPLETE, Whole.NOT_FINITE)


def look(transport: Transport, spec: RunSpec, steps: Sequence[int]) -> tuple[Saved, ...]:
    """The final adapter, if it is there, then the checkpoints at `steps`, newest first.

    Raises: RemoteFileError, RemoteTimeout, ConnectionLost.
    """
    newest = sorted(set(steps), reverse=True)[:_MOST]
    paths = [f"{spec.out_dir}/{ADAPTER[0]}"]
    for step in newest:
        folder = spec.out_dir + source_of(step)
        paths += [f"{folder}/{_MARKER}", f"{folder}/{ADAPTER[1]}"]
    final, *rest = transport.read_many(
        [ReadRequest(path, 0, _MARKER_BYTES if path.endswith(_MARKER) else 1) for path in paths]
    )
    markers = {step: (rest[2 * i], rest[2 * i + 1]) for i, step in enumerate(newest)}
    sealed = {step: read for step, (marker, _) in markers.items() if (read := _read(marker)) is not None}
    asked = [(step, name) for step, (files, _, _) in sealed.items() for name in files][: _MOST_FILES * 4]
    sizes = transport.read_many([ReadRequest(f"{spec.out_dir}{source_of(step)}/{name}", 0, 1) for step, name in asked])
    there = {key: None if chunk is None else chunk.size for key, chunk in zip(asked, sizes, strict=True)}
    found = [] if final is None else [Saved(None, Whole.COMPLETE, final.size)]
    for step in newest:
        marker, config = markers[step]
        if step not in sealed:
            known = Whole.GONE if marker is None and config is None else Whole.NOT_SEALED
            found.append(Saved(step, known))
            continue
        files, sealed_at, finite = sealed[step]
        fits = all(there.get((step, name), size) == size for name, size in files.items())
        whole = Whole.DAMAGED if not fits else Whole.COMPLETE if finite else Whole.NOT_FINITE
        found.append(Saved(step, whole, sum(files.values()), sealed_at))
    return tuple(found)


def _read(marker: FileChunk | None) -> tuple[dict[str, int], float | None, bool] | None:
    """(files with their sizes, when it was sealed, whether its weights are finite); None if that is no marker."""
    if marker is None:
        return None
    try:
        data = json.loads(marker.data)
        files = {
            str(name): size
            for name, told in data["files"].items()
            if (size := lines.whole(told)) is not None and _inside(str(name))
        }
        return files, lines.number(data.get("t")), data.get("finite") is not False
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
