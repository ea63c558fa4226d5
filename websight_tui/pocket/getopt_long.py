"""Command lines as getopt_long(3) reads them, with its error texts: abbreviations, clusters, optional arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from websight_tui.pocket.model import CommandError

Found = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one program.

    Args:
        program: its name, for messages.
        takes: long name → 0 no argument, 1 an argument, 2 an optional argument.
        shorts: letter → long name.
        bad_exit: exit status after a wrong command line.
        permute: False stops at the first operand (the script and its arguments).
        hint: whether 'Try "X --help"' is added to messages.
    """

    program: str
    takes: Mapping[str, int]
    shorts: Mapping[str, str]
    bad_exit: int = 1
    permute: bool = True
    hint: bool = True

    def parse(self, args: Sequence[str]) -> tuple[Found, list[str]]:
        """(options in order as (long name, value), operands). Raises CommandError with getopt's text."""
        found: Found = []
        operands: list[str] = []
        queue = list(args)
        while queue:
            word = queue.pop(0)
            if word == "--":
                operands += queue
                break
            if word.startswith("--"):
                found.append(self._long(word, queue))
            elif word.startswith("-") and word != "-":
                found += self._cluster(word[1:], queue)
            else:
                operands.append(word)
                if not self.permute:
                    operands += queue
                    break
        return found, operands

    def _long(self, word: str, queue: list[str]) -> tuple[str, str | None]:
        name, equals, value = word[2:].partition("=")
        matches = [name] if name in self.takes else [known for known in self.takes if known.startswith(name)]
        if len(matches) > 1:
            choices = " ".join(f"'--{m}'" for m in matches)
            raise self._error(f"option '--{name}' is ambiguous; possibilities: {choices}")
        if not matches:
            raise self._error(f"unrecognized option '{word}'")
        full = matches[0]
        takes = self.takes[full]
        if takes == 0:
            if equals:
                raise self._error(f"option '--{full}' doesn't allow an argument")
            return full, None
        if equals:
            return full, value
        if takes == 2:
            return full, None
        if not queue:
            raise self._error(f"option '--{full}' requires an argument")
        return full, queue.pop(0)

    def _cluster(self, letters: str, queue: list[str]) -> Found:
        found: Found = []
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in self.shorts:
                raise self._error(f"invalid option -- '{letter}'")
            full = self.shorts[letter]
            takes = self.takes[full]
            if takes == 0 or (takes == 2 and not letters):
                found.append((full, None))
                continue
            if not letters and not queue:
                raise self._error(f"option requires an argument -- '{letter}'")
            found.append((full, letters or queue.pop(0)))
            letters = ""
        return found

    def _error(self, text: str) -> CommandError:
        hint = f'Try "{self.program} --help" for more information\n' if self.hint else ""
        return CommandError(f"{self.program}: {text}\n{hint}", self.bad_exit)


def table(flags: str, valued: str, optional: str = "") -> tuple[dict[str, int], dict[str, str]]:
    """(takes, shorts) from words like "hold/H parsable": long names, with their letter behind a slash."""
    takes: dict[str, int] = {}
    shorts: dict[str, str] = {}
    for words, kind in ((flags, 0), (valued, 1), (optional, 2)):
        for word in words.split():
            name, _, letter = word.partition("/")
            takes[name] = kind
            if letter:
                shorts[letter] = name
    return takes, shorts
