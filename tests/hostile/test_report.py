"""A report is opened in a browser or a notebook, and sent to colleagues: hostile text stays text there, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hostile.cluster import events, output
from tests.hostile.conftest import Laptop
from tests.hostile.payloads import harm

pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(180)]


def without_code(markdown: str) -> str:
    """Markdown without what stands in code, where nothing has a meaning."""
    markdown = re.sub(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1[`~]*$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)


@pytest.fixture(scope="module")
def seen(laptop: Laptop) -> Laptop:
    """Its history holds what the hostile cluster told of the run."""
    status, written = laptop.command("status", laptop.run_id)
    assert status == 0, written
    return laptop


@pytest.mark.parametrize("kind", ["html", "md", "csv"])
@pytest.mark.parametrize("what", ["run", "events.jsonl", "job.out"])
def test_a_report(seen: Laptop, tmp_path: Path, what: str, kind: str) -> None:
    laptop, source = seen, seen.run_id
    if what != "run":
        path = tmp_path / what
        path.write_bytes(events() if what == "events.jsonl" else output("X") + BAR)
        source = str(path)
    target = tmp_path / f"page.{kind}"
    status, written = laptop.command("report", source, "--output", str(target), login=False)
    assert status == 0, written
    data = target.read_bytes()
    assert not harm(data.replace(b"\r\n", b"\n"), terminal=False)
    text = data.decode()
    if kind == "html":
        assert "<script>EVIL" not in text
        assert not re.search(r"<[a-z][^>]*\bon(?:error|load)=EVIL", text)
        assert not re.search(r"(?:href|src)=[\"']?(?:javascript|http)[^>]*EVIL", text)
        assert "Content-Security-Policy" in text
    if kind == "md":
        shown = without_code(text)
        assert not re.search(r"(?<!\\)<(?:script|img)", shown)
        assert not re.search(r"(?<!\\)\]\((?:javascript|http)[^)]*EVIL", shown)


BAR = b"\n***** Running training *****\n" + b"".join(
    f"\r {n}%|#####| {n}/100 [00:{n:02}<01:30,  1.00s/it]".encode() for n in range(10, 50, 10)
)
