"""What can be done about a run: the list by the run's state, and what each choice asks of the engine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.conftest import Stage, loaded, screen_text, until
from tests.tui.fakes import NOW, FakeEngine, FakePlanner, config, job, projection, running, spec
from websight_tui.metrics.model import Checkpoint, TrainingLog
from websight_tui.presets import Preset
from websight_tui.projection.model import Forecast, Verdict
from websight_tui.runs import events as e
from websight_tui.runs.phase import phase_of
from websight_tui.runs.state import Outcome, Phase, RunView
from websight_tui.slurm_commands.times import format_duration
from websight_tui.tui.remedy_list import Offer, offer, wants_remedy
from websight_tui.tui.screens.confirm import ConfirmScreen
from websight_tui.tui.screens.launch import LaunchScreen
from websight_tui.tui.screens.letter import LetterScreen
from websight_tui.tui.screens.remedies import RemediesScreen
from websight_tui.tui.screens.run import RunScreen

SIZE = (120, 36)
CONFIG = config()
PRESETS, CLUSTER = CONFIG.presets, CONFIG.clusters["hai"]


def as_it_is(run: RunView) -> RunView:
    return replace(run, phase=phase_of(run.outcome, run.jobs, run.log))


def slow(verdict: Verdict = Verdict.WILL_NOT_FIT, **more: object) -> RunView:
    """A baseline run at step 900 of 3,906, for which 8 hours are far too short."""
    return as_it_is(running(PRESETS["baseline"], "slow-run", 900, 3906, verdict, "48300", **more))


def waiting() -> RunView:
    queued = job("48301", "PENDING", started=None)
    return as_it_is(RunView(spec(PRESETS["baseline"], "queued-run"), Outcome.ACCEPTED, jobs=(queued,)))


def ended(state: str) -> RunView:
    run = slow()
    return as_it_is(replace(run, jobs=(replace(run.jobs[0], state=state, final=True),)))


def offered(run: RunView, partition_max_s: float | None = None) -> Offer:
    def forecast_of(preset: Preset) -> Forecast:
        return FakePlanner().forecast(CLUSTER, preset)

    return offer(run, CLUSTER, PRESETS, forecast_of, NOW, partition_max_s=partition_max_s)


def value_of(run: RunView, kind: str) -> str:
    return next(remedy.value for remedy in offered(run).remedies if remedy.kind == kind)


def kinds(run: RunView) -> list[str]:
    return [remedy.kind for remedy in offered(run).remedies]


def test_a_running_job_offers_what_can_still_be_done() -> None:
    found = offered(slow())
    assert [r.kind for r in found.remedies][:3] == ["let-it-run", "chain", "save-and-stop"]
    assert {"another-preset", "ask-administrators"} <= set(kinds(slow()))
    assert "100 steps" in found.remedies[0].cost, "what is lost since the checkpoint at 800"
    assert found.words.startswith("Will not fit")


def test_the_request_asks_for_enough_and_for_whole_quarters_of_an_hour() -> None:
    run = slow()
    asked = int(next(r for r in offered(run).remedies if r.kind == "ask-administrators").value)
    assert run.projection is not None
    assert run.projection.total_s_80 is not None
    needed = run.projection.total_s_80[1] + run.spec.preset.signal_lead_s
    assert needed <= asked < needed + 900
    assert asked % 900 == 0


def test_a_waiting_job_can_still_be_changed_in_every_way() -> None:
    assert set(kinds(waiting())) == {"longer-limit", "chain", "fewer-epochs", "another-preset"}


def test_a_resumed_run_that_waits_counts_only_what_is_left() -> None:
    whole = next(r for r in offered(waiting()).remedies if r.kind == "longer-limit")
    run = replace(waiting(), log=slow().log)
    rest = next(r for r in offered(run).remedies if r.kind == "longer-limit")
    assert int(rest.value) < int(whole.value)
    assert "fewer-epochs" not in kinds(run)
    assert "another-preset" not in kinds(run)


@pytest.mark.parametrize("state", ["TIMEOUT", "FAILED", "CANCELLED"])
def test_a_run_that_stopped_resumes_first_from_its_newest_checkpoint(state: str) -> None:
    found = offered(ended(state))
    assert found.remedies[0].kind == "resume"
    assert "step 800 in 3 jobs" in found.remedies[0].title
    assert found.remedies[0].value == "3"
    assert "2 more start-ups" in found.remedies[0].cost or "3 more start-ups" in found.remedies[0].cost
    assert [r.kind for r in found.remedies][:3] == ["resume", "resume-longer", "resume-shorter"]
    assert "one job does the rest" in found.remedies[1].cost
    assert "the learning rate comes down faster from here" in found.remedies[2].cost
    assert all("begins anew" in r.cost for r in found.remedies[3:])


def test_a_longer_limit_to_resume_with_stays_within_the_partition() -> None:
    longer = next(r for r in offered(ended("TIMEOUT")).remedies if r.kind == "resume-longer")
    within = offered(ended("TIMEOUT"), partition_max_s=int(longer.value) - 900)
    assert "resume-longer" not in [r.kind for r in within.remedies]
    assert within.remedies[0].kind == "resume"


def test_a_run_that_stopped_while_it_fitted_can_be_resumed_all_the_same() -> None:
    run = slow(Verdict.FITS)
    run = as_it_is(replace(run, jobs=(replace(run.jobs[0], state="FAILED", final=True),)))
    assert kinds(run)[0] == "resume"


def test_steps_that_a_later_segment_took_away_have_no_checkpoint() -> None:
    run = ended("TIMEOUT")
    later = running(PRESETS["baseline"], "x", 400, 3906, Verdict.FITS, "48302").log.segments[0]
    later.start_step = 200
    log = TrainingLog(segments=[*run.log.segments, later])
    log.segments[1].checkpoints = [Checkpoint(400, "out/checkpoint-400")]
    assert "step 400" in offered(replace(run, log=log, projection=None)).remedies[0].title


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (slow(Verdict.FITS), "Nothing needs to be done"),
        (replace(slow(), projection=projection(30, 3906, Verdict.TOO_EARLY)), "too early"),
        (replace(slow(), projection=None), "too early"),
        (replace(slow(), phase=Phase.FINISHED), "finished"),
        (replace(slow(), phase=Phase.REJECTED), "nothing runs"),
    ],
)
def test_where_nothing_can_be_done_it_says_so(run: RunView, words: str) -> None:
    found = offered(run)
    assert not found.remedies
    assert words in found.words


def test_a_job_of_others_is_never_signalled_or_launched_again() -> None:
    run = slow()
    preset = replace(run.spec.preset, name="foreign", save_steps=0, signal_lead_s=0)
    run = replace(run, spec=replace(run.spec, token="", preset=preset))
    assert set(kinds(run)) == {"let-it-run", "ask-administrators"}
    over = as_it_is(replace(run, jobs=(replace(run.jobs[0], state="TIMEOUT", final=True),)))
    assert kinds(over) == []
    assert not wants_remedy(over)


async def opened(stage: Stage, pilot: Pilot[None], run: RunView) -> FakeEngine:
    """The remedies of `run` on the screen."""
    engine = await loaded(stage, pilot)
    engine.tell(e.RunLoaded(run))
    await until(pilot, lambda: run.spec.run_id in stage.app.state.runs)
    stage.app.open_run(run.spec.run_id)
    await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
    await pilot.press("r")
    await until(pilot, lambda: isinstance(stage.app.screen, RemediesScreen))
    return engine


def messages(stage: Stage) -> list[str]:
    """What was said in the corner."""
    return [note.message for note in stage.app._notifications]


async def choose(stage: Stage, pilot: Pilot[None], run: RunView, kind: str) -> None:
    options = stage.app.screen.query_one(OptionList)
    options.highlighted = kinds(run).index(kind)
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(stage.app.screen, RemediesScreen))


async def test_the_screen_lists_titles_and_costs_and_escape_changes_nothing(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, slow())
        before = len(engine.calls)
        await until(pilot, lambda: "Save and stop at step 901" in screen_text(stage.app))
        assert "Killed now it would lose 100 steps" in screen_text(stage.app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, RunScreen))
        assert engine.calls[before:] == []


async def test_the_verdict_names_the_key_only_where_it_helps(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, slow())
        await pilot.press("escape")
        await until(pilot, lambda: "r remedies" in screen_text(stage.app).split("loss", 1)[0])
        engine.tell(e.Projected("slow-run", projection(900, 3906, Verdict.FITS), NOW))
        await until(pilot, lambda: "r remedies" not in screen_text(stage.app).split("loss", 1)[0])


LONGER = format_duration(int(value_of(ended("TIMEOUT"), "resume-longer")))
SHORTER = float(value_of(ended("TIMEOUT"), "resume-shorter"))


@pytest.mark.parametrize(
    ("run", "kind", "asked"),
    [
        (slow(), "save-and-stop", ("save_and_stop", "slow-run")),
        (ended("TIMEOUT"), "resume", ("resume", "slow-run", {"max_jobs": 3})),
        (ended("TIMEOUT"), "resume-longer", ("resume", "slow-run", {"time_limit": LONGER})),
        (ended("TIMEOUT"), "resume-shorter", ("resume", "slow-run", {"num_train_epochs": SHORTER})),
        (slow(), "chain", ("set_max_jobs", "slow-run", 3)),
        (waiting(), "chain", ("set_max_jobs", "queued-run", 3)),
    ],
)
async def test_what_ends_or_begins_a_job_asks_first(
    stage: Stage, run: RunView, kind: str, asked: tuple[object, ...]
) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, run)
        await choose(stage, pilot, run, kind)
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        assert asked not in engine.calls
        if kind in ("chain", "resume"):
            assert "more start-up" in screen_text(stage.app), "what it costs"
            assert "Cancelling the" in screen_text(stage.app)
        await pilot.press("y")
        await until(pilot, lambda: asked in engine.calls)


async def test_every_remedy_has_a_key(stage: Stage) -> None:
    for number, remedy in enumerate(offered(slow()).remedies, 1):
        assert number < 10, remedy
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, slow())
        await pilot.press("9")
        assert isinstance(stage.app.screen, RemediesScreen)
        await pilot.press(str(1 + kinds(slow()).index("save-and-stop")))
        await until(pilot, lambda: isinstance(stage.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: ("save_and_stop", "slow-run") in engine.calls)


async def test_jobs_that_have_begun_already_count(stage: Stage) -> None:
    """The cap is of all jobs of the chain."""
    again = replace(slow(), jobs=(replace(slow().jobs[0], restarts=2),))
    jobs = 2 + int(next(r for r in offered(again).remedies if r.kind == "chain").value)
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, again)
        await choose(stage, pilot, again, "chain")
        await pilot.press("y")
        await until(pilot, lambda: ("set_max_jobs", "slow-run", jobs) in engine.calls)


async def test_a_run_that_may_take_them_already_is_left_alone(stage: Stage) -> None:
    run = slow()
    free = replace(run, spec=replace(run.spec, preset=replace(run.spec.preset, max_jobs=9)))
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, free)
        await choose(stage, pilot, free, "chain")
        await until(pilot, lambda: any("may take 9 jobs already" in said for said in messages(stage)))
        assert not any(call[0] == "set_max_jobs" for call in engine.calls)


async def test_a_longer_limit_of_a_waiting_job_is_asked_of_slurm(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, waiting())
        seconds = int(next(r for r in offered(waiting()).remedies if r.kind == "longer-limit").value)
        await choose(stage, pilot, waiting(), "longer-limit")
        await until(pilot, lambda: ("set_time_limit", "queued-run", seconds) in engine.calls)


async def test_a_longer_limit_of_a_running_job_becomes_a_letter(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, slow())
        await choose(stage, pilot, slow(), "ask-administrators")
        await until(pilot, lambda: isinstance(stage.app.screen, LetterScreen))
        await until(pilot, lambda: "scontrol update JobId=48300" in screen_text(stage.app).replace("\n", " "))
        await pilot.press("enter")
        await until(pilot, lambda: "JobId=48300" in stage.app.clipboard)
        assert not any(call[0] == "set_time_limit" for call in engine.calls)


@pytest.mark.parametrize("kind", ["another-preset", "fewer-epochs"])
async def test_another_launch_is_reviewed_and_the_waiting_job_stays(stage: Stage, kind: str) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, waiting())
        remedy = next(r for r in offered(waiting()).remedies if r.kind == kind)
        await choose(stage, pilot, waiting(), kind)
        await until(pilot, lambda: isinstance(stage.app.screen, LaunchScreen))
        assert not engine.plans
        assert not any(call[0] == "cancel" for call in engine.calls)
        await pilot.press("enter")
        await until(pilot, lambda: engine.plans)
        preset = engine.plans[0].spec.preset
        got = {
            "another-preset": preset.name,
            "fewer-epochs": f"{preset.num_train_epochs:g}",
        }
        assert got[kind] == remedy.value


async def test_to_let_it_run_only_explains(stage: Stage) -> None:
    async with stage.app.run_test(size=SIZE) as pilot:
        engine = await opened(stage, pilot, slow())
        before = len(engine.calls)
        await choose(stage, pilot, slow(), "let-it-run")
        await until(pilot, lambda: any("Killed now" in said for said in messages(stage)))
        assert engine.calls[before:] == []
