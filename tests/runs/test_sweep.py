"""Several runs as one launch: what they are, that each is submitted exactly once, and what the table says of them."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runs.conftest import Desk
from tests.runs.fakes import ACCEPTS, ANSWERS, TIMED_OUT, FakeTransport, rejects
from tests.tui.fakes import NOW, config, story
from websight_tui.errors import ConnectionLost, PresetError, StoreError
from websight_tui.presets import BUILT_IN
from websight_tui.projection.model import Verdict
from websight_tui.report.sweep import written
from websight_tui.runs import measuring
from websight_tui.runs.events import ActionDone
from websight_tui.runs.keeper import Keeper
from websight_tui.runs.reduce import reduce
from websight_tui.runs.saved_work.evaluation import Look, is_open, stand
from websight_tui.runs.saved_work.jobs import Seen
from websight_tui.runs.state import AppState, ClusterView, Evaluation, Measured, Outcome, Phase, Sweep
from websight_tui.runs.store import Store
from websight_tui.runs.sweeps.kept import load_sweeps, put_sweep, run_outcome
from websight_tui.runs.sweeps.planning import plan_sweep, values_of, variants
from websight_tui.runs.sweeps.row import SweepRow
from websight_tui.runs.sweeps.table import cells, rows_of, summary
from websight_tui.runs.sweeps.totals import evaluation_words, limit_words, totals
from websight_tui.slurm_commands.job_counts import JobCounts, command, parse
from websight_tui.slurm_commands.model import Job

PRESETS = {preset.name: preset for preset in BUILT_IN}

# which runs


def test_every_combination_is_a_run_named_after_what_is_varied() -> None:
    found = variants([PRESETS["rank32"]], values_of(["lora_rank=8,16", "num_train_epochs=0.5,1"]))
    assert [v.preset.name for v in found] == ["rank32-r8-e0_5", "rank32-r8-e1", "rank32-r16-e0_5", "rank32-r16-e1"]
    assert [(v.preset.lora_rank, v.preset.lora_alpha) for v in found] == [(8, 16), (8, 16), (16, 32), (16, 32)]
    assert {v.base.name for v in found} == {"rank32"}


def test_alpha_stays_where_it_is_set_and_presets_stay_as_they_are() -> None:
    (one,) = variants([PRESETS["rank32"]], values_of(["lora_rank=8", "lora_alpha=64"]))
    assert (one.preset.lora_rank, one.preset.lora_alpha, one.preset.name) == (8, 64, "rank32")
    both = variants([PRESETS["rank16"], PRESETS["rank32"]], {})
    assert [v.preset for v in both] == [PRESETS["rank16"], PRESETS["rank32"]]


def test_the_same_settings_are_one_run_and_names_never_clash() -> None:
    assert len(variants([PRESETS["rank16"], PRESETS["rank32"]], values_of(["lora_rank=16"]))) == 1
    long = replace(PRESETS["rank32"], name="a-name-that-is-exactly-forty-letters-lon")
    names = [v.preset.name for v in variants([long], values_of(["seed=1,2,3"]))]
    assert len(set(names)) == 3
    assert all(len(name) <= 40 for name in names)


def test_texts_keep_their_commas_and_are_varied_by_naming_the_field_again() -> None:
    values = values_of(["lora_target=q_proj,v_proj", "lr_scheduler_type=cosine", "lr_scheduler_type=linear"])
    assert values == {"lora_target": ["q_proj,v_proj"], "lr_scheduler_type": ["cosine", "linear"]}


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (["lora_rank"], "FIELD=VALUE"),
        (["lora_rang=8"], "unknown preset field"),
        (["lora_rank=8,x"], "whole number"),
        (["seed=" + ",".join(map(str, range(65)))], "65 runs"),
    ],
)
def test_what_cannot_be_swept_is_named(settings: list[str], match: str) -> None:
    with pytest.raises(PresetError, match=match):
        variants([PRESETS["rank32"]], values_of(settings))


# submitting


def planned(desk: Desk, ranks: str = "4,8,16") -> Sweep:
    chosen = variants([PRESETS["tiny"]], values_of([f"lora_rank={ranks}"]))
    sweep, _ = plan_sweep(desk.config, desk.config.clusters["fake"], chosen, now=time.time())
    return replace(sweep, specs=tuple(replace(spec, root=str(desk.folder / "root")) for spec in sweep.specs))


def answer(keeper: Keeper) -> ActionDone:
    while (event := keeper.take(20)) is not None:
        if isinstance(event, ActionDone) and event.action == "sweep":
            return event
    raise AssertionError("the sweep did not end")


def tokens(desk: Desk) -> list[str]:
    return [word for call in desk.slurm.sbatch_calls for word in call if word.startswith("--comment=")]


def test_each_run_of_a_sweep_is_an_ordinary_run_and_they_are_known_to_belong_together(desk: Desk) -> None:
    engine, keeper = desk.start()
    sweep = planned(desk)
    engine.submit_sweep(sweep)
    assert answer(keeper).ok
    assert [keeper.state.runs[run_id].outcome for run_id in sweep.run_ids] == [Outcome.ACCEPTED] * 3
    assert tokens(desk) == [f"--comment={spec.token}" for spec in sweep.specs]
    engine.close()
    _, later = desk.start(connect=False)
    assert later.state.sweeps == {sweep.sweep_id: sweep}
    assert [row.state for row in rows_of(sweep, later.state.runs, time.time())] == ["pending"] * 3


def test_a_sweep_submitted_again_submits_nothing(desk: Desk) -> None:
    engine, keeper = desk.start()
    sweep = planned(desk)
    for _ in range(2):
        engine.submit_sweep(sweep)
        assert answer(keeper).ok
    assert len(desk.slurm.sbatch_calls) == 3


def test_refused_runs_are_said_and_submitted_later_without_doubling(desk: Desk) -> None:
    engine, keeper = desk.start()
    sweep = planned(desk)
    once = 'n=$(cat "{folder}/n" 2>/dev/null || echo 0); echo $((n+1)) >"{folder}/n"; [ $n -lt 1 ] || {{ '
    full = once + rejects("Job violates accounting/QOS policy (job submit limit)").strip() + "; }}\n"
    desk.slurm.sbatch(full.format(folder=desk.slurm.folder) + ACCEPTS + ANSWERS)
    engine.submit_sweep(sweep)
    said = answer(keeper)
    assert not said.ok
    assert said.message.startswith("1 of 3 runs are submitted, 2 refused: ")
    assert "limit" in said.message
    assert sweep.sweep_id in said.hint
    assert [r.state for r in rows_of(sweep, keeper.state.runs, NOW)] == ["pending", "rejected", "rejected"]
    desk.slurm.sbatch(ACCEPTS + ANSWERS)
    engine.close()
    engine, keeper = desk.start()
    engine.submit_sweep(keeper.state.sweeps[sweep.sweep_id])
    assert answer(keeper).ok
    assert [keeper.state.runs[i].outcome for i in sweep.run_ids] == [Outcome.ACCEPTED] * 3
    accepted = [keeper.state.runs[i].jobs for i in sweep.run_ids]
    assert [len(jobs) for jobs in accepted] == [1, 1, 1]
    engine.submit_sweep(keeper.state.sweeps[sweep.sweep_id])
    assert answer(keeper).ok
    assert len(desk.slurm.sbatch_calls) == 5, "three, and the two refused ones once more"


def test_after_a_lost_answer_the_rest_waits(desk: Desk) -> None:
    engine, keeper = desk.start()
    sweep = planned(desk)
    desk.slurm.sbatch(TIMED_OUT)
    engine.submit_sweep(sweep)
    said = answer(keeper)
    assert not said.ok
    assert said.message.startswith("0 of 3 runs are submitted, 1 not known yet, 2 not begun: ")
    assert len(desk.slurm.sbatch_calls) == 1
    desk.slurm.sbatch(ACCEPTS + ANSWERS)
    engine.submit_sweep(sweep)
    answer(keeper)
    assert tokens(desk).count(f"--comment={sweep.specs[0].token}") == 1, "what is not known is never sent again"


def test_a_line_that_breaks_leaves_the_rest_for_later(desk: Desk) -> None:
    def breaks(transport: FakeTransport) -> None:
        real = transport.upload

        def upload(data: bytes, path: str, **more: object) -> None:
            if sweep.specs[1].run_id in path and len(desk.transports) == 1:
                transport.close()
                raise ConnectionLost("the line broke")
            real(data, path, **more)  # type: ignore[arg-type]

        transport.upload = upload  # type: ignore[method-assign]

    sweep = planned(desk)
    desk.prepare = breaks
    engine, keeper = desk.start()
    engine.submit_sweep(sweep)
    assert not answer(keeper).ok
    engine.close()
    engine, keeper = desk.start()
    engine.submit_sweep(keeper.state.sweeps[sweep.sweep_id])
    assert answer(keeper).ok
    assert sorted(tokens(desk)) == sorted(set(tokens(desk)))
    assert len(desk.slurm.sbatch_calls) == 3


def test_two_apps_cannot_submit_the_same_run(tmp_path: Path, desk: Desk) -> None:
    path = tmp_path / "s" / "runs.sqlite"
    spec = planned(desk).specs[0]
    stores = [Store(path), Store(path)]
    stores[0].begin_submission(spec, 1.0)
    stores[0].settle(spec.token, Outcome.REJECTED, 2.0)
    failed: list[StoreError] = []
    gate = threading.Barrier(2)

    def again(store: Store, token: str) -> None:
        gate.wait()
        try:
            store.begin_submission(replace(spec, token=token), 3.0, first=True)
        except StoreError as exc:
            failed.append(exc)

    threads = [threading.Thread(target=again, args=(store, f"wst-{n}")) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert run_outcome(stores[0], spec.run_id) is Outcome.INTENT


def test_a_sweep_in_the_history_is_never_rewritten(tmp_path: Path, desk: Desk) -> None:
    store = Store(tmp_path / "runs.sqlite")
    sweep = planned(desk)
    put_sweep(store, sweep)
    put_sweep(store, replace(sweep, specs=planned(desk).specs))
    assert load_sweeps(store) == [sweep]


# what it would come to


def test_the_sum_of_a_plan_counts_gpus_and_what_will_not_fit() -> None:
    from tests.tui.fakes import FakePlanner

    cfg = config()
    cluster = cfg.clusters["hai"]
    chosen = variants([cfg.presets["baseline"], cfg.presets["rank16"]], {})
    _, plans = plan_sweep(cfg, cluster, chosen, now=NOW, forecast=lambda p: FakePlanner().forecast(cluster, p))
    seconds = [plan.forecast.seconds for plan in plans if plan.forecast is not None and plan.forecast.seconds]
    found = totals(plans)
    assert found.seconds == pytest.approx(sum(seconds))
    assert found.gpu_hours == pytest.approx(sum(seconds) * 8 / 3600)
    assert found.words().startswith("2 runs, about ")
    assert found.words().endswith("; 1 will not fit its limit.")


def test_the_site_s_limits_are_held_against_the_queue() -> None:
    view = ClusterView("hai", queue=(Job("1"), Job("2")))
    assert limit_words(JobCounts(running=4, submitted=10), 2, view) == []
    assert limit_words(None, 99, view) == []
    tight = limit_words(JobCounts(running=2, submitted=5), 6, view)
    assert tight[0].startswith("The site allows 5 of your jobs in the queue, 2 are there: 3 of these 6 will be taken")
    assert tight[1] == "The site runs 2 of your jobs at once; the others wait."


def test_limits_of_account_and_qos() -> None:
    text = "accounts\nlab|normal,long|normal||20\nqos\nnormal|4|\nlong|1|2\n"
    assert parse(text) == JobCounts(running=4, submitted=20)
    assert parse(text, "long") == JobCounts(running=1, submitted=2)
    assert parse("accounts\na|q||1|1\nb|q||2|2\nqos\nq||\n") == JobCounts(), "which account is charged is not known"
    assert parse("sacctmgr: error: …\n") == JobCounts()
    assert "account='a b'" not in command("a b")
    assert "'account=a b'" in command("a b")


# what came of it


def test_the_table_says_what_was_measured_and_what_is_an_estimate() -> None:
    state = AppState()
    cfg = config()
    for event in story(cfg):
        state = reduce(state, event)
    ids = ("rank16-261122-091500-77de", "rank32-261123-140212-9f3a")
    done, live = (state.runs[i] for i in ids)
    done = replace(done, measured=Measured(174_655_536, 0.61, 0.52, 0.69, 112, "websight_test"))
    planned = replace(done.spec, run_id="not-yet")
    sweep = Sweep("sweep-1", "hai", NOW, (done.spec, live.spec, planned))
    rows = rows_of(sweep, {**state.runs, ids[0]: done}, NOW)
    assert summary(rows) == "1 of 3 finished, 1 training, 1 not submitted"
    first, second, third = map(cells, rows)
    assert first[3:5] + first[7:8] + first[9:] == ("finished", "–", "61% (52–69)", "175 MB")
    assert second[3:5] == ("training 41%", "fits")
    assert second[9] == "–", "the adapter is measured or not known"
    assert third[3:] == ("not submitted",) + ("–",) * 6
    assert [row.can_be_submitted for row in rows] == [False, False, True]
    assert rows[1].verdict is Verdict.FITS
    assert rows[0].phase is Phase.FINISHED


def test_adapter_and_evaluation_are_read_from_the_run_s_folder(tmp_path: Path) -> None:
    import subprocess

    def look(folder: Path) -> Measured:
        done = subprocess.run(["sh", "-c", measuring.command(str(folder))], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return measuring.parse(done.stdout)

    run_dir = tmp_path / "a run's folder"
    out = run_dir / "out"
    assert look(run_dir) == Measured()
    out.mkdir(parents=True)
    assert look(run_dir) == Measured()
    (out / "adapter_model.safetensors").write_bytes(b"x" * 12_345)
    assert look(run_dir) == Measured(12_345)
    for name, accuracy, age in (("old", 0.1, 100), ("new", 0.75, 0)):
        folder = out / f"evaluation-{name}"
        folder.mkdir()
        results = folder / "results.json"
        results.write_text(f'{{"rows": 16, "accuracy": {accuracy}, "low": 0.5, "high": 0.9, "not_judged": {{}}}}\n')
        import os

        os.utime(results, (time.time() - age, time.time() - age))
    assert look(run_dir) == Measured(12_345, 0.75, 0.5, 0.9, 16, "new")
    for attempt in ("evaluate", "evaluate-2", "evaluate-10", "merge-final"):
        (run_dir / "tasks" / attempt / ".submit").mkdir(parents=True)
    (run_dir / "tasks" / "evaluate-11").mkdir()
    assert look(run_dir) == Measured(12_345, 0.75, 0.5, 0.9, 16, "new", attempt=10), "a script alone is no attempt"
    (out / "adapter_model.safetensors").unlink()
    assert (look(run_dir).accuracy, look(run_dir).attempt) == (0.75, 10)


@pytest.mark.parametrize("results", ["", "nonsense", "[1]", '{"accuracy": 7}', '{"accuracy": true}', "[" * 99_999])
def test_odd_results_are_no_results(results: str) -> None:
    assert measuring.parse(f"10\nevaluation-x/results.json\n{results}") == Measured(10)


def test_what_the_trainer_s_evaluation_writes_is_what_is_read() -> None:
    from trainer.evaluate import RESULTS, Results

    assert f"/{RESULTS}" in measuring.command("x")
    written = json.dumps(Results(16, 12, 0.75, 0.505, 0.898, 1, 40.0, {}).as_json())
    assert measuring.parse(f"10\nevaluation-x/{RESULTS}\n{written}") == Measured(10, 0.75, 0.505, 0.898, 16, "x")


# measuring clicks


SEEN = Seen(0, started=True, exit=None, progress=None, last_words="", result=b"")


@pytest.mark.parametrize(
    ("look", "evaluation", "why"),
    [
        (Look(replace(SEEN, submitted=None, started=False)), Evaluation.WAITING, ""),
        (Look(replace(SEEN, started=False)), Evaluation.WAITING, ""),
        (Look(replace(SEEN, progress=(120, 500, "asking"))), Evaluation.RUNNING, ""),
        (Look(replace(SEEN, exit=1, last_words="no such model")), Evaluation.FAILED, "no such model"),
        (Look(replace(SEEN, exit=143, last_words="x")), Evaluation.FAILED, "its job was stopped"),
        (Look(replace(SEEN, exit=0)), Evaluation.DONE, ""),
        (Look(replace(SEEN, submitted=1, started=False), "not allowed"), Evaluation.FAILED, "not allowed"),
    ],
)
def test_how_an_evaluation_stands(look: Look, evaluation: Evaluation, why: str) -> None:
    found = stand(Measured(9, attempt=1), look)
    assert found.evaluation is evaluation
    assert found.why.startswith(why)
    assert bool(found.why) == bool(why)
    assert is_open(found, wanted=True) == (evaluation in (Evaluation.WAITING, Evaluation.RUNNING))


def test_an_evaluation_is_open_while_one_is_wanted_and_can_be() -> None:
    assert is_open(None, wanted=True)
    assert is_open(Measured(9), wanted=True)
    assert not is_open(Measured(None), wanted=True), "without an adapter there is nothing to measure"
    assert not is_open(Measured(9), wanted=False)


def test_what_it_takes_is_said_before_the_launch(tmp_path: Path) -> None:
    cfg = config(tmp_path / "config.toml")
    chosen = variants([cfg.presets["rank32"]], values_of(["lora_rank=8,16"]))
    _, plans = plan_sweep(cfg, cfg.clusters["hai"], chosen, now=NOW)
    assert evaluation_words(plans, "h100").startswith("Afterwards a job with 1 GPU measures clicks on 500 test rows: ")
    _, without = plan_sweep(cfg, cfg.clusters["hai"], chosen, now=NOW, evaluate=False)
    assert evaluation_words(without, "h100") == ""
    nowhere = variants([replace(cfg.presets["rank32"], test_dataset="")], {})
    assert not plan_sweep(cfg, cfg.clusters["hai"], nowhere, now=NOW)[1][0].spec.evaluate


def test_the_table_for_a_notebook_can_not_become_markup_and_csv_keeps_every_digit() -> None:
    spec = plan_sweep(
        config(Path("none")), config(Path("none")).clusters["hai"], variants([PRESETS["rank32"]], {}), now=NOW
    )
    sweep = spec[0]
    row = SweepRow(
        "r", PRESETS["rank32"], Phase.FINISHED, "finished", loss=0.123456789, accuracy=0.61, low=0.52, high=0.69
    )
    failed = replace(row, accuracy=None, clicks=Evaluation.FAILED, why="a|b <i>", asked=0)
    notebook = written(sweep, [replace(row, asked=500), failed], "md", "sweep-1 *now*")
    assert notebook.startswith("sweep-1 \\*now\\*\n\n| run | rank/α |")
    assert "| rank32 | 32/64 | 1 | 64 | finished | 0.1235 | – | 61% (52–69) | 500 |" in notebook
    assert "clicks not measured: a\\|b \\<i\\>" in notebook
    first, second = csv.DictReader(io.StringIO(written(sweep, [replace(row, asked=500), failed], "csv")))
    assert (first["loss"], first["accuracy_low"], first["accuracy_rows"]) == ("0.123456789", "0.52", "500")
    assert (second["accuracy"], second["clicks"], second["clicks_error"]) == ("", "failed", "a|b <i>")
