"""Where nothing is configured yet: from a host's name to a checked cluster in config.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from websight_tui.config import LOCAL
from websight_tui.tui.cluster_file import table_name
from websight_tui.tui.new_cluster import NewCluster

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp

DEMO: Final = "demo"
"""What the app answers with when the person wants the embedded cluster instead."""


def is_first(app: WebsightApp) -> bool:
    """Whether there is neither a cluster nor a run."""
    return set(app.config.clusters) == {LOCAL} and not app.state.runs


def ask_where(app: WebsightApp) -> None:
    """Offers the hosts of the SSH configuration, this machine and the demo."""
    from websight_tui.remote.ssh_aliases import aliases
    from websight_tui.tui.screens.welcome import HERE, TRY, WelcomeScreen

    def chosen(host: str | None) -> None:
        if host == TRY:
            app.wanted = DEMO
            app.exit()
        elif host == HERE:
            set_up(app, NewCluster(LOCAL, "", app.config.path, app.cluster_name))
        elif host is not None:
            name = table_name(host, app.config.clusters)
            set_up(app, NewCluster(name, host, app.config.path, app.cluster_name))

    known = {cluster.endpoint.host for cluster in app.config.clusters.values()}
    hosts = [host for host in aliases() if host not in known]
    app.push_screen(WelcomeScreen(hosts, first=is_first(app), demo=not app.banner), chosen)


def set_up(app: WebsightApp, draft: NewCluster) -> None:
    """Opens the guided set-up of a cluster; leaving it leads back to the choice."""
    from websight_tui.tui.screens.setup import SetupScreen

    def done(ready: bool | None) -> None:
        if not ready and is_first(app):
            ask_where(app)

    app.push_screen(SetupScreen(draft), done)
