"""docs/presets.md says what the code computes."""

from pathlib import Path

from docs.make_presets import PAGE, fill


def test_the_tables_are_those_that_the_code_makes(tmp_path: Path) -> None:
    page = tmp_path / "presets.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    fill(page)
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_the_words_around_the_tables_give_the_same_numbers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for number in ("87.3 M", "174.6 M", "349 MB", "698 MB", "175 MB", "1,110", "1.4 GB", "2.8 GB"):
        assert text.count(number) >= 2, number  # once in a table that is made, once in the words
