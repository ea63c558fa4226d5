"""What the doctor's tests have in common: a cluster is examined, one finding is taken out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from websight_tui.config import Cluster, load_config
from websight_tui.presets import Preset
from websight_tui.remote.opening import open_transport
from websight_tui.remote.port import Prompter, Transport, Unattended
from websight_tui.runs.bundle import Bundle
from websight_tui.runs.checks.finding import Doing, Finding
from websight_tui.runs.doctor import examine
from websight_tui.runs.plan import LaunchPlan, plan_launch

CONFIG = load_config(Path("/nonexistent/config.toml"))
SMALL = Bundle({"trainer/__init__.py": b"", "slurm/job.sh": b"exit 0\n"})
"""Not a trainer: what must be refused with words."""


def opener(cluster: Cluster) -> Transport:
    return open_transport(cluster.endpoint, login_shell=cluster.login_shell)


def plan_for(cluster: Cluster, preset: Preset | None = None, bundle: Bundle | None = None) -> LaunchPlan:
    return plan_launch(CONFIG, cluster, preset or CONFIG.presets["tiny"], now=time.time(), bundle=bundle)


def examined(
    cluster: Cluster,
    preset: Preset | None = None,
    *,
    prompter: Prompter | None = None,
    bundle: Bundle | None = SMALL,
    open_transport: Callable[[Cluster], Transport] = opener,
) -> list[Finding]:
    plan = plan_for(cluster, preset, bundle)
    told: list[Doing | Finding] = []
    examine(cluster, plan, open_transport=open_transport, prompter=prompter or Unattended(), tell=told.append)
    return [item for item in told if isinstance(item, Finding)]


def of(findings: list[Finding], check: str) -> Finding:
    """The one finding of a check."""
    found = [finding for finding in findings if finding.check == check]
    assert len(found) == 1, findings
    return found[0]
