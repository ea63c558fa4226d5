"""Step time and memory of LoRA on one GPU over rank × micro-batch × tokens × gradient checkpointing.

    python -m bench.gpu.grid FOLDER --out grid.json [--ranks 32 64 8 128 16] [--batches 1 2 4 6 8] …

Every cell is a few optimizer steps of LLaMA-Factory's own trainer on the arguments that a preset gives; the base model
is loaded once and gets a new adapter for each rank. The first step of a cell is not counted. An out-of-memory error is
a result. Writes one JSON object a cell as it is measured, so that a run that is cut short keeps what it has.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import statistics
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

SPLITS: Final = ((2, 4), (4, 2), (6, 1))
"""Micro-batch × accumulation of the guide's presets."""


class Cell(NamedTuple):
    """One combination; `accumulation` micro-batches make an optimizer step."""

    rank: int
    batch: int
    tokens: int
    checkpointing: bool
    accumulation: int = 1


def cells(args: argparse.Namespace) -> list[Cell]:
    """The cells in an order that needs few new adapters and keeps the most telling first."""
    first, *others = args.ranks

    def grid(rank: int, checkpointing: bool) -> list[Cell]:
        return [Cell(rank, batch, tokens, checkpointing) for tokens in args.tokens for batch in args.batches]

    order = grid(first, True)
    if args.split:
        order += [Cell(first, batch, args.tokens[0], True, accumulation) for batch, accumulation in SPLITS]
    if args.without_checkpointing:
        order += grid(first, False)
    for rank in others:
        order += grid(rank, True)
        if args.without_checkpointing:
            order += grid(rank, False)
    return list(dict.fromkeys(order))


def measured(files: list[Path], gpu: str) -> set[Cell]:
    """The cells that stand in earlier results of the same kind of GPU."""
    found = set()
    for file in files:
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        if {row["facts"]["gpu"] for row in rows if "facts" in row} == {gpu}:
            found |= {Cell(*(row[name] for name in Cell._fields)) for row in rows if "rank" in row}
    return found


class StepTimer:
    """Seconds of each optimizer step (GPU work included) and of loading its rows, as a transformers callback."""

    def __new__(cls) -> Any:
        import torch
        from transformers import TrainerCallback

        class Timer(TrainerCallback):  # type: ignore[misc]
            def __init__(self) -> None:
                self.seconds: list[float] = []
                self.loading: list[float] = []
                self.at = 0.0

            def _now(self) -> float:
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                return time.perf_counter()

            def on_train_begin(self, *_: Any, **__: Any) -> None:
                self.at = self._now()

            def on_step_begin(self, *_: Any, **__: Any) -> None:
                now = self._now()
                self.loading.append(now - self.at)
                self.at = now

            def on_step_end(self, *_: Any, **__: Any) -> None:
                now = self._now()
                self.seconds.append(now - self.at)
                self.at = now

        return Timer()


class Bench:
    """The loaded base model, and what LLaMA-Factory needs to train an adapter on it."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        self.model: Any = None
        self.rank = 0
        self.datasets: dict[int, Any] = {}
        self.tokenizer_module: Any = None

    def _parsed(self, cell: Cell, steps: int) -> Any:
        from llamafactory.hparams import get_train_args

        from trainer.arguments import llamafactory_arguments
        from trainer.spec import read_spec
        from websight_tui.presets import Preset
        from websight_tui.runspec import RunSpec, to_json

        preset = Preset(
            name="cell",
            model_name_or_path=str(self.folder / "model"),
            dataset_dir=str(self.folder / "pages"),
            dataset=f"pages_{cell.tokens}",
            eval_dataset="",
            lora_rank=cell.rank,
            lora_alpha=2 * cell.rank,
            per_device_train_batch_size=cell.batch,
            gradient_accumulation_steps=cell.accumulation,
            gradient_checkpointing=cell.checkpointing,
            image_max_pixels=16_777_216,
            flash_attn="sdpa",
            deepspeed="none",
            report_to="none",
            gpus_per_node=1,
            time_limit="1:00:00",
        )
        spec = RunSpec("cell", "wst-000000000000", 0.0, "gpu", preset, str(self.work), "bench")
        run_dir = Path(spec.run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        (run_dir / "run.json").write_text(to_json(spec))
        arguments = llamafactory_arguments(read_spec(run_dir))
        arguments |= {"max_steps": steps, "save_strategy": "no", "overwrite_cache": True, "logging_steps": 1000}
        # no worker processes: forking a process that holds the model can hang, and loading is measured apart
        arguments |= {"dataloader_num_workers": 0, "preprocessing_num_workers": 1}
        if not torch_has_cuda():
            arguments |= {"use_cpu": True, "bf16": False}
        return get_train_args(arguments)

    def _prepare(self, cell: Cell, parsed: Any) -> Any:
        """The data set of the cell's length and a model with an adapter of its rank."""
        from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
        from llamafactory.model import load_model, load_tokenizer
        from llamafactory.model.adapter import init_adapter

        model_args, data_args, training_args, finetuning_args, _ = parsed
        if self.tokenizer_module is None:
            self.tokenizer_module = load_tokenizer(model_args)
        template = get_template_and_fix_tokenizer(self.tokenizer_module["tokenizer"], data_args)
        if cell.tokens not in self.datasets:
            self.datasets[cell.tokens] = get_dataset(
                template, model_args, data_args, training_args, stage="sft", **self.tokenizer_module
            )
        if self.model is None:
            self.model = load_model(self.tokenizer_module["tokenizer"], model_args, finetuning_args, is_trainable=True)
        elif self.rank != cell.rank:
            base = self.model.unload()
            self.model = init_adapter(base.config, base, model_args, finetuning_args, is_trainable=True)
            self.model.train()
        self.rank = cell.rank
        return template

    def measure(self, cell: Cell, steps: int) -> dict[str, Any]:
        """One cell's figures: seconds a step (each, median), peak bytes, samples and tokens a second; or "oom"."""
        import torch
        from llamafactory.data import SFTDataCollatorWith4DAttentionMask
        from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer

        parsed = self._parsed(cell, steps)
        model_args, _, training_args, finetuning_args, _ = parsed
        template = self._prepare(cell, parsed)
        base = self.model.get_base_model()
        if cell.checkpointing:
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
        else:
            base.gradient_checkpointing_disable()
        cuda = torch.cuda.is_available()
        timer = StepTimer()
        collator = SFTDataCollatorWith4DAttentionMask(
            template=template,
            model=self.model,
            pad_to_multiple_of=8,
            label_pad_token_id=-100,
            block_diag_attn=False,
            attn_implementation="sdpa",
            compute_dtype=model_args.compute_dtype,
            **self.tokenizer_module,
        )
        dataset = self.datasets[cell.tokens]
        length = len(dataset["train_dataset"][0]["input_ids"])
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        row: dict[str, Any] = {**cell._asdict(), "row_tokens": length}
        trainer = None
        try:
            trainer = CustomSeq2SeqTrainer(
                model=self.model,
                args=training_args,
                finetuning_args=finetuning_args,
                data_collator=collator,
                callbacks=[timer],
                **dataset,
                **self.tokenizer_module,
            )
            trainer.train()
        except torch.cuda.OutOfMemoryError:
            row["oom"] = True
        row["peak_bytes"] = torch.cuda.max_memory_allocated() if cuda else None
        row["reserved_bytes"] = torch.cuda.max_memory_reserved() if cuda else None
        if trainer is not None:
            trainer.optimizer = trainer.lr_scheduler = None
        del trainer
        self.model.zero_grad(set_to_none=True)
        gc.collect()
        if "oom" not in row:
            counted = timer.seconds[1:]
            median = statistics.median(counted)
            samples = cell.batch * cell.accumulation
            row |= {
                "step_s": [round(s, 5) for s in timer.seconds],
                "loading_s": [round(s, 5) for s in timer.loading],
                "median_s": median,
                "spread_s": max(counted) - min(counted),
                "samples_per_s": samples / median,
                "tokens_per_s": samples * length / median,
            }
        return row


def torch_has_cuda() -> bool:
    """Whether there is a GPU; without one the cells are a dry run of this script."""
    import torch

    return bool(torch.cuda.is_available())


def facts() -> dict[str, Any]:
    """The machine and the versions, for the head of the file."""
    import importlib.metadata as metadata
    import platform

    import torch

    names = ["torch", "transformers", "peft", "llamafactory", "accelerate", "trl", "datasets"]
    names += ["deepspeed"] if importlib.util.find_spec("deepspeed") else []
    return {
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "gpu_bytes": torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0,
        "gpus": torch.cuda.device_count(),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: metadata.version(name) for name in names},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="made by bench.gpu.model8b")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ranks", type=int, nargs="+", default=[32, 64, 8, 128, 16], help="the first one in full")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 6, 8])
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000, 2500, 4000])
    parser.add_argument("--steps", type=int, default=4, help="optimizer steps a cell; the first is not counted")
    parser.add_argument("--seconds", type=float, default=540, help="no new cell is begun after this")
    parser.add_argument("--without-checkpointing", action="store_true", help="every cell also without it")
    parser.add_argument("--split", action="store_true", help="also 2×4, 4×2 and 6×1 at the shortest length")
    parser.add_argument("--done", type=Path, nargs="*", default=[], help="earlier results; their cells are left out")
    args = parser.parse_args()
    begun = time.monotonic()
    bench = Bench(args.folder, args.folder / "work" / args.out.stem)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    machine = facts()
    done = measured(args.done, machine["gpu"])
    with args.out.open("a") as out:
        out.write(json.dumps({"facts": machine}) + "\n")
        for cell in [cell for cell in cells(args) if cell not in done]:
            if time.monotonic() - begun > args.seconds:
                print("out of time", flush=True)
                break
            row = bench.measure(cell, args.steps)
            out.write(json.dumps(row) + "\n")
            out.flush()
            brief = "out of memory" if "oom" in row else f"{row['median_s']:.3f} s"
            print(f"{time.monotonic() - begun:5.0f} s  {cell}  {brief}", flush=True)


if __name__ == "__main__":
    main()
