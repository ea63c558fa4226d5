"""Finds secrets that were written where everybody can read them: in lines that end up in job scripts."""

from __future__ import annotations

import re
from typing import Final

# HF_TOKEN=…, WANDB_API_KEY="…": a value, not a reference such as $(cat ~/.token), "$TOKEN" or `pass show x`
_ASSIGNED: Final = re.compile(
    r"(?<![\w$])(?P<name>\w*(?:TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)\w*)"
    r"=[\"']?(?P<value>[^\s\"'$`;|&<>()~/.][^\s\"'$`;|&<>()]*)",
    re.IGNORECASE,
)
_SHAPES: Final = (
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{16,}")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}")),
    ("an API key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    ("an AWS key", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("a password", re.compile(r"\b\w+://[^\s/:@]+:[^\s/@$]+@")),
    ("an option's secret", re.compile(r"--?(?:token|password|passwd|api[-_]?key|secret)[= ]+(?![$\"']*[$`])[^\s-]")),
)
_NO_SECRETS: Final = frozenset({"", "0", "1", "true", "false", "none", "null"})


def secret_in(line: str) -> str:
    """What in a line of shell looks like a secret's value, named without it ("HF_TOKEN"); "" if nothing does.

    References (`$HF_TOKEN`, `$(cat ~/.hf_token)`, a path) are no values.
    """
    for found in _ASSIGNED.finditer(line):
        if found["value"].lower() not in _NO_SECRETS and "parallelism" not in found["name"].lower():
            return found["name"]
    return next((name for name, shape in _SHAPES if shape.search(line)), "")
