"""The steps of a login out of what `ssh -v` says, and its complaints without that. Pure.

The words are those of OpenSSH 7.4 to 10; what a version says in other words is not a step, and nothing else is lost.
With jump hosts, ssh runs another ssh for each, and all say what they do on the same stream, one after the other.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from websight_tui.remote.steps import Stage, Step

_STEPS: Final = (
    (Stage.REACH, re.compile(r"debug1: Connecting to (?P<host>[\w.:-]{1,200})(?: \[[^\]]*\])? port \d+")),
    (Stage.KEYS, re.compile(r"debug1: (?:Connection established|SSH2_MSG_KEXINIT sent)")),
    (Stage.KEYS, re.compile(r"debug1: Authenticating to (?P<host>[\w.:-]{1,200}):\d+ as ")),
    (Stage.HOST_KEY, re.compile(r"debug1: Server host key: ")),
    (Stage.LOGIN, re.compile(r"debug1: SSH2_MSG_SERVICE_ACCEPT received")),
    (Stage.LOGIN, re.compile(r"debug1: Next authentication method: (?P<method>[\w-]{1,40})")),
)
_IN: Final = re.compile(r"Authenticated to .*\(|debug1: Authentication succeeded")
_CHATTER: Final = re.compile(r"debug\d: |OpenSSH_\d|Authenticated to .*\(|Transferred: sent |Bytes per second: ")


class Login:
    """Follows one login.

    Args:
        host: of the cluster. hops: hosts on the way, itself included.
    """

    def __init__(self, host: str, hops: int) -> None:
        self._step = Step(Stage.NAME, "" if hops > 1 else host, 1, hops)

    def take(self, line: str) -> Step | None:
        """The step that a line of ssh's tells of; None if it tells of none, or of the one that is known."""
        was = self._step
        if _IN.match(line):
            if was.hop < was.hops and was.stage is Stage.LOGIN:
                self._step = dataclasses.replace(was, stage=Stage.REACH, host="", hop=was.hop + 1, method="")
        else:
            for stage, pattern in _STEPS:
                if (found := pattern.match(line)) is not None:
                    said = found.groupdict()
                    host = said.get("host") or was.host
                    self._step = dataclasses.replace(was, stage=stage, host=host, method=said.get("method", ""))
                    break
        return self._step if self._step != was else None


def complaints(text: str) -> str:
    """What ssh said, without what it says only when asked to tell its steps."""
    return "\n".join(line for line in text.splitlines() if not _CHATTER.match(line))
