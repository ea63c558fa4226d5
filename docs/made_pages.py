"""Makes the parts of the documentation that the code knows best: keys, commands, what the checks say.

    python -m docs.made_pages

docs/keys.md comes from the keymap, docs/headless.md from `--help`, the tables of docs/troubleshooting.md from the
errors and the checks. A test fails while a page is not what this makes.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.tables import put_between_marks
from websight_tui import errors
from websight_tui.cli.parser import make_parser
from websight_tui.tui import keymap
from websight_tui.tui.widgets.key_line import listed

DOCS: Final = Path(__file__).parent
ROOT: Final = DOCS.parent
_CHECKS: Final = (
    *("websight_tui/runs/checks", "websight_tui/runs/doctor.py", "websight_tui/runs/preflight.py"),
    *("trainer/checks", "trainer/preflight.py"),
)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table of texts; a bar in a cell is escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def keys() -> str:
    """A table a screen, from the keymap."""
    parts = []
    for group, bindings in keymap.GROUPS.items():
        rows = [
            (" or ".join(f"`{_key(key)}`" for key in b.key.split(",")), str(b.tooltip), f"`{b.id}`")
            for b in bindings
            if listed(b)
        ]
        parts.append(f"### {group}\n\n{table(('key', 'what it does', 'name in [keys]'), rows)}")
    return "\n\n".join(parts)


_NAMES: Final = {
    "question_mark": "?", "full_stop": ".", "comma": ",", "slash": "/", "exclamation_mark": "!", "plus": "+",
    "equals_sign": "=", "minus": "-", "left_square_bracket": "[", "right_square_bracket": "]", "enter": "Enter",
    "escape": "Esc", "backspace": "Backspace", "space": "Space", "delete": "Del", "tab": "Tab", "left": "←",
    "right": "→", "up": "↑", "down": "↓",
}  # fmt: skip


def _key(name: str) -> str:
    *held, key = name.strip().split("+")
    return "+".join([*(part.capitalize() for part in held), _NAMES.get(key, key)])


def commands() -> str:
    """Every command's help, as the program prints it at 100 columns."""
    parser = make_parser()
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    brief = {choice.dest: choice.help or "" for choice in action._choices_actions}
    parts = []
    for name, command in action.choices.items():
        command.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
        parts.append(f"### {name}\n\n{_sentence(brief[name])}\n\n```text\n{command.format_help().rstrip()}\n```")
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def command_table() -> str:
    """One line a command."""
    action = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return table(
        ("command", "what it does"),
        [(f"[`{c.dest}`](#{c.dest})", _sentence(c.help or "")) for c in action._choices_actions],
    )


def error_table() -> str:
    """Every kind of failure, from the docstrings of the hierarchy."""
    rows = []
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.WebsightError) and kind is not errors.WebsightError:
            words = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
            rows.append((f"`{name}`", words, "yes" if kind.retryable else "no"))
    return table(("error", "what it means", "worth trying again as it is"), rows)


def finding_table() -> str:
    """Everything the checks may say that is not well, with its next step."""
    rows = sorted(set(_findings()))
    return table(("check", "it says", "next step"), [row for row in rows if len(re.findall(r"\w", row[1])) > 7])


def _findings() -> Iterator[tuple[str, str, str]]:
    for place in _CHECKS:
        path = ROOT / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef):
                    yield from _in_function(function)


def _in_function(function: ast.FunctionDef) -> Iterator[tuple[str, str, str]]:
    known: dict[str, str] = {}  # names that were given a text earlier in the function
    nodes = sorted(ast.walk(function), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = _text(node.value, known)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            arguments = list(node.args)
            if node.func.id == "Finding" and arguments and _text(arguments[0], known) in ("fail", "warn"):
                arguments = arguments[1:]
            elif node.func.id not in ("fail", "warn", "report"):
                continue
            said = [_text(argument, known) for argument in arguments]
            if len(said) >= 2 and said[0] and said[0] != "…":
                yield said[0], said[1], said[2] if len(said) > 2 and said[2] != "…" else ""


def _text(node: ast.AST, known: dict[str, str]) -> str:
    """A text as far as it stands in the source; … for what is filled in."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            text = "".join(_text(value, known) for value in values)
            return re.sub(r"…(\s*…)+", "…", text)
        case ast.FormattedValue(value=value):
            return known.get(value.id, "…") if isinstance(value, ast.Name) else "…"
        case ast.Name(id=name):
            return known.get(name, "…")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, known) + _text(right, known)
        case ast.IfExp(body=body):
            return _text(body, known)
    return "…"


def fill(folder: Path = DOCS) -> None:
    """Writes every made part into the pages of `folder`."""
    put_between_marks(folder / "keys.md", "keys", keys())
    put_between_marks(folder / "headless.md", "table", command_table())
    put_between_marks(folder / "headless.md", "commands", commands())
    put_between_marks(folder / "troubleshooting.md", "errors", error_table())
    put_between_marks(folder / "troubleshooting.md", "findings", finding_table())


if __name__ == "__main__":
    fill()
