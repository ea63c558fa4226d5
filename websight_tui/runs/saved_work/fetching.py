"""Downloads a run's adapter, file by file, with progress; it can be stopped at any moment and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
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
    paths = {name: f"{spec.out_dir}{source_of(step)}/{name}" for name in ADAPTER}
    looked = transport.read_many([ReadRequest(path, 0, 1) for path in paths.values()])
    sizes = {name: 0 if chunk is None else chunk.size for name, chunk in zip(paths, looked, strict=True)}
    total, before = sum(sizes.values()), 0

    for name, path in paths.items():

        def told(done: int, _: int, before: int = before) -> None:
            progress(before + done, total)
            if stopping():
                raise FetchStopped("The download was stopped", "It goes on where it was.")

        transport.download(path, folder / name, progress=told)
        before += sizes[name]
    progress(total, total)
    return tuple(paths)
