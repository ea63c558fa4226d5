"""Asks the person on behalf of a connecting thread: the thread waits, the event loop does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Lock
from typing import TYPE_CHECKING

from textual.message import Message

from websight_tui.tui.messages import PromptRequested, Question

if TYPE_CHECKING:
    from websight_tui.remote.port import HostKey, Prompt

ANSWER_WITHIN_S = 300.0


class AppPrompter:
    """A Prompter whose questions appear in the app.

    Args:
        post: the app's `post_message`.
        timeout: seconds after which an unanswered question counts as given up.
    """

    def __init__(self, post: Callable[[Message], bool], timeout: float = ANSWER_WITHIN_S) -> None:
        self._post, self._timeout = post, timeout
        self._waiting: set[Future[list[str] | bool | None]] = set()
        self._lock = Lock()
        self._closed = False

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        answer = self._request(Question(title, instructions, tuple(prompts)))
        return answer if isinstance(answer, list) else None

    def accept_host_key(self, key: HostKey) -> bool:
        return self._request(key) is True

    def close(self) -> None:
        """Gives up all open questions; later ones are refused at once. The waiting threads go on."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for answer in waiting:
            answer.cancel()

    def _request(self, asked: Question | HostKey) -> list[str] | bool | None:
        answer: Future[list[str] | bool | None] = Future()
        with self._lock:
            if self._closed:
                return None
            self._waiting.add(answer)
        try:
            if not self._post(PromptRequested(asked, answer)):
                return None
            return answer.result(self._timeout)
        except (FutureTimeout, CancelledError):
            answer.cancel()
            return None
        finally:
            with self._lock:
                self._waiting.discard(answer)
