"""A cluster that is being set up: known to app and engine at once, in config.toml only when the person says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from websight_tui.config import LOCAL
from websight_tui.errors import WebsightError
from websight_tui.tui.cluster_file import add_cluster, with_cluster

if TYPE_CHECKING:
    from websight_tui.config import Cluster
    from websight_tui.runs.plan import LaunchPlan
    from websight_tui.tui.app import WebsightApp


@dataclass
class NewCluster:
    """What is known of it so far.

    Args:
        name: of its table. host: as ssh takes it; "" for this machine.
        path: of config.toml.
        before: the cluster that launches went to until now.
    """

    name: str
    host: str
    path: Path
    before: str
    values: dict[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.host or "this machine"

    def connect(self, app: WebsightApp) -> None:
        """Makes it known as it is, and logs in."""
        if self.name not in app.config.clusters:
            self.settle(app, {"host": self.host})
        app.choose_cluster(self.name)

    def settle(self, app: WebsightApp, values: Mapping[str, object]) -> str:
        """Takes `values` for its table, in app and engine; what is wrong with them, "" if nothing is."""
        try:
            cluster = with_cluster("", self.path, self.name, values)[1].clusters[self.name]
        except WebsightError as exc:
            return exc.message.rpartition("] ")[2]
        self.values = dict(values)
        take(app, cluster)
        return ""

    def checker(self, key: str) -> Callable[[str], str]:
        """Says what is wrong with a text for one key of the table."""

        def check(text: str) -> str:
            try:
                with_cluster("", self.path, self.name, {key: text.strip()})
            except WebsightError as exc:
                return exc.message.rpartition("] ")[2]
            return ""

        return check

    def plan(self, app: WebsightApp) -> LaunchPlan:
        """A launch there, to be checked: of the tiny preset where there is no GPU."""
        presets = app.config.presets
        tiny = app.cluster.gpus_per_node == 0 and "tiny" in presets
        preset = presets["tiny"] if tiny else presets.get(app.first_preset, next(iter(presets.values())))
        return app.plan(preset, preset)

    def write(self, app: WebsightApp) -> bool:
        """Appends its table to config.toml; whether that worked."""
        try:
            add_cluster(self.path, self.name, self.values)
        except WebsightError as exc:
            app.tell(exc.message, exc.hint)
            return False
        app.tell(f"Added [clusters.{self.name}] to {self.path}", good=True)
        return True

    def drop(self, app: WebsightApp) -> None:
        """Forgets it; the cluster of before is the one again."""
        if self.name != LOCAL:
            clusters = {name: c for name, c in app.config.clusters.items() if name != self.name}
            config = replace(app.config, clusters=MappingProxyType(clusters))
            app.cluster_name = self.before
            app.reload(config)
            name = self.name
            app.controller.ask(lambda engine: engine.disconnect(name))
            app.controller.ask(lambda engine: engine.configure(config))


def take(app: WebsightApp, cluster: Cluster) -> None:
    """Makes app and engine know one more cluster; what else they know stays (the demo's is in no file)."""
    config = replace(app.config, clusters=MappingProxyType({**app.config.clusters, cluster.name: cluster}))
    app.reload(config)
    app.controller.ask(lambda engine: engine.configure(config))
