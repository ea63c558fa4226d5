"""A TCP line on 127.0.0.1 that can be made as bad as real ones: cut at any byte, slow, stalling, half open, dead.

It stands between a client and a server that both know nothing of it. Packet loss shows to a TCP connection as a stall
until the resend, so that is how it is made here; the bytes themselves are never changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 1 << 14
RESEND_S: Final = 0.2
"""Least time that TCP waits before it sends a lost packet again (RTO, RFC 6298 and Linux's floor)."""


@dataclass
class Weather:
    """How the line is; may be changed at any time, from any thread.

    Args:
        cut_after: bytes (both directions together) after which each new connection is reset; None never.
        half_open_after: bytes after which nothing arrives any more while both ends still believe in the line.
        latency_s: seconds that each piece takes on its way.
        loss: share of pieces that come only after a resend.
        refuse: new connections are closed at once.
        hold: nothing passes for now, and nothing is lost.
    """

    cut_after: int | None = None
    half_open_after: int | None = None
    latency_s: float = 0.0
    loss: float = 0.0
    refuse: bool = False
    hold: bool = False


class Line:
    """The line: listens on `port` and leads to `target` on 127.0.0.1. Works in a thread of its own.

    Attributes:
        weather: how it is.
        passed: bytes that each connection has carried so far, in their order.
    """

    def __init__(self, target: int, weather: Weather | None = None, seed: int = 0) -> None:
        self.weather = weather or Weather()
        self.passed: list[int] = []
        self._target = target
        self._random = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def lead_to(self, target: int) -> None:
        """New connections lead to another port: the server was started anew."""
        self._target = target

    def cut(self) -> None:
        """Resets every connection of now."""
        self._run(self._reset_all)

    def stop(self) -> None:
        """Ends the line and its thread."""

        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        self._reset_all()
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        if under_way:  # reset connections end by themselves; Python 3.11 logs those that are cancelled as errors
            await asyncio.wait(under_way, timeout=2)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._loop.stop()

    def _run(self, what: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(what)

    def _reset_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def _connected(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        weather = self.weather
        if weather.refuse:
            near_out.transport.abort()
            return
        try:
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            near_out.transport.abort()
            return
        ends = {near_out, far_out}
        self._open |= ends
        number = len(self.passed)
        self.passed.append(0)
        try:
            pumps = [
                asyncio.ensure_future(self._pump(near_in, far_out, number)),
                asyncio.ensure_future(self._pump(far_in, near_out, number)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, number: int) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                if not await self._carry(data, sink, number):
                    return

    async def _carry(self, data: bytes, sink: asyncio.StreamWriter, number: int) -> bool:
        """Passes `data` on as the weather allows; False once the connection is cut."""
        weather = self.weather
        while weather.hold:  # noqa: ASYNC110 - the weather is changed from other threads
            await asyncio.sleep(0.02)
        delay = weather.latency_s
        if weather.loss and self._random.random() < weather.loss:
            delay += RESEND_S
        if delay:
            await asyncio.sleep(delay)
        before = self.passed[number]
        silent, cut = weather.half_open_after, weather.cut_after
        if silent is not None and before + len(data) > silent:
            data = data[: max(0, silent - before)]
        elif cut is not None and before + len(data) >= cut:
            data = data[: max(0, cut - before)]
        self.passed[number] += len(data)
        sink.write(data)
        await sink.drain()
        if cut is not None and self.passed[number] >= cut:
            # what was written must leave before the reset, or the cut would come earlier than said
            while sink.transport.get_write_buffer_size():  # noqa: ASYNC110 - asyncio tells this nowhere else
                await asyncio.sleep(0.001)
            return False
        return True
