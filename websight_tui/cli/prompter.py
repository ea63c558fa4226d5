"""Login questions on the terminal, for commands that run without the app."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

from websight_tui.cli.output import say
from websight_tui.remote.port import HostKey, Prompt, Prompter, Unattended


class TerminalPrompter:
    """Asks on the controlling terminal; what is secret is not echoed."""

    def ask(self, title: str, instructions: str, prompts: Sequence[Prompt]) -> list[str] | None:
        from websight_tui.cli.waiting import aside
        from websight_tui.metrics.terminal_text import plain

        with aside():
            for line in (title, instructions):
                if line.strip():
                    say(plain(line), file=sys.stderr)
            try:
                texts = [(plain(prompt.text), prompt.echo) for prompt in prompts]
                return [input(text) if echo else getpass.getpass(text) for text, echo in texts]
            except (EOFError, KeyboardInterrupt):
                return None

    def accept_host_key(self, key: HostKey) -> bool:
        from websight_tui.cli.waiting import aside
        from websight_tui.metrics.terminal_text import plain

        with aside():
            say(f"The host key of {plain(key.host)} is not known yet.", file=sys.stderr)
            say(f"{plain(key.kind)} {plain(key.fingerprint)}", file=sys.stderr)
            try:
                answer = input("Compare it with what your site publishes. Trust and remember it? [y/N] ")
            except (EOFError, KeyboardInterrupt):
                return False
        return answer.strip().lower() in ("y", "yes")


def prompter() -> Prompter:
    """Asks if a person is there, else refuses every question."""
    return TerminalPrompter() if sys.stdin.isatty() and sys.stderr.isatty() else Unattended()
