"""The documentation says what the program does: made parts, commands and their options, links, pictures, targets."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

import pytest

from docs.made_pages import DOCS, commands, error_table, fill, finding_table, keys
from websight_tui import errors
from websight_tui.cli.parser import make_parser

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
_SAME_HELP = sys.version_info[:2] == (3, 11)


def subparsers() -> dict[str, argparse.ArgumentParser]:
    found = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def test_made_parts_are_as_the_code_makes_them(tmp_path: Path) -> None:
    for name in ("keys.md", "headless.md", "troubleshooting.md"):
        shutil.copy(DOCS / name, tmp_path)
    fill(tmp_path)
    for name in ("keys.md", "headless.md", "troubleshooting.md"):
        made, kept = (tmp_path / name).read_text(), (DOCS / name).read_text()
        if name == "headless.md" and not _SAME_HELP:  # argparse words its help differently in each Python
            made, kept = (re.sub(r"```text\n.*?```", "", text, flags=re.DOTALL) for text in (made, kept))
        assert made == kept, f"{name} is out of date: run `make docs`"


def test_every_command_and_option_stands_in_the_page_and_no_other() -> None:
    page = (DOCS / "headless.md").read_text()
    for name, parser in subparsers().items():
        part = re.search(rf"### {name}\n(.*?)(?=\n### |\Z)", page, re.DOTALL)
        assert part, f"{name} is not in headless.md: run `make docs`"
        options = {option for action in parser._actions for option in action.option_strings}
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", _usage(part[1]))) <= options
        assert all(option in part[1] for option in options), name
    assert set(re.findall(r"^### (\S+)$", page, re.MULTILINE)) == set(subparsers())


def _usage(text: str) -> str:
    found = re.search(r"usage:.*?\n\n", text, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_examples_exist(page: Path) -> None:
    known = subparsers()
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        for command in re.findall(r"websight-tui ([a-z]+)", block):
            assert command in known, f"{page.name}: websight-tui {command}"
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, place = target.partition("#")
        there = (page.parent / name) if name else page
        assert there.exists(), f"{page.name}: {target}"
        if place and there.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_no_picture_is_left_over() -> None:
    shown = {name for page in PAGES for name in re.findall(r"images/([\w.-]+)", page.read_text())}
    assert {path.name for path in (DOCS / "images").iterdir() if path.suffix != ".svg"} == shown


def test_the_recorded_session_is_small() -> None:
    assert (DOCS / "images" / "session.gif").stat().st_size <= 1_500_000


def test_what_is_made_holds_what_it_should() -> None:
    assert "`run.cancel`" in keys()
    assert "login_shell = true" in finding_table()
    assert finding_table().count("\n") > 40, "the checks' words are found in the source"
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.WebsightError) and kind is not errors.WebsightError:
            assert f"`{name}`" in error_table()
    assert "### doctor" in commands()
