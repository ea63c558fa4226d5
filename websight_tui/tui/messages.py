"""What travels between threads, controller and screens."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from websight_tui.errors import WebsightError
    from websight_tui.remote.port import HostKey, Prompt


class EventsArrived(Message):
    """The engine has told something; one message for a batch of events, which the controller holds."""

    bubble = False


class EngineFailed(Message):
    """There is no engine and there will be none: the history cannot be opened."""

    bubble = False

    def __init__(self, error: WebsightError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class Question:
    """A login dialogue's questions, in the server's words."""

    title: str
    instructions: str
    prompts: tuple[Prompt, ...]


class PromptRequested(Message):
    """A connecting thread waits for `answer`: a list of texts or None for a question, a truth value for a host key."""

    bubble = False

    def __init__(self, asked: Question | HostKey, answer: Future[list[str] | bool | None]) -> None:
        super().__init__()
        self.asked, self.answer = asked, answer
