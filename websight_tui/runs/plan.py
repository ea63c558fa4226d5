"""What a launch will do, worked out before anything is done."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from websight_tui.bundle_files import bundle_files
from websight_tui.config import Cluster, Config
from websight_tui.presets import Preset, differences
from websight_tui.projection.model import Forecast
from websight_tui.runs.bundle import Bundle
from websight_tui.runspec import RunSpec
from websight_tui.slurm_commands.script import render

HOME_LATER: Final = "~ becomes your home folder there before it is sent"
"""What to say of a script that is shown before the home folder is known."""


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """A launch, ready to be shown and then given to `Engine.submit`.

    Args:
        spec: the run, with the cluster's values filled in. Its root begins with "~/" until the home folder is known.
        script: the job script.
        base: name of the preset that `differences` counts from.
        differences: {field: (base's value, this one's)}.
        upload: (file name, bytes) of all that goes up; the trainer's files only if the cluster lacks them.
        forecast: how long it would take, if that was worked out.
        resumes: whether it adds a job to a run that is there already.
    """

    spec: RunSpec
    script: str
    base: str
    differences: dict[str, tuple[object, object]]
    bundle: Bundle
    upload: tuple[tuple[str, int], ...]
    forecast: Forecast | None = None
    resumes: bool = False

    @property
    def resolved(self) -> bool:
        """Whether its paths are the real ones: nothing in them stands for the home folder there."""
        return not self.spec.root.startswith("~")

    def at(self, home: str) -> LaunchPlan:
        """The same plan with the cluster's home folder put in for "~"."""
        spec = dataclasses.replace(self.spec, root=resolve(self.spec.root, home))
        return self if spec == self.spec else dataclasses.replace(self, spec=spec, script=render(spec))

    def again(self, random: Callable[[int], str] = secrets.token_hex) -> LaunchPlan:
        """The same plan for another try, under a token of its own."""
        spec = dataclasses.replace(self.spec, token=new_token(random))
        return dataclasses.replace(self, spec=spec, script=render(spec))


def plan_launch(
    config: Config,
    cluster: Cluster,
    preset: Preset,
    base: Preset | None = None,
    *,
    now: float,
    random: Callable[[int], str] = secrets.token_hex,
    home: str = "",
    bundle: Bundle | None = None,
    forecast: Forecast | None = None,
) -> LaunchPlan:
    """The plan to launch `preset` on `cluster`.

    Args:
        base: the preset that it was made from; None takes the configured one of the same name.
        now: Unix s.
        random: gives N random bytes as hex.
        home: the account's home folder on the cluster; "" if not known yet.
        bundle: the trainer's files; None reads them from this installation.

    Raises: BundleError if the trainer's files are not there.
    """
    bundle = bundle or Bundle(bundle_files())
    base = base or config.presets.get(preset.name) or preset
    filled = dataclasses.replace(
        preset,
        gpus_per_node=cluster.gpus_per_node if preset.gpus_per_node is None else preset.gpus_per_node,
        time_limit=preset.time_limit or cluster.time_limit,
    )
    moment = datetime.datetime.fromtimestamp(now)
    spec = RunSpec(
        run_id=f"{preset.name}-{moment:%y%m%d-%H%M%S}-{random(2)}",
        token=new_token(random),
        created_at=now,
        cluster=cluster.name,
        preset=filled,
        root=resolve(cluster.root, home),
        bundle=bundle.sha,
        account=cluster.account,
        partition=cluster.partition,
        qos=cluster.qos,
        setup=cluster.setup,
        python=cluster.python,
    )
    upload = tuple((name, len(content)) for name, content in sorted(bundle.files.items()))
    return LaunchPlan(spec, render(spec), base.name, differences(preset, base), bundle, upload, forecast)


def plan_planned(spec: RunSpec, *, bundle: Bundle | None = None) -> LaunchPlan:
    """The plan for a run that was planned before: the same run and token, this installation's trainer."""
    bundle = bundle or Bundle(bundle_files())
    spec = dataclasses.replace(spec, bundle=bundle.sha)
    upload = tuple((name, len(content)) for name, content in sorted(bundle.files.items()))
    return LaunchPlan(spec, render(spec), spec.preset.name, {}, bundle, upload)


def plan_resume(
    spec: RunSpec,
    *,
    random: Callable[[int], str] = secrets.token_hex,
    bundle: Bundle | None = None,
    cluster: Cluster | None = None,
) -> LaunchPlan:
    """The plan for one more job of the run `spec`: same folder, same settings, a token of its own.

    The trainer goes on from the newest valid checkpoint. The trainer's files are this installation's.

    Args:
        cluster: its account, partition, QOS, setup and Python as they are configured now; None keeps the run's.
    """
    bundle = bundle or Bundle(bundle_files())
    changed = dataclasses.replace(spec, token=new_token(random), bundle=bundle.sha)
    if cluster is not None:
        changed = dataclasses.replace(
            changed,
            account=cluster.account,
            partition=cluster.partition,
            qos=cluster.qos,
            setup=cluster.setup,
            python=cluster.python,
        )
    upload = tuple((name, len(content)) for name, content in sorted(bundle.files.items()))
    return LaunchPlan(changed, render(changed), spec.preset.name, {}, bundle, upload, resumes=True)


def new_token(random: Callable[[int], str] = secrets.token_hex) -> str:
    """A token for one submission."""
    return f"wst-{random(6)}"


def resolve(path: str, home: str) -> str:
    """`path` with a leading "~" replaced by `home`, if that is known."""
    return f"{home.rstrip('/')}{path[1:]}" if home and (path == "~" or path.startswith("~/")) else path
