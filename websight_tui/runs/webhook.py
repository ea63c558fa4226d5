"""Sends news to an address of the person's: JSON for webhooks (Slack, Mattermost, Discord, one's own), text for ntfy.

A thread sends, so that nothing waits for it; each message is tried three times and then given up. The address may hold
a token: it is in no message, log line or error.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from websight_tui.metrics.terminal_text import plain
from websight_tui.runs.attention import News
from websight_tui.ui_settings import shown

_LOG: Final = logging.getLogger(__name__)
TIMEOUT_S: Final = 10.0
DELAYS_S: Final = (2.0, 15.0)
"""Seconds before the second and the third try."""
_NTFY_HOSTS: Final = ("ntfy.sh",)
_MOST_WAITING: Final = 100


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message, and perhaps the token, to a place that nobody chose."""

    def redirect_request(self, *_: object) -> None:
        return None


def is_ntfy(address: str) -> bool:
    """Whether the address takes ntfy's plain text: on ntfy.sh, or a server of one's own as ntfy+https://…"""
    parts = urlsplit(address)
    return parts.scheme.startswith("ntfy+") or parts.hostname in _NTFY_HOSTS


def request_of(address: str, item: News, at: float) -> urllib.request.Request:
    """The HTTP request that tells `item`.

    ntfy's format: https://docs.ntfy.sh/publish/ (headers Title, Tags, Priority; the body is the message). Otherwise a
    JSON object; `text` is what Slack and Mattermost show, `content` what Discord shows.
    """
    title, body = plain(item.title, 200), plain(item.body, 1000)
    good = item.word in ("fits", "finished", "saved and stopped")
    url = address.removeprefix("ntfy+")
    if is_ntfy(address):
        headers = {
            "Title": title.encode("ascii", "replace").decode(),  # a header cannot carry more
            "Tags": "white_check_mark" if good else "warning",
            "Priority": "default" if good else "high",
        }
        return urllib.request.Request(url, f"{body}\n{item.run_id} on {item.cluster}".encode(), headers, method="POST")
    text = f"{title}. {body}"
    message = {
        "text": text,
        "content": text,
        "title": title,
        "message": body,
        "kind": item.kind,
        "word": item.word,
        "run": item.run_id,
        "cluster": item.cluster,
        "at": at,
    }
    headers = {"Content-Type": "application/json"}
    return urllib.request.Request(url, json.dumps(message, ensure_ascii=False).encode(), headers, method="POST")


class Webhook:
    """Sends to one address.

    Args:
        address: as in [ui] webhook.
        failed: told in words, from the sending thread, when a message was given up.
        delivered: told from the sending thread when one arrived.
        delays_s: seconds before each further try.
    """

    def __init__(
        self,
        address: str,
        *,
        failed: Callable[[str], None] = lambda _: None,
        delivered: Callable[[News], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
        delays_s: tuple[float, ...] = DELAYS_S,
    ) -> None:
        self._address, self._failed, self._delivered = address, failed, delivered
        self._clock, self._timeout, self._delays = clock, timeout_s, delays_s
        self._waiting: queue.Queue[News | None] = queue.Queue(_MOST_WAITING)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, item: News) -> None:
        """Returns at once; what does not fit the queue is dropped (nobody reads a hundred messages)."""
        if self._closed.is_set():
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            _LOG.warning("a message to %s was dropped: a hundred are waiting", shown(self._address))

    def close(self, wait_s: float = 0.0) -> None:
        """Ends it; gives what is under way at most `wait_s` seconds."""
        if self._thread is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._closed.set()
        self._thread.join(wait_s)
        self._closed.set()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None and not self._closed.is_set():
            problem = ""
            for delay in (0.0, *self._delays):
                if self._closed.wait(delay):
                    return
                problem, again = self._try(item)
                if not problem or not again:
                    break
            if problem:
                _LOG.warning("%s did not take a message: %s", shown(self._address), problem)
                self._failed(f"{shown(self._address)} did not take a message: {problem}")
            else:
                self._delivered(item)

    def _try(self, item: News) -> tuple[str, bool]:
        """(what went wrong or "", whether another try may help)."""
        try:
            with self._opener.open(request_of(self._address, item, self._clock()), timeout=self._timeout) as answer:
                answer.read(64)
            return "", False
        except urllib.error.HTTPError as exc:
            exc.close()
            return f"it answered {exc.code}", exc.code >= 500 or exc.code == 429
        except (OSError, ValueError, urllib.error.URLError) as exc:
            reason = getattr(exc, "reason", exc)
            return plain(str(reason), 120).replace(self._address, shown(self._address)) or type(exc).__name__, True
        except Exception as exc:  # http.client has errors of its own; the thread must outlive all of them
            return type(exc).__name__, True
