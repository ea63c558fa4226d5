"""What a launch will do is known before anything is done."""

from __future__ import annotations

import dataclasses

from tests.runs.conftest import BUNDLE, Desk
from websight_tui.config import Cluster
from websight_tui.presets import BUILT_IN
from websight_tui.runs.plan import plan_launch, plan_resume, resolve


def test_a_plan_has_the_clusters_values_and_the_differences(desk: Desk) -> None:
    cluster = Cluster("hai", root="~/w", account="ingrai", partition="hai", gpus_per_node=4, time_limit="6:00:00")
    base = BUILT_IN[0]
    preset = dataclasses.replace(base, lora_rank=8)
    letters = iter("abc")
    plan = plan_launch(
        desk.config, cluster, preset, base, now=0.0, random=lambda n: next(letters) * 2 * n, bundle=BUNDLE
    )
    assert plan.spec.preset.gpus_per_node == 4
    assert plan.spec.preset.time_limit == "6:00:00"
    assert plan.spec.run_id.startswith("rank32-")
    assert plan.spec.run_id.endswith("-aaaa")
    assert plan.spec.token == "wst-bbbbbbbbbbbb"
    assert plan.differences == {"lora_rank": (32, 8)}
    assert plan.spec.bundle == BUNDLE.sha
    assert ("slurm/job.sh", len(BUNDLE.files["slurm/job.sh"])) in plan.upload
    assert "--account=ingrai" in plan.script
    assert plan.spec.root == "~/w"
    there = plan.at("/home/alice")
    assert there.spec.root == "/home/alice/w"
    assert "/home/alice/w/runs/" in there.script
    assert there.at("/elsewhere") is there


def test_a_resume_is_the_same_run_with_another_token(desk: Desk) -> None:
    spec = desk.plan().spec
    plan = plan_resume(spec, bundle=BUNDLE)
    assert plan.resumes
    assert plan.spec.token != spec.token
    assert dataclasses.replace(plan.spec, token=spec.token) == spec


def test_home_folders() -> None:
    assert resolve("~/w", "/home/a/") == "/home/a/w"
    assert resolve("~", "/home/a") == "/home/a"
    assert resolve("/abs", "/home/a") == "/abs"
    assert resolve("~other/w", "/home/a") == "~other/w"
    assert resolve("~/w", "") == "~/w"
