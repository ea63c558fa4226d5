"""run.json: everything needed to reproduce a run, written once at submit, read by the trainer on the cluster.

`RunSpec` is the app's side of the contract; `trainer/spec.py` is the other. A test holds the two together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from websight_tui.errors import WebsightError
from websight_tui.presets import Preset, make_preset

RUN_JSON_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run as it is submitted.

    Args:
        run_id: "<preset>-<yymmdd-HHMMSS>-<4 hex>"; also the run folder's name.
        token: "wst-<12 hex>", unique to this submission; goes into --comment and the job's name.
        created_at: Unix time in seconds.
        cluster: the cluster's name in the user's configuration.
        preset: all training settings and resources, with None replaced by the cluster's values.
        root: absolute folder on the cluster that holds runs/ and bundles/.
        bundle: content hash of the uploaded trainer/ and slurm/.
        account, partition, qos: for sbatch; "" leaves it to the cluster.
        setup: shell lines that run before the trainer (module load …, source venv/bin/activate).
        python: the Python that has LLaMA-Factory, on the cluster.
        evaluate: whether a job that measures the clicks of its adapter follows once the run has finished.
    """

    run_id: str
    token: str
    created_at: float
    cluster: str
    preset: Preset
    root: str
    bundle: str
    account: str = ""
    partition: str = ""
    qos: str = ""
    setup: tuple[str, ...] = ()
    python: str = "python3"
    evaluate: bool = False

    @property
    def run_dir(self) -> str:
        return f"{self.root}/runs/{self.run_id}"

    @property
    def out_dir(self) -> str:
        """LLaMA-Factory's output_dir."""
        return f"{self.run_dir}/out"

    @property
    def bundle_dir(self) -> str:
        return f"{self.root}/bundles/{self.bundle}"

    @property
    def events_path(self) -> str:
        return f"{self.run_dir}/events.jsonl"

    @property
    def job_name(self) -> str:
        """What squeue shows; begins with the token, by which the job is found again."""
        return f"{self.token}-{self.preset.name}"

    def config_digest(self) -> str:
        """12 hex digits over the settings that decide the result (what may not change on resume)."""
        text = json.dumps(dataclasses.asdict(self.preset), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def to_json(spec: RunSpec) -> str:
    """run.json's text.

    `{"v": 1, "run_id", "token", "created_at", "cluster", "preset": {…all fields}, "root", "bundle", "account",
    "partition", "qos", "setup": […], "python", "evaluate", "run_dir", "out_dir", "config_digest"}`
    """
    data: dict[str, Any] = {"v": RUN_JSON_VERSION, **dataclasses.asdict(spec)}
    data |= {"run_dir": spec.run_dir, "out_dir": spec.out_dir, "config_digest": spec.config_digest()}
    return json.dumps(data, indent=1) + "\n"


def from_json(text: str) -> RunSpec:
    """A RunSpec from run.json's text. Raises WebsightError if it is damaged or from a newer version."""
    try:
        data = json.loads(text)
        if not isinstance(data, Mapping) or data.get("v") != RUN_JSON_VERSION:
            raise WebsightError("run.json is of another version", "Update websight-tui.")
        names = {f.name for f in fields(RunSpec)}
        values: dict[str, Any] = {k: v for k, v in data.items() if k in names}
        preset = dict(values["preset"])
        values["preset"] = make_preset(preset.pop("name"), preset)
        values["setup"] = tuple(values.get("setup", ()))
        return RunSpec(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise WebsightError(f"run.json cannot be read: {exc}", "The run folder may be damaged.") from exc
