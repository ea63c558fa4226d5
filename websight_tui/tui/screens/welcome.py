"""The first minute: where to train, and the few things that must be known of a new cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from websight_tui.tui.screens.choose import ChooseScreen
from websight_tui.tui.screens.dialog import Dialog

HERE: Final = "this machine"
_FIELDS: Final = (
    ("account", "", "sbatch --account; may stay empty"),
    ("partition", "", "sbatch --partition; may stay empty"),
    ("gpus_per_node", "8", "GPUs of a node that a job takes; 0 trains on the CPU"),
    ("root", "~/websight-v2", "folder there for runs; scratch if home is small"),
)


class WelcomeScreen(ChooseScreen):
    """Answers with the host that was chosen, or HERE; Escape leaves it with None.

    Args:
        hosts: that could become clusters.
        first: whether no cluster is configured yet.
    """

    def __init__(self, hosts: Sequence[str], *, first: bool = True) -> None:
        width = max(map(len, (*hosts, HERE)))
        options = [(host, f"{host:<{width}}   a host of your SSH configuration") for host in hosts]
        options.append((HERE, f"{HERE:<{width}}   launches go to the Slurm that is here"))
        super().__init__("Where do you want to train?", options)
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self._heading)
            words = "No cluster is configured yet. " if self._first else ""
            yield Static(Content(f"{words}Choose a host, and say its account and partition:\n"))
            yield OptionList(*(Option(Content(text), id=name) for name, text in self._options))
            words = "`websight-tui init` writes a commented config.toml to edit.\n`websight-tui demo` "
            yield Static(Content(f"{words}shows everything on an embedded cluster."), classes="hint")


class ClusterScreen(Dialog[dict[str, object]]):
    """Asks what sbatch must know of a new cluster; answers with the keys of its table.

    Args:
        host: alias or name, as ssh takes it.
        check: what is wrong with the values, "" if nothing is.
    """

    def __init__(self, host: str, check: Callable[[Mapping[str, object]], str]) -> None:
        super().__init__()
        self._host, self._check = host, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog fields") as box:
            box.border_title = Content(f"New cluster {self._host}")
            for name, value, hint in _FIELDS:
                yield Static(Content.assemble((f"{name:<14}", "bold"), hint))
                yield Input(value, id=name, compact=True)
            yield Static(id="problem", classes="hint")

    @property
    def values(self) -> dict[str, object]:
        """The table's keys as they stand in the form."""
        typed: dict[str, object] = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in _FIELDS}
        gpus = str(typed["gpus_per_node"])
        return {"host": self._host, **typed, "gpus_per_node": int(gpus) if gpus.isdecimal() else gpus or 8}

    @on(Input.Changed)
    def _typed(self) -> None:
        said = self._check(self.values) or "Tab: next field · Enter: write config.toml, connect · Esc: leave"
        self.query_one("#problem", Static).update(Content(said))

    @on(Input.Submitted)
    def _entered(self) -> None:
        if not self._check(self.values):
            self.dismiss(self.values)
