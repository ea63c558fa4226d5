"""Downloads a run's adapter or logs, file by file, with progress; it can be stopped and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from websight_tui.errors import WebsightError
from websight_tui.remote.port import Progress, ReadRequest, Transport
from websight_tui.runs.saved_work.checkpoints import ADAPTER
from websight_tui.runs.saved_work.tasks import source_of
from websight_tui.runspec import RunSpec


class FetchStopped(WebsightError):
    """A person stopped the download; what has come stays, and the next one goes on there."""


def fetch_adapter(
    transport: Transport,
    spec: RunSpec,
    step: int | None,
    folder: Path,
    progress: Progress,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """Fetches the adapter of a checkpoint (None: the final one) into `folder`.

    Args:
        progress: told bytes done and in all, over all files.
        stopping: asked at every block.

    Returns: names of the files.
    Raises: FetchStopped, RemoteFileError, RemoteTimeout, ConnectionLost. What has come so far stays in FILE.part.
    """
    fetch_files(
        transport, {f"{spec.out_dir}{source_of(step)}/{name}": folder / name for name in ADAPTER}, progress, stopping
    )
    return ADAPTER


def fetch_files(
    transport: Transport,
    files: Mapping[str, Path],
    progress: Progress,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Fetches files, given as remote path → local one, in their order. Returns: bytes. Otherwise as `fetch_adapter`."""
    looked = transport.read_many([ReadRequest(path, 0, 1) for path in files])
    sizes = {path: 0 if chunk is None else chunk.size for path, chunk in zip(files, looked, strict=True)}
    total, before = sum(sizes.values()), 0

    for path, target in files.items():

        def told(done: int, _: int, before: int = before) -> None:
            progress(before + done, total)
            if stopping():
                raise FetchStopped("The download was stopped", "It goes on where it was.")

        transport.download(path, target, progress=told)
        before += sizes[path]
    progress(total, total)
    return total
