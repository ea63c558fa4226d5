"""Words in letters three lines high, for what must be read from across the room."""

from __future__ import annotations

from typing import Final

# Five rows of dots a letter, drawn two to a cell with half blocks.
_LETTERS: Final = {
    "A": (".##.", "#..#", "####", "#..#", "#..#"),
    "B": ("###.", "#..#", "###.", "#..#", "###."),
    "C": (".###", "#...", "#...", "#...", ".###"),
    "D": ("###.", "#..#", "#..#", "#..#", "###."),
    "E": ("####", "#...", "###.", "#...", "####"),
    "F": ("####", "#...", "###.", "#...", "#..."),
    "G": (".###", "#...", "#.##", "#..#", ".###"),
    "H": ("#..#", "#..#", "####", "#..#", "#..#"),
    "I": ("#", "#", "#", "#", "#"),
    "J": ("..##", "...#", "...#", "#..#", ".##."),
    "K": ("#..#", "#.#.", "##..", "#.#.", "#..#"),
    "L": ("#...", "#...", "#...", "#...", "####"),
    "M": ("#...#", "##.##", "#.#.#", "#...#", "#...#"),
    "N": ("#..#", "##.#", "#.##", "#..#", "#..#"),
    "O": (".##.", "#..#", "#..#", "#..#", ".##."),
    "P": ("###.", "#..#", "###.", "#...", "#..."),
    "R": ("###.", "#..#", "###.", "#.#.", "#..#"),
    "S": (".###", "#...", ".##.", "...#", "###."),
    "T": ("###", ".#.", ".#.", ".#.", ".#."),
    "U": ("#..#", "#..#", "#..#", "#..#", ".##."),
    "V": ("#...#", "#...#", ".#.#.", ".#.#.", "..#.."),
    "W": ("#...#", "#...#", "#.#.#", "##.##", "#...#"),
    "X": ("#..#", "#..#", ".##.", "#..#", "#..#"),
    "Y": ("#.#", "#.#", ".#.", ".#.", ".#."),
    "Q": (".##.", "#..#", "#..#", "#.#.", ".#.#"),
    "Z": ("####", "...#", ".##.", "#...", "####"),
    " ": ("..", "..", "..", "..", ".."),
}
HEIGHT: Final = 3
TALL: Final = 5


def big_text(word: str, *, tall: bool = False, ascii_only: bool = False) -> tuple[str, ...] | None:
    """Lines that spell `word`: three of half blocks, or five of whole ones; None if a letter is not known.

    Args:
        tall: five lines, each dot two cells wide.
        ascii_only: five lines of "#"; there are no half blocks.
    """
    letters = [_LETTERS.get(char) for char in word.upper()]
    if any(letter is None for letter in letters):
        return None
    rows = [" ".join(letter[row] for letter in letters if letter).replace(".", " ") for row in range(TALL)]
    if ascii_only:
        return tuple(rows)
    if tall:
        return tuple("".join("██" if char == "#" else "  " for char in row) for row in rows)
    rows.append(" " * len(rows[0]))
    halves = {("#", "#"): "█", ("#", " "): "▀", (" ", "#"): "▄", (" ", " "): " "}
    return tuple(
        "".join(halves[upper, lower] for upper, lower in zip(rows[y], rows[y + 1], strict=True))
        for y in range(0, TALL, 2)
    )
