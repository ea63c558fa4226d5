"""A look at what came of a run, while its evaluation ends."""

from __future__ import annotations

import json
from pathlib import Path

from websight_tui.remote.local import LocalTransport
from websight_tui.remote.port import ExecResult, Unattended
from websight_tui.runs.measuring import measure
from websight_tui.runs.saved_work.beside import evaluating
from websight_tui.runs.state import Evaluation
from websight_tui.runspec import RunSpec


class EndsMeanwhile(LocalTransport):
    """After the results were looked for, and before the job's own folder is read, the evaluation ends."""

    def __init__(self, spec: RunSpec) -> None:
        super().__init__(login_shell=False)
        self._spec = spec

    def exec(self, command: str, **rest: object) -> ExecResult:
        said = super().exec(command, **rest)  # type: ignore[arg-type]
        results = Path(self._spec.out_dir) / "evaluation-test"
        results.mkdir(exist_ok=True)
        (results / "results.json").write_text(json.dumps({"accuracy": 0.5, "low": 0.2, "high": 0.8, "rows": 4}))
        (Path(evaluating(self._spec).folder) / "exit").write_text("0\n")
        return said


def test_an_evaluation_that_ends_between_two_looks_has_its_accuracy(spec: RunSpec) -> None:
    Path(spec.out_dir).mkdir(parents=True)
    (Path(spec.out_dir) / "adapter_model.safetensors").write_bytes(b"x" * 99)
    folder = Path(evaluating(spec).folder)
    (folder / ".submit").mkdir(parents=True)
    (folder / ".submit" / "exit").write_text("0\n")
    (folder / "started").write_text("")
    transport = EndsMeanwhile(spec)
    transport.connect(Unattended())
    found = measure(spec, transport)
    assert (found.evaluation, found.accuracy, found.rows) == (Evaluation.DONE, 0.5, 4)
