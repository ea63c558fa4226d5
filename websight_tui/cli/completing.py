"""What Tab offers: names out of the configuration and run ids out of the history, beside commands and options.

The shell runs the program itself, with `_ARGCOMPLETE` set, each time Tab is pressed. It connects to nothing, writes
nothing, and offers nothing when anything goes wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from websight_tui.errors import WebsightError

_NEWEST: Final = 50
"""Run ids that are offered: nobody looks for an older one by Tab."""

Offers = Mapping[str, str]
"""{word: what it is}, the latter for shells that show it."""


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell's question and ends the process; returns if the shell asked nothing."""
    import argcomplete

    for action in _actions(parser):
        if (offer := OFFERS.get(action.dest)) is not None and not action.choices:
            action.completer = offer  # type: ignore[attr-defined]  # where argcomplete looks for it
    argcomplete.autocomplete(parser, default_completer=argcomplete.completers.FilesCompleter())


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action


def presets(**_: object) -> Offers:
    """The presets, built in and configured."""
    from websight_tui.config import load_config

    with suppress(WebsightError):
        return {preset.name: preset.summary for preset in load_config().presets.values()}
    return {}


def clusters(**_: object) -> Offers:
    """The configured clusters, this machine and the demo."""
    from websight_tui.config import POCKET, load_config

    with suppress(WebsightError):
        known = load_config().clusters.values()
        return {c.name: c.endpoint.host or "this machine" for c in known} | {POCKET: "the embedded cluster"}
    return {}


def runs(*, parsed_args: argparse.Namespace, **_: object) -> Offers:
    """The newest runs."""
    return _newest(parsed_args, sweeps=False)


def sweeps(*, parsed_args: argparse.Namespace, **_: object) -> Offers:
    """The newest sweeps."""
    return _newest(parsed_args, sweeps=True)


def _newest(parsed_args: argparse.Namespace, *, sweeps: bool) -> Offers:
    """Out of the demo's history where `--cluster demo` was said before."""
    from websight_tui.cli.demo_cluster import demo_folder
    from websight_tui.config import POCKET, data_dir
    from websight_tui.runs.store import newest_names

    folder = demo_folder() if getattr(parsed_args, "cluster", None) == POCKET else data_dir()
    return {"last": "the newest", **newest_names(folder / "runs.sqlite", _NEWEST, sweeps=sweeps)}


def settings(*, prefix: str, **_: object) -> Offers:
    """Fields of a preset up to the equals sign; true and false after it where the field is one of these."""
    from websight_tui.presets import FIELD_TYPES

    field, equals, _value = prefix.partition("=")
    if equals:
        return dict.fromkeys((f"{field}=true", f"{field}=false"), "") if FIELD_TYPES.get(field) is bool else {}
    return {f"{name}=": "" for name in FIELD_TYPES if name not in ("name", "summary")}


OFFERS: Final[Mapping[str, Callable[..., Offers]]] = {
    "preset": presets,
    "presets": presets,
    "cluster": clusters,
    "run_id": runs,
    "what": runs,
    "show": sweeps,
    "rest": sweeps,
    "sweep": sweeps,
    "settings": settings,
}
"""By the name under which the parsed arguments hold it."""
