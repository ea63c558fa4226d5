"""What holds for every log, however damaged."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.projection.made import made_log
from websight_tui.metrics.model import Checkpoint, Evaluation, Segment, TrainingLog
from websight_tui.metrics.trainer_log import read_trainer_log
from websight_tui.projection.finish import project
from websight_tui.projection.model import Projection, Verdict
from websight_tui.projection.timeline import MOST_POINTS, cut_log, timeline_of

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-10, 1e5),
    st.integers(-5, 2000).map(float),
)
LINES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=60)
SECONDS = st.one_of(st.none(), NUMBERS)


def holds_together(answer: Projection) -> None:
    assert math.isfinite(answer.elapsed_s)
    assert answer.elapsed_s >= 0
    assert answer.reasons
    assert all(reason.strip() and "nan" not in reason for reason in answer.reasons)
    if answer.total_s is None:
        assert answer.verdict is Verdict.TOO_EARLY
        return
    assert math.isfinite(answer.total_s)
    assert answer.total_s >= answer.elapsed_s
    assert answer.total_s_80 is not None
    assert answer.total_s_95 is not None
    assert answer.total_s_95[0] <= answer.total_s_80[0] <= answer.total_s <= answer.total_s_80[1]
    assert answer.total_s_80[1] <= answer.total_s_95[1]


@settings(max_examples=300, deadline=None)
@given(
    lines=LINES,
    pauses=st.lists(st.tuples(st.integers(-3, 2000), SECONDS, SECONDS), max_size=8),
    total=st.integers(-1, 3000),
    start=st.integers(0, 500),
    limit=st.one_of(st.none(), st.floats(1, 1e6)),
)
def test_any_columns_in_any_order_never_raise(
    lines: list[tuple[float, float]],
    pauses: list[tuple[int, float | None, float | None]],
    total: int,
    start: int,
    limit: float | None,
) -> None:
    segment = Segment(start_step=start, total_steps=total)
    for step, elapsed in lines:
        segment.columns.append(step=step, elapsed=elapsed)
    segment.evaluations = [Evaluation(step, elapsed=e, seconds=s) for step, e, s in pauses]
    segment.checkpoints = [Checkpoint(step, elapsed=e, seconds=s) for step, e, s in pauses[::2]]
    log = TrainingLog(segments=[segment])
    holds_together(project(log, limit_s=limit))
    holds_together(project(cut_log(log, 0.5), limit_s=limit))


STRANGE = st.one_of(st.none(), st.text(max_size=3), NUMBERS, st.booleans(), st.lists(st.integers(), max_size=1))


@settings(max_examples=100, deadline=None)
@given(
    meta=st.dictionaries(
        st.sampled_from(
            ["eval_steps", "save_steps", "n_eval", "n_train", "final_metrics", "final_pass_elapsed", "ended_early_at"]
        ),
        STRANGE,
    ),
    end=st.sampled_from(["", "finished", "failed", "saved-and-stopped", "?"]),
    started=SECONDS,
    ended=SECONDS,
    now=SECONDS,
)
def test_whatever_the_trainer_says_of_itself_never_raises(
    meta: dict[str, object], end: str, started: float | None, ended: float | None, now: float | None
) -> None:
    log, _ = made_log("events", total=300, until=200)
    segment = log.segments[0]
    segment.meta, segment.end, segment.started_at, segment.ended_at = meta, end, started, ended
    holds_together(project(log, limit_s=500, now=now, job_started_at=ended, deadline=started))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_lines_in_any_order_never_raise(data: st.DataObject) -> None:
    lines = [
        f'{{"current_steps": {s}, "total_steps": 100, "loss": 1.0, "elapsed_time": "0:{s // 60:02}:{s % 60:02}"}}'
        for s in range(1, 100)
    ]
    shuffled = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(1, 40))
    text = "\n".join(
        line[: data.draw(st.integers(10, len(line)))] if i % 7 == 0 else line
        for i, line in enumerate(shuffled[: 2 * cut])
    )
    for log in read_trainer_log(text.encode()):
        holds_together(project(log, limit_s=60))


@settings(max_examples=40, deadline=None)
@given(factor=st.floats(0.05, 500), until=st.integers(60, 900))
def test_the_unit_of_time_does_not_matter(factor: float, until: int) -> None:
    log, _ = made_log(total=1000, until=until, eval_steps=200, eval_s=37)
    scaled = Segment(total_steps=1000)
    segment = log.segments[0]
    for step, elapsed in zip(segment.columns.step, segment.columns.elapsed, strict=True):
        scaled.columns.append(step=step, elapsed=elapsed * factor)
    scaled.evaluations = [
        Evaluation(e.step, elapsed=(e.elapsed or 0) * factor, seconds=(e.seconds or 0) * factor)
        for e in segment.evaluations
    ]
    one, other = project(log, limit_s=None), project(TrainingLog("trainer_log", [scaled]), limit_s=None)
    assert one.total_s is not None
    assert other.total_s is not None
    assert math.isclose(other.total_s, one.total_s * factor, rel_tol=1e-6)


@settings(max_examples=40, deadline=None)
@given(limit=st.floats(100, 5000), more=st.floats(1, 2000))
def test_a_longer_limit_never_makes_the_verdict_worse(limit: float, more: float) -> None:
    order = [Verdict.WILL_NOT_FIT, Verdict.TIGHT, Verdict.FITS]
    log, _ = made_log(total=1000, until=300)
    short, long = project(log, limit_s=limit), project(log, limit_s=limit + more)
    assert order.index(long.verdict) >= order.index(short.verdict)


@settings(max_examples=40, deadline=None)
@given(total=st.integers(400, 3000), more=st.integers(1, 3000))
def test_more_steps_take_longer(total: int, more: int) -> None:
    log, _ = made_log(total=3000, until=300)
    log.segments[0].total_steps = total
    short = project(log, limit_s=None).total_s
    log.segments[0].total_steps = total + more
    long = project(log, limit_s=None).total_s
    assert short is not None
    assert long is not None
    assert long > short


def test_bands_narrow_as_the_run_goes_on() -> None:
    widths = []
    for until in (50, 100, 250, 500, 750, 950):
        log, _ = made_log(total=1000, until=until)
        band = project(log, limit_s=None).total_s_80
        assert band is not None
        widths.append(band[1] - band[0])
    assert widths == sorted(widths, reverse=True)


def test_bands_lean_late() -> None:
    log, _ = made_log(total=1000, until=250)
    answer = project(log, limit_s=None)
    assert answer.total_s is not None
    assert answer.total_s_80 is not None
    assert answer.total_s_80[1] - answer.total_s > 1.05 * (answer.total_s - answer.total_s_80[0])


def test_a_timeline_is_bounded_and_rises() -> None:
    log, _ = made_log(total=50_000, every=1)
    timeline = timeline_of(log.segments[0])
    assert len(timeline.steps) <= 2 * MOST_POINTS
    assert timeline.steps[-1] == 50_000
    assert all(a < b for a, b in zip(timeline.steps, timeline.steps[1:], strict=False))
