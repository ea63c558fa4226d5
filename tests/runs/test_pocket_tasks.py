"""Jobs beside a run on the embedded cluster, through the engine: submitted once, followed, killed, gone on with."""

from __future__ import annotations

import dataclasses
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from websight_tui.config import Cluster, load_config
from websight_tui.pocket import control
from websight_tui.remote.opening import open_transport
from websight_tui.runs.engine import Engine
from websight_tui.runs.events import ActionDone, Event, QueueSeen, SavedSeen, TaskMoved
from websight_tui.runs.reduce import reduce
from websight_tui.runs.saved_work import runner as task_runner
from websight_tui.runs.saved_work.checkpoints import ADAPTER
from websight_tui.runs.saved_work.tasks import Kind, Stand, Task
from websight_tui.runs.state import AppState, Link
from websight_tui.runs.store import Store
from websight_tui.runspec import RunSpec

pytestmark = pytest.mark.xdist_group("pocket")

# Stands in for the trainer's Python: says what it is told to do, and waits for a file before it ends.
PYTHON = """\
#!/bin/bash
echo "progress 1/3: asking the adapter" >&2
while [ ! -e "$HOME/go" ]; do sleep 0.1; done
mkdir -p "${MERGED_PATH:-.}"
echo '{"answer": "pyautogui.click(1, 2)", "pixels": [1, 2], "size": [10, 10]}'
"""


class Here:
    """An engine on the embedded cluster, and what it has told."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        config = dataclasses.replace(load_config(folder / "none.toml"), clusters={cluster.name: cluster})
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.state = AppState()
        self.seen: list[Event] = []
        self.store = Store(folder / "runs.sqlite")
        self.spec = RunSpec(
            "tiny-1",
            "wst-0011",
            time.time(),
            cluster.name,
            config.presets["tiny"],
            str(folder / "cluster" / "home" / "w"),
            "0" * 16,
            "demo",
            "demo",
            python=cluster.python,
        )
        self.store.begin_submission(self.spec, time.time())
        self.engine = Engine(
            config,
            self.store,
            open_transport=lambda c: open_transport(c.endpoint, login_shell=c.login_shell),
            emit=self.events.put,
        )
        self.engine.load()
        self.engine.connect(cluster.name)
        self.until(
            lambda: cluster.name in self.state.clusters and self.state.clusters[cluster.name].link is Link.ONLINE
        )

    def until(self, true: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, [e for e in self.seen if isinstance(e, (TaskMoved, ActionDone))][-5:]
            try:
                event = self.events.get(timeout=0.2)
            except queue.Empty:
                continue
            self.seen.append(event)
            self.state = reduce(self.state, event)

    def task(self, kind: Kind) -> Task | None:
        return next((task for task in self.state.runs["tiny-1"].tasks if task.kind is kind), None)

    def ended(self, kind: Kind) -> bool:
        task = self.task(kind)
        return task is not None and task.stand is not Stand.RUNNING


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.setattr(task_runner, "_LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(task_runner, "_ASK_QUEUE_EVERY", 5)
    info = control.start(tmp_path / "cluster")
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    cluster = Cluster(
        "demo",
        info.endpoint,
        "~/w",
        "demo",
        "demo",
        gpus_per_node=0,
        poll_floor_s=0.2,
        login_shell=False,
        python=str(python),
    )
    made = Here(tmp_path, cluster)
    try:
        yield made
    finally:
        made.engine.close()
        control.stop(tmp_path / "cluster")


def home(here: Here) -> Path:
    return Path(here.spec.root).parent


def test_a_merge_is_submitted_once_and_followed_to_its_end_by_whoever_asks(here: Here) -> None:
    here.engine.merge("tiny-1", None)
    here.until(lambda: (task := here.task(Kind.MERGE)) and task.total == 3)
    polls = len([event for event in here.seen if isinstance(event, QueueSeen)])
    here.until(lambda: len([event for event in here.seen if isinstance(event, QueueSeen)]) > polls + 6)
    assert not here.ended(Kind.MERGE), "it is in the queue each time"
    here.engine.merge("tiny-1", None)  # while it is under way: nothing
    (home(here) / "go").touch()
    here.until(lambda: here.ended(Kind.MERGE))
    task = here.task(Kind.MERGE)
    assert task is not None
    assert task.stand is Stand.DONE, task.message
    here.engine.merge("tiny-1", None)
    here.until(lambda: sum(isinstance(e, TaskMoved) and e.task.stand is Stand.DONE for e in here.seen) == 2)
    assert [p.name for p in (Path(here.spec.run_dir) / "tasks").iterdir()] == ["merge-final"]


def test_a_job_that_is_killed_is_noticed_and_the_next_one_is_another(here: Here) -> None:
    here.engine.merge("tiny-1", 40)
    here.until(lambda: (task := here.task(Kind.MERGE)) and task.total == 3)
    task = here.task(Kind.MERGE)
    assert task is not None
    assert task.job_id
    here.engine.cancel_job("demo", task.job_id)
    here.until(lambda: here.ended(Kind.MERGE))
    task = here.task(Kind.MERGE)
    assert task is not None
    assert task.stand is Stand.FAILED
    (home(here) / "go").touch()
    here.engine.merge("tiny-1", 40)
    here.until(lambda: here.ended(Kind.MERGE) and here.task(Kind.MERGE) != task)
    assert {p.name for p in (Path(here.spec.run_dir) / "tasks").iterdir()} == {"merge-40", "merge-40-2"}


def test_a_picture_goes_up_and_its_answer_comes_back(here: Here, tmp_path: Path) -> None:
    (home(here) / "go").touch()
    picture = tmp_path / "a page.PNG"
    picture.write_bytes(b"pixels" * 100_000)
    here.engine.try_picture("tiny-1", None, picture, "click 'it'")
    here.until(lambda: here.ended(Kind.TRY))
    task = here.task(Kind.TRY)
    assert task is not None
    assert task.answer is not None, task
    assert (task.answer.x, task.answer.y) == (1, 2)
    stages = [event.task for event in here.seen if isinstance(event, TaskMoved)]
    assert any(moved.in_bytes and moved.total == 600_000 for moved in stages), "the upload has a bar"
    (folder,) = (Path(here.spec.run_dir) / "tasks").iterdir()
    assert (folder / "picture.png").read_bytes() == picture.read_bytes()


def test_a_download_is_stopped_and_goes_on(here: Here, tmp_path: Path) -> None:
    folder = Path(here.spec.out_dir)
    folder.mkdir(parents=True)
    (folder / ADAPTER[0]).write_bytes(bytes(range(256)) * 400_000)
    (folder / ADAPTER[1]).write_text("{}")
    here.engine.look_at_saved("tiny-1")
    here.until(lambda: any(isinstance(event, SavedSeen) for event in here.seen))
    here.engine.fetch("tiny-1", None, tmp_path / "got")
    here.until(lambda: (task := here.task(Kind.FETCH)) and task.done > 0)
    here.engine.stop_fetch("tiny-1")
    here.until(lambda: here.ended(Kind.FETCH))
    task = here.task(Kind.FETCH)
    assert task is not None
    assert task.stand is Stand.STOPPED
    part = (tmp_path / "got" / f"{ADAPTER[0]}.part").stat().st_size
    assert part > 0
    count = len(here.seen)
    here.engine.fetch("tiny-1", None, tmp_path / "got")
    here.until(lambda: here.ended(Kind.FETCH) and here.task(Kind.FETCH) != task)
    done = [event.task.done for event in here.seen[count:] if isinstance(event, TaskMoved) and event.task.done]
    assert done[0] >= part
    assert (tmp_path / "got" / ADAPTER[0]).read_bytes() == (folder / ADAPTER[0]).read_bytes()
