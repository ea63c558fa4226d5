"""What is said about one GPU follows from what was measured: fit, utilisation, tables. No GPU is needed."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from pathlib import Path

import pytest

from bench.gpu import fit, grid
from bench.gpu.grid import Cell
from bench.gpu.measured import GRIDS, Measured, read_grid, read_results, timed
from bench.gpu.mfu import PEAK_FLOPS, decoder_parameters, sample_flop, utilisation, vision_flop
from bench.gpu.model8b import TEXT_8B
from docs import measured_asked, measured_gpu, measured_several, measured_verdicts
from docs.measured_section import section
from websight_tui.presets import BUILT_IN, make_preset
from websight_tui.projection.cost import clicks_s, cost_of
from websight_tui.projection.gpus import gpu_named
from websight_tui.sizing import GIB, SHAPES, lora_parameters, sizes

RESULTS = read_results()
CELLS = RESULTS.grids["H200"]
POINTS = {name: fit.points(cells) for name, cells in RESULTS.grids.items()}
SEVERAL_RUNS = RESULTS.several
PRESETS = {preset.name: preset for preset in BUILT_IN}


def made(cell: Cell, seconds: float | None = None, row_tokens: int = 1000) -> Measured:
    steps = () if seconds is None else (seconds, seconds)
    return Measured(cell, row_tokens, steps, seconds, steps, 10 * GIB, 12 * GIB)


def test_the_h200s_grid_is_whole() -> None:
    full = {
        Cell(rank, batch, tokens, checkpointing)
        for rank in measured_gpu.RANKS
        for batch in (1, 2, 4, 6, 8)
        for tokens in (1000, 2500, 4000)
        for checkpointing in (True, False)
    }
    assert full - {measured.cell for measured in CELLS} == set()
    assert len(CELLS) == len({measured.cell for measured in CELLS}) == 152
    assert {measured.cell for measured in CELLS if measured.median_s is None} == {
        Cell(rank, batch, tokens, False)
        for rank in measured_gpu.RANKS
        for batch, tokens in ((6, 2500), (8, 2500), (4, 4000), (6, 4000), (8, 4000))
    }


def test_the_h100s_grid_is_what_is_said_of_it() -> None:
    cells = RESULTS.grids["H100"]
    assert len(cells) == len({measured.cell for measured in cells}) == 75
    assert len([measured for measured in cells if measured.cell.rank == 16]) == 11
    for rank in (32, 64):
        assert measured_gpu.most_rows(cells, rank, checkpointing=True) == {1000: 8, 2500: 8, 4000: 4}
        assert measured_gpu.most_rows(cells, rank, checkpointing=False) == {1000: 4, 2500: 2, 4000: 1}
    others = measured_gpu.by_cell(CELLS)
    for measured, _ in timed(cells):
        other = others.get(measured.cell)
        if other and measured.cell.checkpointing:
            assert measured.peak_bytes == pytest.approx(other.peak_bytes, abs=0.1 * GIB)
    (fitted,) = RESULTS.expandable
    assert next(measured for measured in cells if measured.cell == fitted.cell).median_s is None


def test_a_step_is_held_against_the_same_cell_of_another_gpu() -> None:
    cells = [made(Cell(8, 4, 1000, True), 3.0), made(Cell(8, 1, 1000, True), 9.0), made(Cell(8, 8, 1000, True))]
    others = [made(Cell(8, 4, 1000, True), 2.0), made(Cell(8, 1, 1000, True), 1.0), made(Cell(8, 8, 1000, True), 1.0)]
    assert measured_gpu.slower(cells, others, busy_tokens=3900) == [pytest.approx(50)]
    assert measured_gpu.slower(cells, others, busy_tokens=0) == [pytest.approx(50), pytest.approx(800)]


def test_no_cell_is_measured_twice() -> None:
    settings = {"ranks": [32], "tokens": [1000], "batches": [6], "split": True, "without_checkpointing": False}
    order = grid.cells(argparse.Namespace(**settings))
    assert order == [Cell(32, 6, 1000, True), Cell(32, 2, 1000, True, 4), Cell(32, 4, 1000, True, 2)]


def test_cells_of_another_gpu_are_measured_anew(tmp_path: Path) -> None:
    row = {**Cell(8, 1, 1000, True)._asdict(), "median_s": 1.0}
    path = tmp_path / "some-grid.jsonl"
    path.write_text(json.dumps({"facts": {"gpu": "H100"}}) + "\n" + json.dumps(row))
    assert grid.measured([path, tmp_path / "none"], "H100") == {Cell(8, 1, 1000, True)}
    assert grid.measured([path], "H200") == set()


def test_the_cost_model_knows_several_gpus() -> None:
    """Within a tenth of each run: what is waited for, and what ZeRO-2 saves."""
    rows = {length: measured_gpu.real_tokens(CELLS, length) for length in (1000, 2500)}
    assert {(run["gpus"], run["deepspeed"]) for run in SEVERAL_RUNS["runs"]} == {
        *((gpus, "none") for gpus in (1, 2, 4)),
        *((gpus, "zero2") for gpus in (2, 4)),
    }
    for run in SEVERAL_RUNS["runs"] + RESULTS.two["runs"]:
        settings = {"deepspeed": run["deepspeed"], "tokens_per_sample": rows[run["tokens"]]}
        preset = make_preset("cell", settings, PRESETS["rank32"])
        assert cost_of(preset, run["gpus"], gpu_named("H200")).step_s == pytest.approx(run["step_s"], rel=0.1)


def test_what_was_stopped_under_zero2_went_on_where_it_was() -> None:
    for several, gpus in ((SEVERAL_RUNS, 4), (RESULTS.two, 2)):
        (stopped,) = several["stopped"]
        assert stopped["exits"] == [85, 0]
        assert stopped["resumed_from"] == [None, stopped["stopped_at"]]
        assert [step for step, _ in stopped["losses"]] == list(range(1, 11))
        alone = measured_several.find(several, gpus, "zero2", 1000)["losses"]
        assert [loss for _, loss in stopped["losses"]] == pytest.approx(alone, rel=0.004)


def test_a_save_under_zero2_is_as_quick_as_under_ddp() -> None:
    ddp, zero2 = (measured_several.find(RESULTS.two, 2, how, 1000)["saves"] for how in ("none", "zero2"))
    for one, other in zip(ddp, zero2, strict=True):
        assert other["seconds"] < 1.1 * one["seconds"]


def test_the_forecast_of_a_jobs_clicks_is_that_measured() -> None:
    device, rows = gpu_named("H100"), {length: measured_gpu.real_tokens(CELLS, length) for length in (1000, 2500)}
    (long,) = (
        one for one in RESULTS.asked["exactly"] if (one["tokens"], one["at_once"], one["answer"]) == (2500, 16, 20)
    )
    (short,) = (
        one for one in RESULTS.asked["exactly"] if (one["tokens"], one["at_once"], one["answer"]) == (1000, 16, 20)
    )
    for one in (short, long):
        settings = {"tokens_per_sample": rows[one["tokens"]], "image_max_pixels": fit.PIXELS}
        preset = make_preset("cell", settings, PRESETS["rank32"])
        each = (clicks_s(preset, device) - device.start_up_s) / preset.max_test_samples
        assert each == pytest.approx(statistics.median(one["seconds"]) / 16, rel=0.1)


def test_the_first_batch_of_an_evaluation_does_not_count() -> None:
    assert measured_asked.row_s({"answered": [[30.0, 16], [34.0, 32], [38.0, 48]]}) == pytest.approx(0.25)


def test_a_group_of_gpus_is_held_against_single_ones() -> None:
    several = {
        "runs": [
            {"gpus": 1, "deepspeed": "none", "tokens": 9, "samples_per_s": 2.0},
            {"gpus": 4, "deepspeed": "none", "tokens": 9, "samples_per_s": 6.0},
        ]
    }
    assert measured_several.efficiency(several, several["runs"][1]) == pytest.approx(0.75)
    with pytest.raises(KeyError):
        measured_several.find(several, 2, "none", 9)


def test_the_first_step_does_not_count(tmp_path: Path) -> None:
    row = {**Cell(8, 1, 1000, True)._asdict(), "row_tokens": 976, "peak_bytes": 1, "reserved_bytes": 2}
    path = tmp_path / "grid.jsonl"
    path.write_text(
        json.dumps({"facts": {}})
        + "\n"
        + json.dumps({**row, "step_s": [9, 1, 2], "loading_s": [8, 3, 4], "median_s": 1.5})
    )
    (measured,) = read_grid(path)
    assert (measured.steps_s, measured.loading_s) == ((1.0, 2.0), (3.0, 4.0))


def test_the_fitted_formula_is_the_forecasts() -> None:
    for name, points in POINTS.items():
        for point in points:
            expected = cost_of(fit.preset_of(point.measured), 1, gpu_named(name)).step_s
            assert fit.seconds(point, fit.shipped(name)) == pytest.approx(expected, rel=1e-9)


def test_a_fit_finds_the_constants_that_made_the_times() -> None:
    true = fit.Constants(400e12, 0.2, 0.7, 9000, 0.7)
    points = [point._replace(seconds=fit.seconds(point, true)) for point in POINTS["H200"]]
    found = fit.fit(points, fit.shipped("H200"))
    assert max(abs(fit.error(point, found)) for point in points) < 0.02
    assert fit.fit(points, fit.shipped("H100"), fit.FREE["H100"])[3:] == fit.shipped("H100")[3:]


def test_left_out_cells_are_not_fitted_to() -> None:
    points = POINTS["H200"]
    wrong = [point._replace(seconds=point.seconds * (3 if point.measured.cell.rank == 64 else 1)) for point in points]
    found = fit.left_out(wrong, lambda measured: measured.cell.rank, fit.shipped("H200"))
    assert sum(map(len, found.values())) == len(points)
    assert sorted(off for _, off in found[64])[7] == pytest.approx(math.log(3), abs=0.1)


def test_the_cost_model_predicts_lengths_and_ranks_it_has_not_seen() -> None:
    for name, points in POINTS.items():
        for group in (lambda measured: measured.cell.tokens, lambda measured: measured.cell.rank):
            for hidden in fit.left_out(points, group, fit.shipped(name), fit.FREE[name]).values():
                off = sorted(abs(value) for _, value in hidden)
                assert off[len(off) // 2] < 0.05


def test_flop_of_a_sample_counted_by_hand() -> None:
    shape = SHAPES["Qwen/Qwen3-VL-8B-Instruct"]
    assert decoder_parameters() == 36 * (4096 * (4096 + 1024 + 1024 + 4096) + 3 * 4096 * 12288)
    one = sample_flop(32, 1, 0)
    by_hand = 4 * (decoder_parameters() + 4096 * int(TEXT_8B["vocab_size"])) + 6 * lora_parameters(shape, 32)
    assert one == pytest.approx(by_hand, rel=1e-4)
    # a second forward pass makes it the compute that `sizing` gives for gradient checkpointing
    assert sample_flop(32, 1, 0, recomputed=True) == pytest.approx(sizes(PRESETS["rank32"]).flop_per_token, rel=1e-3)
    doubled = sample_flop(32, 2000, 0) - 2 * sample_flop(32, 1000, 0)
    assert doubled == pytest.approx(3 * 2 * (2000**2 - 2 * 1000**2) * 4096 * 36)
    # `projection.cost` takes 7.7 GFLOP a visual token for pages of the usual size
    assert vision_flop(2040) / 2040 == pytest.approx(7.7e9, rel=0.05)


def test_utilisation_is_the_share_of_the_peak() -> None:
    cell = Cell(32, 2, 1000, True, 2)
    one = utilisation(made(cell, 2.0))
    assert one == pytest.approx(4 * sample_flop(32, 1000, 960) / 2.0 / PEAK_FLOPS)
    assert one is not None
    assert utilisation(made(cell, 1.0)) == pytest.approx(2 * one)
    assert (utilisation(made(cell, 2.0), recomputed=True) or 0) > one
    free = made(cell._replace(checkpointing=False), 2.0)
    assert utilisation(free, recomputed=True) == utilisation(free)
    assert utilisation(made(cell)) is None


def test_memory_is_known_within_a_gib_and_a_half_and_says_what_runs_out() -> None:
    in_pieces = {Cell(rank, 6, 4000, True) for rank in (32, 64)}
    for name, cells in RESULTS.grids.items():
        total = RESULTS.wholes[name]["facts"]["gpu_bytes"]
        for measured in cells:
            estimate = (sizes(fit.preset_of(measured)).gpu_memory_bytes or 0) - measured_gpu.RUNTIME
            if measured.median_s is None:
                assert estimate > total or (name == "H100" and measured.cell in in_pieces)
            else:
                assert estimate < total
                assert estimate == pytest.approx(measured.peak_bytes, abs=1.5 * GIB)


def test_out_of_memory_and_what_was_not_run_are_said() -> None:
    table = measured_gpu.of_one_rank(RESULTS.grids["H100"], 32, CELLS, checkpointing=False)
    assert table.count(measured_gpu.OUT_OF_MEMORY) == 9 + 5
    fewer = [measured for measured in CELLS if measured.cell != Cell(16, 8, 4000, True)]
    table = measured_gpu.by_rank(fewer, measured_gpu.step_words, checkpointing=True)
    assert table.count(measured_gpu.NOT_RUN) == 1


def test_between_measured_lengths_times_are_linear_and_beyond_they_are_refused() -> None:
    cells = [made(Cell(32, 4, 1000, True), 1.0, 1000), made(Cell(32, 4, 2000, True), 3.0, 2000)]
    assert measured_verdicts.micro_batch_s(cells, 32, 4, 1500) == pytest.approx(2.0)
    hours = measured_verdicts.run_hours(cells, PRESETS["rank32"], 1500)
    assert hours == pytest.approx(1110 * 2 * 2.0 / 3600)
    with pytest.raises(ValueError, match="outside"):
        measured_verdicts.micro_batch_s(cells, 32, 4, 2001)


def test_the_verdict_on_the_rank_follows_the_figures() -> None:
    slower = [
        dataclasses.replace(measured, median_s=seconds * 1.7) if measured.cell.rank == 64 else measured
        for measured, seconds in timed(CELLS)
    ]
    (line,) = (row for row in measured_verdicts.claims({"H200": slower}).splitlines() if "rank 32, not 64" in row)
    assert "-42.0 % step time" in line


def test_the_section_says_what_was_not_measured() -> None:
    words = " ".join(section(RESULTS).split())
    for said in (
        "more than one H100 at once",
        "more than four GPUs",
        "Extrapolated, not measured",
        "CPU figure",
    ):
        assert said in words
    for name in GRIDS:
        assert gpu_named(name).source.startswith("measured")
