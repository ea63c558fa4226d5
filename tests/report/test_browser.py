"""The page in a real browser: it looks, asks for nothing, complains of nothing, and runs nothing.

Skipped where there is no Chromium.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.report.browser import BROWSER, DARK, QUIET
from tests.report.samples import finished, hostile, report_of
from websight_tui.report.write import written
from websight_tui.runs.state import RunView

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
    pytest.mark.xdist_group("browser"),
]


@dataclass(frozen=True)
class Seen:
    """What the browser made of a page: its tree, what it said on the console, what the page asked the network for."""

    dom: str
    console: list[str]
    requests: list[str]


def opened(page: str, folder: Path, *more: str) -> Seen:
    path, log = folder / "page.html", folder / "net.json"
    path.write_text(page, encoding="utf-8")
    command = [str(BROWSER), *QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", *more]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Seen(done.stdout, re.findall(r":CONSOLE:\d+\] (.*)", done.stderr), _asked(log))


def _asked(log: Path) -> list[str]:
    """URLs that the page, not the browser for itself, asked for over the network."""
    text = log.read_text(encoding="utf-8").rstrip()
    # a browser that ends early leaves the list of events open
    events = json.loads(text if text.endswith("}") and '"polledData"' in text else text.rstrip(",") + "]}")["events"]
    started = [e["params"] for e in events if "url" in e.get("params", {}) and "initiator" in e["params"]]
    return [params["url"] for params in started if params["initiator"] != "not an origin"]


def page_of(run: RunView) -> str:
    return written(report_of(run), run.log, "html").decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_asks_for_nothing_and_complains_of_nothing(tmp_path: Path, scheme: str) -> None:
    picture = tmp_path / "page.png"
    dark = () if scheme == "light" else (DARK,)
    seen = opened(page_of(finished()), tmp_path, f"--screenshot={picture}", "--window-size=1200,1600", *dark)
    assert seen.console == []
    assert seen.requests == []
    assert seen.dom.count("<svg") >= 6
    assert "1 h 52 min inside its limit." in seen.dom
    assert picture.stat().st_size > 40_000, "something was drawn"
    assert _background(picture) == ("#fbfcfc" if scheme == "light" else "#0f1418")


def test_nothing_hostile_runs(tmp_path: Path) -> None:
    seen = opened(page_of(hostile()), tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert "<script>" not in seen.dom
    assert "<title>ran</title>" not in seen.dom


def test_the_policy_stops_what_an_escape_would_let_through(tmp_path: Path) -> None:
    """Also shows that the checks above can fail."""
    attack = '<script>document.title="ran"</script><img src="http://192.0.2.1/x.png"></footer>'
    page = page_of(finished()).replace("</footer>", attack)
    guarded = opened(page, tmp_path)
    assert "<title>ran</title>" not in guarded.dom
    assert guarded.requests == []
    assert len(guarded.console) == 2
    open_page = re.sub(r"<meta http-equiv=[^>]*>", "", page)
    bare = opened(open_page, tmp_path)
    assert "<title>ran</title>" in bare.dom
    assert bare.requests == ["http://192.0.2.1/x.png"]


def _background(picture: Path) -> str:
    """The colour of the picture's first pixel."""
    import struct
    import zlib

    data = picture.read_bytes()
    chunks, at = b"", 8
    depth = data[24:26]
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    assert depth in (b"\x08\x02", b"\x08\x06"), "8 bits, RGB or RGBA"
    return "#" + zlib.decompressobj().decompress(chunks, 4)[1:4].hex()
