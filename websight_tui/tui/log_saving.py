"""Saving a log: the whole files from the cluster, or the lines that are here where those are all or nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from websight_tui import words
from websight_tui.runs.saved_work.tasks import Kind
from websight_tui.runs.state import Link, LogTail, RunView
from websight_tui.runs.together import is_stderr
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.task_actions import running

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp

_NO_NAME: Final = "expected the name of a file"


def ask_save(app: WebsightApp, run: RunView, stream: str, tail: LogTail, names: Sequence[str]) -> None:
    """Asks for a file and saves the log to it; a download that goes on is stopped after a question.

    Args:
        stream: what is in front, in words.
        tail: its last lines.
        names: of the outputs that it is made of.
    """
    run_id = run.spec.run_id
    if running(run, Kind.LOG) is not None:

        def sure(stop: bool | None) -> None:
            if stop:
                app.controller.ask(lambda engine: engine.stop_save(run_id))

        body = "What has come of the log stays, and the next download to the same file goes on there."
        app.push_screen(ConfirmScreen("Stop the download?", body, "Stop it"), sure)
        return
    if not tail.lines:
        app.tell(f"There is nothing in {stream} yet", good=True)
        return
    view = app.state.clusters.get(run.spec.cluster)
    sizes = {name: size for name in names if (size := getattr(run, name).size)}
    download = not tail.whole and view is not None and view.link is Link.ONLINE
    name = run_id.replace(":", "-").replace("/", "-")
    if download and len(sizes) > 1:
        name, suffix = f"{name}.log", ""
    else:
        suffix = next(iter(sizes)) if download else stream.replace(" ", "")
        name = f"{name}.{suffix}.log"
    if download:
        parts = " and ".join(f"{each} ({words.size(size)})" for each, size in sizes.items())
        hint = f"The whole {parts}, as on the cluster. A download that broke off goes on where it was."
        if not suffix:
            hint += " Each goes to a file of its own: .stdout.log, .stderr.log."
    elif tail.whole:
        hint = f"{len(tail.lines):,} lines of {stream}."
    else:
        hint = f"The last {len(tail.lines):,} lines of {stream}. Connect to save the whole log from the cluster."

    def targets(text: str) -> dict[str, Path]:
        path = Path(text).expanduser()
        if not download or len(sizes) == 1:
            return {next(iter(sizes), ""): path}
        return {each: path.with_name(f"{path.stem}.{each}{path.suffix}") for each in sizes if path.name}

    def problem(text: str) -> str:
        files = targets(text).values() if text.strip() else ()
        return next((said for path in files if (said := _path_problem(path))), "" if files else _NO_NAME)

    def named(text: str | None) -> None:
        if not text:
            return
        if download:
            files = {name: path.absolute() for name, path in targets(text).items()}
            app.controller.ask(lambda engine: engine.save_log(run_id, files))
        else:
            path = Path(text).expanduser()
            app.run_worker(lambda: _write(app, path, tail), thread=True, description="saves the log")

    app.push_screen(AskScreen("Save the log to", hint, name, check=problem), named)


def _write(app: WebsightApp, path: Path, tail: LogTail) -> None:
    """Saves lines to a file that is not there yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            marks = ("stderr: " if is_stderr(tail, index) else "" for index in range(len(tail.lines)))
            file.writelines(f"{mark}{line}\n" for mark, line in zip(marks, tail.lines, strict=True))
    except OSError as exc:
        said, good = f"{path} could not be written: {exc.strerror or exc}", False
    else:
        said, good = f"Saved {len(tail.lines):,} lines to {path.absolute()}", True
    app.call_from_thread(app.tell, said, good=good)


def _path_problem(path: Path) -> str:
    if not path.name or path.is_dir():
        return _NO_NAME
    if path.exists():
        return f"{path.name} is there already"
    return "" if path.absolute().parent.is_dir() else f"there is no folder {path.parent}"
