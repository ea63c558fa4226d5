"""What a sweep would come to, before it is launched: hours in all, and whether the site lets so many jobs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from websight_tui.projection.cost import clicks_s
from websight_tui.projection.gpus import gpu_named
from websight_tui.projection.model import Verdict
from websight_tui.runs.plan import LaunchPlan
from websight_tui.runs.state import ClusterView
from websight_tui.slurm_commands.job_counts import JobCounts
from websight_tui.words import duration


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the runs of a sweep.

    Args:
        runs: how many. unknown: of how many no forecast could be made; they are in none of the sums.
        seconds: of all forecasts one after the other. longest: the longest of them.
        gpu_hours: seconds × GPUs.
        late: how many would not fit their limit.
    """

    runs: int
    unknown: int
    seconds: float
    longest: float
    gpu_hours: float
    late: int

    def words(self) -> str:
        """ "4 runs, 19 h 40 min of jobs in all (157 GPU hours), the longest 6 h 10 min; 1 will not fit its limit." """
        return "; ".join([", ".join(self.sums()), *self.doubts()]) + "."

    def sums(self) -> list[str]:
        """How many, how long in all, and the longest."""
        runs = f"{self.runs} run{'s' * (self.runs != 1)}"
        if not self.seconds:
            return [runs]
        gpus = f" ({self.gpu_hours:,.0f} GPU hours)" if self.gpu_hours >= 0.5 else ""
        return [f"{runs}, about {duration(self.seconds)} of jobs in all{gpus}", f"the longest {duration(self.longest)}"]

    def doubts(self) -> list[str]:
        """What is not known, and what will not end in time."""
        said = [f"of {self.unknown} nothing is known"] if self.unknown else []
        if self.late:
            said.append(f"{self.late} will not fit {'its' if self.late == 1 else 'their'} limit")
        return said


def totals(plans: Sequence[LaunchPlan]) -> Totals:
    """The sums over `plans`."""
    known = [
        (plan.forecast.seconds, (plan.spec.preset.gpus_per_node or 0) * plan.spec.preset.nodes)
        for plan in plans
        if plan.forecast is not None and plan.forecast.seconds is not None
    ]
    return Totals(
        len(plans),
        len(plans) - len(known),
        sum(seconds for seconds, _ in known),
        max((seconds for seconds, _ in known), default=0.0),
        sum(seconds * gpus for seconds, gpus in known) / 3600,
        sum(plan.forecast is not None and plan.forecast.verdict is Verdict.WILL_NOT_FIT for plan in plans),
    )


def evaluation_words(plans: Sequence[LaunchPlan], gpu: str) -> str:
    """What measuring the clicks of `plans` takes, before the launch; "" if none of them will be measured.

    Args:
        gpu: the cluster's kind of GPU, as configured.
    """
    specs = [plan.spec for plan in plans if plan.spec.evaluate]
    if not specs:
        return ""
    rows = sorted({spec.preset.max_test_samples for spec in specs})
    span = f"{rows[0]:,}" if len(rows) == 1 else f"{rows[0]:,} to {rows[-1]:,}"
    longest = max(clicks_s(spec.preset, gpu_named(gpu)) for spec in specs)
    gpu_s = sum(clicks_s(spec.preset, gpu_named(gpu)) for spec in specs if spec.preset.gpus_per_node)
    device = "1 GPU" if gpu_s else "no GPU"
    each = f"about {duration(longest)}" + (" each" if len(specs) > 1 else "")
    in_all = f" ({gpu_s / 3600:,.1f} GPU hours in all)" if gpu_s >= 360 else ""
    return f"Afterwards a job with {device} measures clicks on {span} test rows: {each}{in_all}."


def limit_words(counts: JobCounts | None, runs: int, view: ClusterView | None) -> list[str]:
    """What the site's limits mean for `runs` more jobs; nothing where they are not known or in nobody's way.

    Args:
        view: the cluster with the user's live jobs.
    """
    if counts is None:
        return []
    there = len(view.queue) if view is not None else 0
    said = []
    if counts.submitted is not None and there + runs > counts.submitted:
        room = max(0, counts.submitted - there)
        said.append(
            f"The site allows {counts.submitted} of your jobs in the queue, {there} are there: {room} of these {runs} "
            "will be taken, the rest can be submitted later."
        )
    if counts.running is not None and there + runs > counts.running:
        said.append(f"The site runs {counts.running} of your jobs at once; the others wait.")
    return said
