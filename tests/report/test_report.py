"""What a report says, and that no text out of a log becomes markup in any of its forms."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.report.samples import finished, hostile, report_of
from tests.tui.fakes import training_log
from websight_tui.errors import WebsightError
from websight_tui.metrics.model import Segment, TrainingLog
from websight_tui.projection.model import Verdict
from websight_tui.report.of_log import report_of_log
from websight_tui.report.panels import figure
from websight_tui.report.svg import tick_words, ticks
from websight_tui.report.write import written
from websight_tui.runs.state import Measured, Phase, RunView


def form(run: RunView, kind: str) -> str:
    return written(report_of(run), run.log, kind).decode()


class Tags(HTMLParser):
    """The names of all elements and attributes of a page, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_finished_run_says_what_it_came_to() -> None:
    report = report_of(finished())
    assert report.headline == "Finished"
    assert report.sentences[0] == "1,110 of 1,110 steps in 6 h 08 min."
    assert report.sentences[1] == "1 h 52 min inside its limit."
    assert {tile.label: tile.value for tile in report.tiles}["a step"] == "19.50 s"
    assert [panel.title for panel in report.panels][:3] == ["Loss", "Learning rate", "Gradient norm"]
    assert {line.role for line in report.panels[0].lines} == {"raw", "mean", "eval"}
    sections = {section.title: section for section in report.sections}
    assert sections["Forecast against truth"].lead == "It took 8% longer than forecast, inside the band."
    history = sections["Verdict history"].table
    assert history is not None
    assert [row[1].text for row in history.rows] == ["too early to say", "tight", "fits"]
    assert dict(sections["Environment"].groups[0][1])["GPUs"] == "8 × NVIDIA H100 80GB HBM3"
    lora = dict(dict(sections["Settings"].groups)["LoRA"])
    assert lora["lora_dropout"].text == "0.1 (was 0.05)"


def test_what_was_measured_takes_the_place_of_what_was_computed() -> None:
    run = replace(finished(), measured=Measured(90_000_000, 0.61, 0.52, 0.69, 112, "websight_test"))
    tiles = {tile.label: (tile.value, tile.note) for tile in report_of(run).tiles}
    assert tiles["click accuracy"] == ("61%", "52% to 69%, 112 rows")
    assert tiles["adapter"] == ("90 MB", "rank 16, on disk")


def test_of_a_job_that_was_submitted_elsewhere_no_settings_are_made_up() -> None:
    run = finished()
    run = replace(run, spec=replace(run.spec, run_id="hai:47980", token=""), forecast=None, score=None)
    report = report_of(run)
    assert "Settings" not in [section.title for section in report.sections]
    assert "adapter" not in [tile.label for tile in report.tiles]
    assert "submitted elsewhere" in report.subtitle
    assert [p.title for p in report.panels if p.title.startswith("Speed")] == ["Speed (steps a minute)"]
    assert "Qwen" not in form(run, "html")


def test_the_lines_that_set_a_cluster_up_are_not_in_it() -> None:
    run = finished()
    run = replace(run, spec=replace(run.spec, setup=("export TOKEN=sesame",)))
    assert all("sesame" not in form(run, kind) for kind in ("html", "md", "csv"))


def test_a_run_that_nobody_watched_is_judged_again_from_its_log() -> None:
    run = replace(finished(), verdicts=())
    (section,) = (s for s in report_of(run).sections if s.title == "Verdict history")
    assert section.lead.startswith("Nobody watched it")
    assert section.table is not None
    assert section.table.rows[-1][1].text == Verdict.FITS.value


def test_a_run_that_has_not_begun_and_one_under_way() -> None:
    empty = replace(finished(), log=TrainingLog(), jobs=(), phase=Phase.PENDING, verdicts=(), projection=None)
    report = report_of(empty)
    assert (report.headline, report.panels, report.sentences) == ("Pending", (), ("No step has been trained.",))
    assert "No verdict was reached." in form(empty, "html")
    live = replace(finished(), phase=Phase.TRAINING)
    assert report_of(live).headline == "Fits"
    assert "inside its limit." in report_of(live).sentences[1]


def test_nothing_hostile_becomes_an_element_or_an_attribute() -> None:
    plain, attacked = Tags(form(finished(), "html")), Tags(form(hostile(), "html"))
    assert attacked.names <= plain.names
    assert attacked.attributes <= plain.attributes
    assert "script" not in plain.names | attacked.names
    assert "onerror" not in attacked.attributes
    assert attacked.words.count('document.title="ran"') > 10, "it is all there, as text"
    assert "\x1b" not in attacked.words


def test_the_page_names_nothing_outside_itself() -> None:
    text = form(finished(), "html")
    assert re.search(r"(?<!-)\b(?:src|href|import|url)\b(?!\(#c\d+-clip\))", text) is None
    assert "http:" not in text
    assert "https:" not in text


def test_nothing_hostile_becomes_markup_in_a_notebook() -> None:
    text = form(hostile(), "md")
    assert re.search(r"(?<!\\)<(?:script|img)", text) is None
    assert re.search(r"(?<!\\)\[a(?<!\\)\]\(b\)", text) is None
    rows = [line for line in text.splitlines() if line.startswith("| ") and "hai" not in line]
    assert rows
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if "47980" in line and line[0] == "|"}
    assert cells == {8}, "a bar in a text does not make a column"


def test_a_notebook_has_the_same_chapters() -> None:
    text, report = form(finished(), "md"), report_of(finished())
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        "Curves",
        *(section.title for section in report.sections),
    ]
    assert "**Finished.**" in text


def test_the_table_holds_every_step_and_every_evaluation() -> None:
    run = finished()
    rows = list(csv.DictReader(io.StringIO(form(run, "csv"))))
    columns = run.log.segments[0].columns
    logged = [row for row in rows if row["loss"]]
    assert [float(row["step"]) for row in logged] == list(columns.step)
    assert [float(row["loss"]) for row in logged] == pytest.approx(list(columns.loss), rel=1e-6)
    assert [float(row["t"]) for row in logged] == pytest.approx(list(columns.t), abs=0.001)
    evaluations = {int(float(row["step"])): float(row["eval_loss"]) for row in rows if row["eval_loss"]}
    assert evaluations == pytest.approx({e.step: e.loss for e in run.log.segments[0].evaluations}, rel=1e-6)
    assert [float(row["step"]) for row in rows] == sorted(float(row["step"]) for row in rows)


def test_steps_that_were_lost_are_in_no_form() -> None:
    log = training_log(400, 1110)
    again = training_log(600, 1110, seed=8).segments[0]
    kept = [i for i, step in enumerate(again.columns.step) if step > 200]
    resumed = Segment(start_step=200, total_steps=1110, started_at=again.started_at)
    for i in kept:
        resumed.columns.append(step=again.columns.step[i], loss=9.0, elapsed=again.columns.elapsed[i])
    log.segments.append(resumed)
    rows = list(csv.DictReader(io.StringIO(written(_of(log), log, "csv").decode())))
    losses = {float(row["step"]): float(row["loss"]) for row in rows if row["loss"]}
    assert max(step for step, loss in losses.items() if loss < 9) == 200
    (rule,) = _of(log).panels[0].rules
    assert (rule.role, rule.x) == ("restart", 200)


def _of(log: TrainingLog, limit_s: float | None = None):  # type: ignore[no-untyped-def]
    return report_of_log(log, "trainer_log.jsonl", limit_s=limit_s, made="Made now.")


def test_a_bare_log_is_judged_only_against_a_limit() -> None:
    log = training_log(400, 1110)
    assert _of(log).headline == "Under way or broken off"
    assert _of(log, 8 * 3600).headline == "Fits"
    assert _of(log, 3 * 3600).headline == "Will not fit"
    assert "Verdict history" in [section.title for section in _of(log, 8 * 3600).sections]


def test_a_long_log_is_reported_as_briefly_as_a_short_one() -> None:
    log = training_log(60_000, 60_000, every=1, pace=0.05)
    sizes = {}
    for name, seen in (("long", log), ("short", training_log(600, 600, every=1, pace=5.0))):
        report = _of(seen, 9e9)
        assert report.headline == "Finished"
        sizes[name] = len(written(report, seen, "html"))
    assert sizes["long"] < 8 * sizes["short"]


def test_a_picture_is_drawn_in_colour_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished()
    assert written(report_of(run), run.log, "png").startswith(b"\x89PNG")
    from websight_tui.report.html import stylesheet
    from websight_tui.report.picture import _flat

    flat = _flat(stylesheet())
    assert ".line.raw" in flat
    assert "var(" not in flat
    assert "#0b6e8f" in flat
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    with pytest.raises(WebsightError, match="resvg-py") as caught:
        written(report_of(run), run.log, "png")
    assert "websight-tui[png]" in caught.value.hint


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 7, [-2, 0, 2, 4, 6]), (5, 5, [5]), (0, float("nan"), [0])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_figures_have_the_digits_a_reader_needs() -> None:
    assert [figure(x) for x in (0, 0.42131, 19.5, 1234.4, 5e-5, 1e9)] == [
        "0",
        "0.4213",
        "19.50",
        "1,234",
        "5e-05",
        "1e+09",
    ]
    assert [tick_words(x, s) for x, s in ((0.5, 0.5), (2000, 500), (4e-5, 2e-5), (1.25, 0.25))] == [
        "0.5",
        "2,000",
        "4e-5",
        "1.2",
    ]
