"""Where nothing is configured yet: from a host's name to a connection, with config.toml written on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from websight_tui.config import LOCAL, Cluster
from websight_tui.errors import WebsightError
from websight_tui.tui.cluster_file import add_cluster, table_name, with_cluster

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp


def is_first(app: WebsightApp) -> bool:
    """Whether there is neither a cluster nor a run."""
    return set(app.config.clusters) == {LOCAL} and not app.state.runs


def ask_where(app: WebsightApp) -> None:
    """Offers the hosts of the SSH configuration and this machine."""
    from websight_tui.remote.ssh_aliases import aliases
    from websight_tui.tui.screens.welcome import HERE, WelcomeScreen

    def chosen(host: str | None) -> None:
        if host == HERE:
            if LOCAL in app.config.clusters and app.cluster_name != LOCAL:
                app.choose_cluster(LOCAL)
        elif host is not None:
            ask_cluster(app, host)

    known = {cluster.endpoint.host for cluster in app.config.clusters.values()}
    hosts = [host for host in aliases() if host not in known]
    app.push_screen(WelcomeScreen(hosts, first=set(app.config.clusters) == {LOCAL}), chosen)


def ask_cluster(app: WebsightApp, host: str) -> None:
    """Asks for a cluster's account and partition, adds it to config.toml, and connects to it."""
    from websight_tui.tui.screens.welcome import ClusterScreen

    name, path = table_name(host, app.config.clusters), app.config.path

    def check(values: Mapping[str, object]) -> str:
        try:
            with_cluster("", path, name, values)
        except WebsightError as exc:
            return exc.message.rpartition("] ")[2]
        return ""

    def answered(values: dict[str, object] | None) -> None:
        if values is None:
            return
        try:
            take(app, add_cluster(path, name, values).clusters[name])
        except WebsightError as exc:
            app.tell(exc.message, exc.hint)
            return
        app.tell(f"Added [clusters.{name}] to {path}", "`websight-tui doctor` checks all of it.", good=True)
        app.choose_cluster(name)

    app.push_screen(ClusterScreen(host, check), answered)


def take(app: WebsightApp, cluster: Cluster) -> None:
    """Makes app and engine know one more cluster; what else they know stays (the demo's is in no file)."""
    config = replace(app.config, clusters=MappingProxyType({**app.config.clusters, cluster.name: cluster}))
    app.reload(config)
    app.controller.ask(lambda engine: engine.configure(config))
