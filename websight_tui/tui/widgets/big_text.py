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
    " ": ("..", "..", "..", "..", ".."),
}
HEIGHT: Final = 3


def big_text(word: str) -> tuple[str, ...] | None:
    """Three lines of half blocks that spell `word`; None if a letter is not known."""
    letters = [_LETTERS.get(char) for char in word.upper()]
    if any(letter is None for letter in letters):
        return None
    rows = [" ".join(letter[row] for letter in letters if letter) for row in range(5)] + [""]
    width = len(rows[0])
    rows[5] = "." * width
    pairs = {("#", "#"): "█", ("#", ""): "▀", ("", "#"): "▄", ("", ""): " "}

    def on(char: str) -> str:
        return char if char == "#" else ""

    return tuple(
        "".join(pairs[on(upper), on(lower)] for upper, lower in zip(rows[y], rows[y + 1], strict=True))
        for y in range(0, 6, 2)
    )
