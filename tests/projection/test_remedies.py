"""Remedies: which there are at each stage, and that what they promise fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from websight_tui.presets import BUILT_IN
from websight_tui.projection.forecast import forecast
from websight_tui.projection.history import PastRun
from websight_tui.projection.model import Forecast, Projection, Remedy, Verdict
from websight_tui.projection.remedies import quality_words, remedies, with_epochs

PRESETS = {preset.name: preset for preset in BUILT_IN}
BASELINE = PRESETS["baseline"]
LIMIT = 8 * 3600.0
HISTORY = (PastRun(PRESETS["rank32"], "hai", "H100", 8, 20.0, 500, 60.0, 8.0, 200.0),) * 3


def made(name: str, epochs: float | None = None) -> Forecast:
    preset = PRESETS[name] if epochs is None else replace(PRESETS[name], num_train_epochs=epochs)
    return forecast(preset, world_size=8, gpu="H100", limit_s=LIMIT, cluster="hai", samples=71_000, history=HISTORY)


OTHERS = [(preset, made(preset.name)) for preset in BUILT_IN]
RUNNING = Projection(
    step=400,
    total_steps=2775,
    segment_start=0,
    elapsed_s=9000,
    total_s=62_400,
    total_s_80=(60_000, 65_000),
    total_s_95=(58_000, 68_000),
    limit_s=28_000,
    verdict=Verdict.WILL_NOT_FIT,
)


def by_kind(found: tuple[Remedy, ...]) -> dict[str, Remedy]:
    return {remedy.kind: remedy for remedy in reversed(found)}


def test_what_fits_needs_no_remedy() -> None:
    assert remedies(replace(RUNNING, verdict=Verdict.FITS), BASELINE, world_size=8, limit_s=LIMIT) == ()
    assert remedies(replace(RUNNING, verdict=Verdict.TOO_EARLY), BASELINE, world_size=8, limit_s=LIMIT) == ()
    assert remedies(RUNNING, BASELINE, world_size=8, limit_s=None) == ()


def test_before_the_launch_everything_can_be_changed() -> None:
    found = remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT, others=OTHERS)
    assert set(by_kind(found)) == {"longer-limit", "chain", "fewer-epochs", "another-preset"}
    assert all(remedy.cost for remedy in found)


def test_where_the_steps_are_set_fewer_epochs_change_nothing() -> None:
    capped = replace(BASELINE, max_steps=2775)
    assert "fewer-epochs" not in by_kind(remedies(RUNNING, capped, world_size=8, limit_s=LIMIT))
    assert "fewer-epochs" in by_kind(remedies(RUNNING, BASELINE, world_size=8, limit_s=LIMIT))


def test_the_most_epochs_that_fit_do_fit_and_no_more() -> None:
    found = by_kind(remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT))["fewer-epochs"]
    epochs = with_epochs(BASELINE, found).num_train_epochs
    fits = made("baseline", epochs)
    assert fits.seconds_80 is not None
    assert fits.limit_s is not None
    assert fits.seconds_80[1] <= fits.limit_s * 1.02
    more = made("baseline", epochs * 1.1)
    assert more.seconds_80 is not None
    assert more.seconds_80[1] > fits.limit_s


def test_a_longer_limit_is_enough_and_within_the_partition() -> None:
    found = by_kind(remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT, partition_max_s=86_400.0))
    limit = float(found["longer-limit"].value)
    assert LIMIT < limit <= 86_400
    upper = made("baseline").seconds_80
    assert upper is not None
    assert limit >= upper[1]
    short = remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT, partition_max_s=36_000.0)
    assert "longer-limit" not in by_kind(short)


def test_other_presets_fit_and_the_one_most_like_it_comes_first() -> None:
    found = remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT, others=OTHERS)
    names = [remedy.value for remedy in found if remedy.kind == "another-preset"]
    assert names[0] == "rank32"
    assert "tiny" not in names
    assert "baseline" not in names


def test_while_it_runs_the_limit_stays_and_the_checkpoint_counts() -> None:
    found = by_kind(
        remedies(
            RUNNING,
            BASELINE,
            world_size=8,
            limit_s=LIMIT,
            others=OTHERS,
            job_state="RUNNING",
            last_checkpoint_step=300,
            last_checkpoint_at=1000.0,
            now=3000.0,
        )
    )
    assert set(found) == {"let-it-run", "chain", "save-and-stop", "another-preset"}
    assert "lose 100 steps (33 min) since the checkpoint at 300" in found["let-it-run"].cost
    assert "saves and stops" in found["let-it-run"].cost
    assert found["save-and-stop"].value == "401"
    assert "2 h 30 min of this run are lost" in found["another-preset"].cost


def test_a_trainer_that_does_not_save_loses_work_at_the_limit() -> None:
    found = remedies(RUNNING, BASELINE, world_size=8, limit_s=LIMIT, job_state="RUNNING", saves_at_limit=False)
    assert "dies at about step" in by_kind(found)["let-it-run"].cost


def test_after_a_time_limit_it_goes_on_from_the_checkpoint() -> None:
    found = by_kind(
        remedies(
            replace(RUNNING, step=2450, elapsed_s=55_000),
            BASELINE,
            world_size=8,
            limit_s=LIMIT,
            job_state="TIMEOUT",
            last_checkpoint_step=2400,
        )
    )
    assert found["chain"].title == "Resume from step 2,400"
    assert found["chain"].value == "1"
    assert "let-it-run" not in found
    assert "save-and-stop" not in found


def test_a_chain_has_as_many_jobs_as_it_takes() -> None:
    found = by_kind(remedies(made("baseline"), BASELINE, world_size=8, limit_s=LIMIT))["chain"]
    jobs = int(found.value)
    seconds = made("baseline").seconds_80
    assert seconds is not None
    assert (jobs - 1) * LIMIT < seconds[1] < jobs * LIMIT


@pytest.mark.parametrize("limit", [1.0, 300.0, 600.0])
def test_a_limit_too_short_for_anything_offers_what_is_left(limit: float) -> None:
    found = remedies(made("baseline"), BASELINE, world_size=8, limit_s=limit, others=[])
    assert set(by_kind(found)) <= {"longer-limit", "chain", "fewer-epochs"}
    assert "longer-limit" in by_kind(found)


def test_quality_is_put_in_words() -> None:
    assert "rank 16 instead of 32" in quality_words(PRESETS["rank16"], PRESETS["rank32"])
    assert "50%" in quality_words(PRESETS["half-epoch"], PRESETS["rank32"])
    assert "effective batch" in quality_words(PRESETS["batch6"], PRESETS["rank32"])
    assert quality_words(PRESETS["rank32"], PRESETS["rank32"]) == "same result expected"
