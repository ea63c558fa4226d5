"""What a command finds on the cluster: the home folder, Slurm on the PATH, and how much a shell says unasked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from websight_tui.config import Cluster
from websight_tui.errors import ConnectionLost, RemoteTimeout, SchedulerUnreachable
from websight_tui.metrics.terminal_text import plain
from websight_tui.remote.port import Transport
from websight_tui.runs.checks.finding import Finding, fail, ok, warn
from websight_tui.slurm_commands import failures, site

_TIMEOUT_S: Final = 30.0
PROGRAMS: Final = ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "sacct")
OLDEST: Final = (20, 11)
"""The oldest Slurm whose formats were looked at."""

# "bare": what the account's shell finds with nothing but the system's own PATH, all that many sites give a command.
_LOOK: Final = r"""
printf '\nhome=%s\n' "$HOME"
for name; do printf '%s=%s\n' "$name" "$(command -v "$name")"; done
shell=${SHELL:-/bin/sh}
printf 'bare=%s\n' "$(env -i HOME="$HOME" SHELL="$shell" SSH_CLIENT="${SSH_CLIENT:-}" \
  PATH=/usr/local/bin:/usr/bin:/bin "$shell" -c 'command -v sbatch' </dev/null 2>/dev/null | tail -n 1)"
"""
# Without SHLVL bash takes itself for one that was started over the network, and reads ~/.bashrc as it would then.
_LISTEN: Final = r"""
shell=${SHELL:-/bin/sh}
for how in -c -lc; do
  said=$(env -u SHLVL "$shell" "$how" : </dev/null 2>&1) && [ -n "$said" ] &&
    printf '\n%s=%s\n' "$how" "$(printf '%s' "$said" | tr '\n\r' '  ' | cut -c 1-120)"
done
:
"""
_SEARCH: Final = r"""
for how in bash "${SHELL:-/bin/sh}"; do
  found=$("$how" -lc 'command -v sbatch' </dev/null 2>/dev/null | tail -n 1)
  [ -x "$found" ] && { printf 'login=%s\n' "$found"; break; }
done
for folder in /usr/bin /usr/local/bin /opt/slurm/bin /opt/slurm/current/bin /usr/local/slurm/bin /usr/slurm/bin \
  /cm/shared/apps/slurm/current/bin /opt/apps/slurm/bin /opt/software/slurm/bin /sw/slurm/bin; do
  [ -x "$folder/sbatch" ] && { printf 'folder=%s\n' "$folder"; break; }
done
:
"""


@dataclass(slots=True)
class Account:
    """What the account's shell knows: the home folder, and where each program is ("" if it is not found)."""

    home: str = ""
    programs: dict[str, str] = field(default_factory=dict)
    bare: str = ""


def check_shell(transport: Transport, account: Account) -> Iterator[Finding]:
    """Looks around, fills `account`, and says what the shell prints unasked."""
    words = _answers(transport.exec(_sh(_LOOK, *PROGRAMS), timeout=_TIMEOUT_S).stdout)
    account.home = words.get("home", "")
    account.programs = {name: words.get(name, "") for name in PROGRAMS}
    account.bare = words.get("bare", "")
    if not account.home.startswith("/"):
        yield fail("shell", "the account has no home folder", "Ask the administrators to make one.")
        return
    try:
        noise = _answers(transport.exec(_sh(_LISTEN), timeout=_TIMEOUT_S).stdout)
    except RemoteTimeout:
        hint = "Something in ~/.profile or ~/.bashrc waits: put it behind `case $- in *i*) … esac`."
        yield warn("shell", f"the account's shell did not start within {_TIMEOUT_S:.0f} s by itself", hint)
        return
    if said := noise.get("-c"):
        hint = "It breaks scp and rsync, not this program. Put it behind `case $- in *i*) … esac` in ~/.bashrc."
        yield warn("shell", f"every command's shell prints something: “{plain(said, 60)}”", hint)
    elif said := noise.get("-lc"):
        yield ok("shell", f"quiet; a login shell prints “{plain(said, 60)}”, which is cut off")
    else:
        yield ok("shell", f"quiet; home is {plain(account.home, 120)}")


def check_programs(transport: Transport, cluster: Cluster, account: Account) -> Iterator[Finding]:
    """Whether Slurm's commands are there, through which shell, and of which version."""
    if not account.programs.get("sbatch"):
        yield _no_slurm(transport, cluster)
        return
    missing = [name for name in PROGRAMS if not account.programs.get(name)]
    if set(missing) - {"sacct"}:
        hint = "They come with the same package as sbatch: ask the administrators."
        yield fail("slurm", f"sbatch is there, but not {', '.join(missing)}", hint)
        return
    result = transport.exec(site.version(), timeout=_TIMEOUT_S)
    if result.exit != 0:
        failure = failures.query_failure("sinfo", result.exit, result.stderr)
        if not isinstance(failure, SchedulerUnreachable):  # that one is the controller's, which is asked next
            raise failure
    said = plain(result.stdout.strip()) or "of an unknown version"
    place = f"{said}: {plain(account.programs['sbatch'], 120)}"
    bare = account.bare == account.programs["sbatch"]
    how = "on the system's own PATH" if bare else "not on the system's own PATH"
    if cluster.login_shell and not bare:
        how = "through a login shell"
    number = site.version_number(said)
    if number and number[:2] < OLDEST:
        hint = "Most will work; this program was checked with 20.11 and newer."
        yield warn("slurm", f"{place} ({how})", hint)
    elif missing:
        yield warn("slurm", f"{place} ({how}); sacct is missing", "How jobs ended is read from their own output.")
    else:
        yield ok("slurm", f"{place} ({how})")


def _no_slurm(transport: Transport, cluster: Cluster) -> Finding:
    try:
        found = _answers(transport.exec(_sh(_SEARCH), timeout=_TIMEOUT_S).stdout)
    except ConnectionLost:
        raise
    except RemoteTimeout:
        found = {}
    table = f"[clusters.{cluster.name}]"
    if login := found.get("login"):
        message = f"sbatch is not on the PATH of a plain command, but a login shell finds {plain(login, 120)}"
        return fail("slurm", message, f"Set login_shell = true in {table}.")
    if folder := found.get("folder"):
        hint = f"Add this line to ~/.profile there, and set login_shell = true in {table}: export PATH={folder}:$PATH"
        return fail("slurm", f"sbatch is not on the PATH, but it is in {plain(folder, 120)}", hint)
    hint = (
        "Is this a login node? If Slurm comes as a module (`module avail slurm`), load it in ~/.profile and set "
        f"login_shell = true in {table}."
    )
    return fail("slurm", "sbatch is not there, neither for a plain command nor in a login shell", hint)


def _sh(script: str, *words: str) -> str:
    return shlex.join(("sh", "-c", script, "sh", *words))


def _answers(text: str) -> dict[str, str]:
    """`key=value` lines."""
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
