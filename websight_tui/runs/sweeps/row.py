"""One row of a sweep's table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from websight_tui.presets import Preset
from websight_tui.projection.model import Verdict
from websight_tui.runs.phase import OVER
from websight_tui.runs.state import Evaluation, Phase


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One run of a sweep; None is what is not known (yet).

    Args:
        preset: as it was planned.
        state: in words; "not submitted" before its submission was begun.
        share: of the steps that are done, 0 to 1.
        loss: training loss, smoothed. eval_loss: of the newest evaluation.
        accuracy: share of clicks inside the target, low and high its 95 % interval; `asked` test rows.
        clicks: how the job stands that measures it, of `to_ask` rows with `asked` behind it; `why` it failed.
        expected: whether the run was launched with one. open: whether it has finished and that is still to come.
        seconds: that its jobs took, or so far; `forecast_s` is what was forecast before the launch.
        adapter_bytes: as they lie on the cluster's disk.
    """

    run_id: str
    preset: Preset
    phase: Phase | None
    state: str
    share: float | None = None
    verdict: Verdict | None = None
    loss: float | None = None
    eval_loss: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    clicks: Evaluation = Evaluation.NONE
    asked: int = 0
    to_ask: int = 0
    why: str = ""
    expected: bool = False
    open: bool = False
    seconds: float | None = None
    forecast_s: float | None = None
    adapter_bytes: int | None = None

    @property
    def over(self) -> bool:
        return self.phase in OVER

    @property
    def can_be_submitted(self) -> bool:
        """Whether it has no job and none is on its way: never begun, or refused."""
        return self.phase in (None, Phase.REJECTED)

    @property
    def can_be_measured(self) -> bool:
        """Whether it has an adapter whose clicks nobody has measured or is about to."""
        idle = self.clicks in (Evaluation.NONE, Evaluation.FAILED) and self.accuracy is None and not self.open
        return idle and self.adapter_bytes is not None and bool(self.preset.test_dataset)
