"""The command palette: every action of the screen in front and of the app, each preset, each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode

from websight_tui.tui.present import short_id
from websight_tui.tui.widgets.key_line import listed

if TYPE_CHECKING:
    from websight_tui.tui.app import WebsightApp

Command = tuple[str, str, Callable[[], object], str]
"""Name, what it does, the deed, and its key ("" if it has none)."""


class ActionProvider(Provider):
    """Commands from the active bindings, the presets and the runs."""

    def _commands(self) -> Iterator[Command]:
        app = cast("WebsightApp", self.app)
        seen = set()
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            if not (binding.id and binding.id != "palette" and enabled and listed(binding)) or binding.action in seen:
                continue
            seen.add(binding.action)
            said, shown = tooltip or binding.tooltip, app.get_key_display(binding)
            what = partial(self._act, binding.action, node)
            yield binding.description, said if said != binding.description else "", what, shown
        from websight_tui.tui.first_minute import ask_where

        yield "Add a cluster", "Choose a host of the SSH configuration", partial(ask_where, app), ""
        for name, preset in app.config.presets.items():
            yield f"Launch {name}", preset.summary, partial(app.review, preset), ""
        for run in app.runs[:30]:
            yield f"Open {short_id(run)}", run.phase.value, partial(app.open_run, run.spec.run_id), ""
        for theme in sorted(app.available_themes):
            yield f"Theme {theme}", "Change the colours", partial(setattr, app, "theme", theme), ""

    async def _act(self, action: str, node: DOMNode) -> None:
        await self.app.run_action(action, node)

    async def discover(self) -> Hits:
        for name, text, what, key in self._commands():
            yield DiscoveryHit(_with_key(Content(name), key), what, name, text or None)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, text, what, key in self._commands():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, _with_key(matcher.highlight(name), key), what, name, text or None)


def _with_key(name: Content, key: str) -> Content:
    """A command with the key that does it without the palette."""
    return Content.assemble(name, "  ", (key, "$text-muted not bold")) if key else name
