"""What a person can do with a checkpoint: fetch it, try it on a picture, merge it. A question before what costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from websight_tui import words
from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.saved_work.beside import MERGE_LIMIT, TRY_LIMIT, merged_path
from websight_tui.runs.saved_work.checkpoints import Saved
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task, name_of
from websight_tui.runs.state import RunView
from websight_tui.tui.screens.ask import AskScreen
from websight_tui.tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def running(run: RunView, kind: Kind) -> Task | None:
    """The task of a kind that goes on now."""
    return next((task for task in run.tasks if task.kind is kind and task.stand is Stand.RUNNING), None)


def ask_fetch(app: WebsightApp, run: RunView, saved: Saved) -> None:
    """Asks where to, then downloads; a download that goes on is stopped after a question."""
    run_id, step = run.spec.run_id, saved.step
    if (task := running(run, Kind.FETCH)) is not None:
        body = f"What has come of {name_of(task.step)} stays, and the next download goes on there."

        def sure(stop: bool | None) -> None:
            if stop:
                app.controller.ask(lambda engine: engine.stop_fetch(run_id))

        app.push_screen(ConfirmScreen("Stop the download?", body, "Stop it"), sure)
        return

    def answered(text: str | None) -> None:
        if text:
            folder = Path(text).expanduser()
            app.controller.ask(lambda engine: engine.fetch(run_id, step, folder))

    folder = Path.cwd() / (run_id + ("" if step is None else f"-step{step}"))
    hint = f"The folder for {name_of(step)} (the adapter's two files). A download that broke off goes on where it was."
    app.push_screen(AskScreen("Download to", hint, str(folder), check=_folder_problem), answered)


def ask_try(app: WebsightApp, run: RunView, saved: Saved) -> None:
    """Asks for a picture and an instruction, then, after a question, submits one small job."""
    run_id, step = run.spec.run_id, saved.step
    if _busy(app, run, Kind.TRY):
        return

    def picture_given(path: str | None) -> None:
        if path:
            picture = Path(path).expanduser()
            hint = f"What to do on {plain(picture.name, 60)}, as in the training data."
            screen = AskScreen(
                "Instruction", hint, "click the button", check=lambda text: "" if text.strip() else "empty"
            )
            app.push_screen(screen, lambda prompt: prompt_given(picture, prompt))

    def prompt_given(picture: Path, prompt: str | None) -> None:
        if not prompt:
            return
        size = words.size(picture.stat().st_size)
        body = (
            f"{_job_words(run, TRY_LIMIT)} It asks {name_of(step)} where it would click. The picture goes up ({size})."
        )

        def sure(go: bool | None) -> None:
            if go:
                app.controller.ask(lambda engine: engine.try_picture(run_id, step, picture, prompt))

        app.push_screen(ConfirmScreen("Test it on this picture?", body, "Submit the job"), sure)

    hint = f"A screenshot on this machine, for {name_of(step)} to click on."
    app.push_screen(AskScreen("Picture", hint, check=_picture_problem), picture_given)


def ask_merge(app: WebsightApp, run: RunView, saved: Saved) -> None:
    """Submits one job that merges the checkpoint, after a question."""
    run_id, step = run.spec.run_id, saved.step
    if _busy(app, run, Kind.MERGE):
        return
    base = plain(run.spec.preset.model_name_or_path, 80)
    body = (
        f"{_job_words(run, MERGE_LIMIT)} It merges {name_of(step)} into {base}, compares the two on sample pages, and "
        f"leaves the whole model in {merged_path(run.spec, step)}. A merge that was submitted before is followed, not "
        "submitted again."
    )

    def sure(go: bool | None) -> None:
        if go:
            app.controller.ask(lambda engine: engine.merge(run_id, step))

    app.push_screen(ConfirmScreen("Merge this checkpoint?", body, "Submit the job"), sure)


def _busy(app: WebsightApp, run: RunView, kind: Kind) -> bool:
    if (task := running(run, kind)) is not None:
        app.tell(f"One is under way: {task.stage}", "It is in the list of checkpoints.")
        return True
    return False


def _job_words(run: RunView, limit: str) -> str:
    """What a job beside the run takes, in words."""
    spec = run.spec
    takes = "1 GPU" if spec.preset.gpus_per_node else "no GPU"
    where = f" in {plain(spec.partition, 40)}" if spec.partition else ""
    account = f", account {plain(spec.account, 40)}" if spec.account else ""
    return f"One job with {takes} for at most {limit} is submitted{where}{account}."


def _prompt_problem(text: str) -> str:
    return "" if text.strip() else "expected an instruction"


def _picture_problem(text: str) -> str:
    path = Path(text).expanduser()
    if not text.strip() or not path.is_file():
        return "there is no such file"
    return "" if path.suffix.lower() in _PICTURES else f"expected a picture: {', '.join(_PICTURES)}"


def _folder_problem(text: str) -> str:
    path = Path(text).expanduser()
    if not text.strip():
        return "expected a folder"
    return "that is a file" if path.is_file() else ""
