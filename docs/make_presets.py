"""Makes the tables of docs/presets.md: the guide's claims beside what is computed and measured.

    python -m docs.make_presets [--check]

`--check` writes nothing and exits 1 if the page is out of date.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench.gpu.measured import read_results
from bench.tables import markdown_table, put_between_marks
from docs.measured_section import section
from docs.measured_verdicts import GPUS, HOURS
from websight_tui.presets import BUILT_IN, Preset, make_preset
from websight_tui.sizing import GIB, SHAPES, lora_parameters, sizes

PAGE: Final = Path(__file__).with_name("presets.md")
MODEL: Final = "Qwen/Qwen3-VL-8B-Instruct"


class Claim(NamedTuple):
    """What the guide says about a rank; "" where it says nothing."""

    parameters: str = ""
    adapter: str = ""
    training_state: str = ""
    hours: str = ""


CLAIMS: Final = {
    8: Claim(),
    16: Claim("", "125 MB", "", "4-5 h"),
    32: Claim("33 M", "250 MB", "1 GB", "6-8 h"),
    64: Claim("67 M", "500 MB", "2 GB", "10-12 h"),
    128: Claim(),
}


def by_rank() -> str:
    """One row a rank: sizes on disk and in memory, each beside the guide's."""
    rows = []
    for rank, claim in CLAIMS.items():
        trainable = lora_parameters(SHAPES[MODEL], rank)
        rows.append(
            [
                str(rank),
                _beside(f"{trainable / 1e6:.1f} M", claim.parameters),
                _beside(f"{trainable * 2 / 1e6:,.0f} MB", claim.adapter),
                f"{trainable * 16 / 1e9:.2f} GB",
                f"{trainable * 4 / 1e6:,.0f} MB",
                f"{trainable * 12 / 1e9:.2f} GB",
                _beside(f"{trainable * 16 / 1e9:.1f} GB", claim.training_state),
            ]
        )
    head = ["rank", "trainable", "adapter (ZeRO-2: bf16)", "checkpoint", "adapter (DDP: fp32)", "checkpoint"]
    head += ["weights, gradients, optimizer"]
    return markdown_table(head, rows)


def compute_by_rank() -> str:
    """One row a rank: compute of a token against rank 32, beside the guide's time."""
    base = _flop(32)
    rows = [
        [
            str(rank),
            f"{_flop(rank) / 1e9:.2f} GFLOP",
            f"{_flop(rank) / base - 1:+.1%}" if rank != 32 else "–",
            claim.hours or "–",
        ]
        for rank, claim in CLAIMS.items()
    ]
    return markdown_table(["rank", "compute a token", "against rank 32", "the guide's time"], rows)


def by_preset() -> str:
    """One row a preset: steps, memory and the compute of the whole run against rank32's."""
    presets = [preset for preset in BUILT_IN if preset.model_name_or_path == MODEL]
    base = _whole_run(next(preset for preset in presets if preset.name == "rank32"))
    rows = []
    for preset in presets:
        memory = sizes(preset).gpu_memory_bytes or 0
        effective = preset.effective_batch(GPUS)
        rows.append(
            [
                f"`{preset.name}`",
                f"{preset.lora_rank}/{preset.lora_alpha}",
                f"{preset.num_train_epochs:g}",
                f"{preset.per_device_train_batch_size} × {preset.gradient_accumulation_steps} → {effective}",
                f"{preset.total_steps(GPUS):,}",
                f"{memory / GIB:.0f} GiB",
                f"{_whole_run(preset) / base:.2f}",
                HOURS.get(preset.name, "–"),
            ]
        )
    head = ["preset", "rank/alpha", "epochs", "batch × accumulation", "steps"]
    return markdown_table([*head, "memory a GPU", "compute of the run", "the guide's hours"], rows)


def _beside(computed: str, claimed: str) -> str:
    return f"{computed} (guide: {claimed})" if claimed else computed


def _flop(rank: int) -> float:
    return sizes(make_preset("one", {"lora_rank": rank, "lora_alpha": 2 * rank})).flop_per_token or 0.0


def _whole_run(preset: Preset) -> float:
    """FLOP of all samples of a run; how they are cut into batches does not change them."""
    rows = min(preset.train_samples, preset.max_samples or preset.train_samples)
    return (sizes(preset).flop_per_token or 0.0) * preset.tokens_per_sample * rows * preset.num_train_epochs


def fill(page: Path) -> None:
    """Puts all tables into the page. Raises ValueError if it lacks their marks."""
    put_between_marks(page, "by-rank", by_rank())
    put_between_marks(page, "compute-by-rank", compute_by_rank())
    put_between_marks(page, "by-preset", by_preset())
    put_between_marks(page, "measured-gpu", section(read_results()))


def main() -> int:
    """Fills the page, or with --check says whether that would change it."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_presets", description="Makes docs/presets.md's tables.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if the page is out of date")
    if not parser.parse_args().check:
        fill(PAGE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PAGE.name
        copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
        fill(copy)
        if copy.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8"):
            return 0
    print(f"{PAGE} is out of date: run python -m docs.make_presets", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
