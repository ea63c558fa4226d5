"""What is worth telling, and that it arrives: a real HTTP server on loopback, slow, broken and gone."""

from __future__ import annotations

import fnmatch
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.tui.fakes import NOW, config, job, projection, running
from websight_tui.cli.follow import Herald
from websight_tui.projection.model import Verdict
from websight_tui.runs import events as e
from websight_tui.runs.attention import LAST_WORDS_S, Attention, News, news
from websight_tui.runs.reduce import reduce
from websight_tui.runs.state import AppState
from websight_tui.runs.webhook import Webhook, is_ntfy, request_of

RUN = "rank32-261123-140212-9f3a"
ITEM = News(RUN, "hai", "verdict", "will not fit", "rank32: will not fit", "the fast end is past the deadline")


def live(verdict: Verdict) -> AppState:
    return reduce(AppState(), e.RunLoaded(running(config().presets["rank32"], RUN, 460, 1110, verdict, "48213")))


def test_changes_of_the_verdict_and_the_end_are_news() -> None:
    before = live(Verdict.FITS)
    tight = reduce(before, e.Projected(RUN, projection(470, 1110, Verdict.TIGHT), NOW))
    assert [(n.kind, n.title) for n in news(before, tight)] == [("verdict", "rank32: tight")]
    ended = reduce(tight, e.JobsChanged(RUN, (replace(job("1", "FAILED"), final=True),), NOW))
    assert [(n.kind, n.title) for n in news(tight, ended)] == [("end", "rank32: failed")]
    assert news(AppState(), before) == [], "what was loaded is no news"
    early = live(Verdict.TOO_EARLY)
    assert news(early, before) == [], "that it fits is as it should be"
    assert [n.word for n in news(early, tight)] == ["tight"], "a first verdict that is bad is told"


def ended(state: AppState, slurm: str, **fields: object) -> AppState:
    over = replace(job("48213", slurm), final=True, **fields)  # type: ignore[arg-type]
    return reduce(state, e.JobsChanged(RUN, (over,), NOW))


@pytest.mark.parametrize(
    ("slurm", "fields", "title", "body"),
    [
        ("COMPLETED", {}, "rank32: finished", f"460 steps trained, loss 0.*. Next: websight-tui fetch {RUN}"),
        (
            "COMPLETED",
            {"exit_code": "85:0"},
            "rank32: saved and stopped",
            f"A checkpoint is saved at step 460 of 1,110. Next: websight-tui resume {RUN}",
        ),
        ("CANCELLED", {}, "rank32: cancelled", f"Cancelled at step 460 of 1,110. Next: websight-tui resume {RUN}"),
    ],
)
def test_an_end_says_what_happened_and_what_comes_next(
    slurm: str, fields: dict[str, object], title: str, body: str
) -> None:
    before = live(Verdict.FITS)
    (item,) = Attention().look(before, ended(before, slurm, **fields), NOW)
    assert item.title == title
    assert fnmatch.fnmatch(item.body, body), item.body


def test_a_run_that_died_is_told_of_with_its_reason_and_not_with_an_older_sign() -> None:
    attention = Attention()
    before = reduce(live(Verdict.FITS), e.ProblemsFound(RUN, ("The loss jumps.",), NOW))
    dead = ended(before, "FAILED")
    assert attention.look(before, dead, NOW) == []
    assert attention.look(dead, dead, NOW + 2) == [], "what was known before is not why it ended"
    why = "CUDA out of memory at step 460. Halve the batch."
    known = reduce(dead, e.ProblemsFound(RUN, ("The loss jumps.", why), NOW + 3))
    assert [(item.title, item.body) for item in attention.look(dead, known, NOW + 3)] == [("rank32: failed", why)]
    assert attention.look(known, known, NOW + 60) == [], "once"


def test_a_reason_that_never_comes_holds_nobody_up_and_a_run_id_is_no_reason() -> None:
    attention, before = Attention(), live(Verdict.FITS)
    dead = ended(before, "FAILED")
    assert attention.look(before, dead, NOW) == []
    (item,) = attention.look(dead, dead, NOW + LAST_WORDS_S)
    assert item.body == f"Job 48213 ended at step 460 of 1,110. Next: websight-tui logs {RUN}"
    again = reduce(dead, e.JobsChanged(RUN, (job("48213", "RUNNING"),), NOW))
    assert attention.look(before, dead, NOW) == []
    assert attention.look(dead, again, NOW + 60) == [], "it was put back into the queue meanwhile"


def test_a_job_of_others_goes_by_its_own_name() -> None:
    before = live(Verdict.FITS)
    theirs = replace(before.runs[RUN], spec=replace(before.runs[RUN].spec, token=""))
    before = reduce(before, e.RunLoaded(theirs))
    (item,) = Attention().look(before, ended(before, "COMPLETED"), NOW)
    assert item.title == f"{theirs.jobs[-1].name}: finished"
    assert "websight-tui" not in item.body, "nothing of theirs is fetched or resumed"


@dataclass
class Inbox:
    """What the server got, and how it answers: a status each, then 200."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    def address(self, path: str = "/hook/s3cret") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not true() and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert true()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    box.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.got.append((self.path, dict(self.headers.items()), body))
            box.hold.wait(10)
            self.send_response(box.answers.pop(0) if box.answers else 200)
            self.send_header("Location", box.address("/elsewhere"))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield box
    box.hold.set()
    server.shutdown()
    server.server_close()


def test_a_message_arrives_as_json(inbox: Inbox) -> None:
    arrived: list[News] = []
    hook = Webhook(inbox.address(), delivered=arrived.append, clock=lambda: NOW)
    hook.send(ITEM)
    hook.close(10)
    [(path, headers, body)] = inbox.got
    assert path == "/hook/s3cret"
    assert headers["Content-Type"] == "application/json"
    message = json.loads(body)
    assert message["text"] == message["content"] == f"{ITEM.title}. {ITEM.body}"
    assert (message["run"], message["cluster"], message["word"], message["at"]) == (RUN, "hai", "will not fit", NOW)
    assert arrived == [ITEM]


def test_ntfy_gets_text_with_a_title(inbox: Inbox) -> None:
    hook = Webhook(f"ntfy+{inbox.address('/topic')}")
    hook.send(replace(ITEM, title="rank32 → will\r\nX-Evil: 1"))
    hook.close(10)
    [(path, headers, body)] = inbox.got
    assert path == "/topic"
    assert body.decode().startswith(ITEM.body)
    assert headers["Priority"] == "high"
    assert "X-Evil" not in headers, "what a cluster says becomes no header"
    assert is_ntfy("https://ntfy.sh/x")
    assert not is_ntfy("https://hooks.example.org/ntfy.sh")
    assert request_of("https://ntfy.sh/x", ITEM, NOW).full_url == "https://ntfy.sh/x"


def test_a_busy_server_is_tried_again_a_refusal_is_not(inbox: Inbox) -> None:
    given_up: list[str] = []
    inbox.answers = [503, 429, 200, 404, 500, 500, 500]
    hook = Webhook(inbox.address(), failed=given_up.append, delays_s=(0.01, 0.01))
    for _ in range(3):
        hook.send(ITEM)
    hook.close(10)
    assert len(inbox.got) == 3 + 1 + 3
    assert given_up == [
        f"http://127.0.0.1:{inbox.port}/… did not take a message: it answered {code}" for code in (404, 500)
    ]


def test_nobody_is_sent_elsewhere(inbox: Inbox) -> None:
    given_up: list[str] = []
    inbox.answers = [307]
    hook = Webhook(inbox.address(), failed=given_up.append, delays_s=())
    hook.send(ITEM)
    hook.close(10)
    assert [path for path, _, _ in inbox.got] == ["/hook/s3cret"]
    assert "307" in given_up[0]


def test_a_server_that_hangs_or_is_gone_blocks_nothing_and_the_address_stays_secret(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    given_up: list[str] = []
    inbox.hold.clear()
    hook = Webhook(inbox.address(), failed=given_up.append, timeout_s=0.2, delays_s=())
    begun = time.monotonic()
    for _ in range(300):
        hook.send(ITEM)
    hook.close(0.05)
    assert time.monotonic() - begun < 5, "300 messages and leaving, while the server hangs"
    gone = Webhook("http://127.0.0.1:9/hook/s3cret", failed=given_up.append, delays_s=())
    with caplog.at_level(logging.DEBUG):
        gone.send(ITEM)
        gone.close(10)
    assert any("127.0.0.1:9/…" in words for words in given_up)
    assert "s3cret" not in caplog.text + "".join(given_up)


def test_watch_tells_the_webhook_of_its_run_alone(inbox: Inbox) -> None:
    before = live(Verdict.FITS)
    other = replace(before.runs[RUN], spec=replace(before.runs[RUN].spec, run_id="another"))
    before = reduce(before, e.RunLoaded(other))
    tight = projection(470, 1110, Verdict.TIGHT)
    herald = Herald(inbox.address(), RUN)
    herald.look(before)
    state = reduce(reduce(before, e.Projected(RUN, tight, NOW)), e.Projected("another", tight, NOW))
    herald.look(state)
    herald.look(state)
    herald.close()
    assert [json.loads(body)["run"] for _, _, body in inbox.got] == [RUN]
    quiet = Herald("", RUN)
    quiet.look(before)
    quiet.look(state)
    quiet.close()
    assert len(inbox.got) == 1


def test_a_followed_run_is_told_at_its_end_with_the_reason(inbox: Inbox, tmp_path: Path) -> None:
    import queue

    from websight_tui.cli.follow import follow
    from websight_tui.cli.session import Session

    class Engine:
        def focus(self, run_id: str | None) -> None:
            pass

    waiting: queue.SimpleQueue[e.Event] = queue.SimpleQueue()
    session = Session(Engine(), waiting, inbox.address())  # type: ignore[arg-type]
    for run in live(Verdict.FITS).runs.values():
        waiting.put(e.RunLoaded(run))
    session.catch_up()
    waiting.put(e.JobsChanged(RUN, (replace(job("48213", "FAILED"), final=True),), NOW))
    waiting.put(e.ProblemsFound(RUN, ("CUDA out of memory at step 470.",), NOW))
    assert follow(session, RUN, as_json=True) == 1
    [(_, _, body)] = inbox.got
    assert json.loads(body)["message"] == "CUDA out of memory at step 470."
