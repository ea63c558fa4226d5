"""`merge`: base model and adapter become one model, which is compared with them before it gets its name.

The merged weights are rounded to the model's precision, so in bf16 its logits differ a little. What must not differ is
what it says: wherever the adapter prefers one token clearly, the merged model must prefer the same one.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer.answers import Loaded, Source, ask, inputs, load
from trainer.problem import Problem

TOLERANCE: Final = {"float32": 1e-3, "bfloat16": 0.5, "float16": 0.25}
"""Logits: how far apart the two best tokens must be for the choice to be clear, by the precision of the weights."""
SAMPLES: Final = 6
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """How merged model and adapter compare on sample pages.

    Args:
        samples: questions asked.
        equal_answers: of those, answered with the same text.
        tokens: tokens of the adapter's answers; every one was compared.
        changed: clear choices that came out differently; the merge is refused if there is one.
        largest_difference: between logits of the merged model and of the adapter.
        adapter_effect: the largest difference that the adapter makes to the base model's logits, for scale.
    """

    samples: int
    equal_answers: int
    tokens: int
    changed: int
    largest_difference: float
    adapter_effect: float

    def in_words(self) -> str:
        """One or two lines for people."""
        return (
            f"checked on {self.samples} pages: {self.equal_answers} of {self.samples} answers are equal, "
            f"{self.changed} of {self.tokens} clear choices changed\n"
            f"logits differ by at most {self.largest_difference:.2g}; the adapter itself changes them by up to "
            f"{self.adapter_effect:.2g}"
        )


def merge(source: Source, out: Path, say: Callable[[str], None] = lambda _: None) -> Agreement:
    """Merges with LLaMA-Factory's export, compares, and only then puts the result at `out`.

    Args:
        say: told what happens, as "progress DONE/ALL: WHAT", which the app shows as a bar.

    Raises: Problem if there is no adapter, `out` is not new, the export fails, or the merged model answers differently.
    """
    if source.adapter is None:
        raise Problem("there is no adapter to merge", "Give --adapter-path, a run's output folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Problem(f"{out} exists", "Choose another folder with --out, or move it away.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".merge-", dir=out.parent))
        try:
            merged = work / "merged"
            say(f"progress 0/{_PARTS}: merging the weights")
            _export(source, merged)
            agreement = compare(source, merged, say)
            if agreement.changed:
                hint = "The result was deleted. Is the adapter of exactly this base model?"
                raise Problem(f"the merged model answers differently: {agreement.in_words()}", hint)
            merged.replace(out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise Problem(f"{error.filename or out}: {error.strerror or error}", "Is there room for the model?") from error
    return agreement


def _export(source: Source, folder: Path) -> None:
    from llamafactory.train.tuner import export_model

    arguments = {
        "model_name_or_path": source.model,
        "adapter_name_or_path": str(source.adapter),
        "template": "qwen3_vl_nothink",
        "finetuning_type": "lora",
        "export_dir": str(folder),
        "export_size": 5,  # GB a file
        "export_device": "cpu",
        "infer_dtype": _precision(source.model),
    }
    try:
        export_model(arguments)
    except Exception as error:  # safetensors, peft and transformers each raise kinds of their own
        hint = "Are base model and adapter complete, and made for each other?"
        raise Problem(f"the merge failed: {str(error).strip() or type(error).__name__}", hint) from error
    finally:
        gc.collect()  # the next two models need the memory


def _precision(model: str) -> str:
    """The precision that the base model's weights are stored in."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model)
    precision = str(getattr(config, "dtype", None) or "bfloat16").removeprefix("torch.")
    return precision if precision in TOLERANCE else "bfloat16"


def compare(source: Source, merged: Path, say: Callable[[str], None] = lambda _: None) -> Agreement:
    """Asks the adapter on its base model, then the merged model, the same questions."""
    from trainer.tiny import draw_pages

    with tempfile.TemporaryDirectory() as folder:
        questions = draw_pages(Path(folder), SAMPLES)
        say(f"progress 1/{_PARTS}: asking the adapter on {SAMPLES} pages")
        loaded = load(source)
        answers = [ask(loaded, [question])[0] for question in questions]
        tuned = [_answer_logits(loaded, question, answer) for question, answer in zip(questions, answers, strict=True)]
        with loaded.model.disable_adapter():
            plain = [
                _answer_logits(loaded, question, answer) for question, answer in zip(questions, answers, strict=True)
            ]
        del loaded
        gc.collect()
        say(f"progress 2/{_PARTS}: asking the merged model the same")
        whole = load(Source(str(merged), None, source.max_pixels))
        again = [ask(whole, [question])[0] for question in questions]
        joined = [_answer_logits(whole, question, answer) for question, answer in zip(questions, answers, strict=True)]
        tolerance = TOLERANCE.get(str(whole.model.dtype).removeprefix("torch."), 0.5)
    return Agreement(
        samples=len(questions),
        equal_answers=sum(a == b for a, b in zip(answers, again, strict=True)),
        tokens=sum(len(logits) for logits in tuned),
        changed=sum(_changed(a, b, tolerance) for a, b in zip(tuned, joined, strict=True)),
        largest_difference=max(float((a - b).abs().max()) for a, b in zip(tuned, joined, strict=True)),
        adapter_effect=max(float((a - b).abs().max()) for a, b in zip(tuned, plain, strict=True)),
    )


def _answer_logits(loaded: Loaded, question: tuple[Path, str], answer: str) -> Any:
    """Logits (tokens × vocabulary, fp32 on the CPU) from which each token of `answer` and its end are chosen."""
    import torch

    prompt = inputs(loaded, [question])["input_ids"].shape[1]
    with torch.inference_mode():
        logits = loaded.model(**inputs(loaded, [question], [answer])).logits[0]
    return logits[prompt - 1 :].float().cpu()


def _changed(tuned: Any, joined: Any, tolerance: float) -> int:
    best = tuned.topk(2, dim=-1)
    clear = best.values[:, 0] - best.values[:, 1] > tolerance
    return int((clear & (best.indices[:, 0] != joined.argmax(dim=-1))).sum())
