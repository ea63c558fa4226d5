"""The trainer's own pre-flight, run on the login node with the job's Python: model, data, storage, true row counts.

It reads only. The trainer's files and a run.json go to a private folder, which is removed afterwards. What it is about
and what it finds is told while it runs, line by line, as the trainer says it.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from websight_tui.bundle_files import bundle_files
from websight_tui.errors import RemoteError, RemoteTimeout
from websight_tui.metrics.lines import number, whole
from websight_tui.metrics.terminal_text import plain
from websight_tui.presets import TINY_MODEL
from websight_tui.remote.port import ExecResult, Hear, Transport
from websight_tui.runs.bundle import Bundle, ensure_bundle
from websight_tui.runs.checks.finding import Doing, Finding, Level, Tell, fail, ok, to_nobody, warn
from websight_tui.runs.scratch import Scratch
from websight_tui.runspec import RunSpec, to_json

TIMEOUT_S: Final = 300.0
"""Listing the images of 71,000 rows on a busy network disk can take a minute or two."""
_MARK: Final = "websight-setup-done"
_LEVELS: Final[Mapping[str, Level]] = {"ok": "ok", "warn": "warn", "fail": "fail"}
_OLDEST: Final = (3, 11)
_INSTALL: Final = "Install the trainer there: pip install 'websight-tui[trainer]', and name that Python in `python`."

# As a job script does it: the site's lines first, which may use unset variables, then the cluster's Python.
_AS_A_JOB: Final = """\
set -euo pipefail
set +u
eval "$1"
set -u
echo; echo "$2"
python=$3
case $python in "~/"*) python=$HOME/${python#"~/"} ;; esac
shift 3
exec "$python" "$@"
"""
_ASK_PYTHON: Final = """\
import json, sys
found = {"version": list(sys.version_info[:3]), "path": sys.executable, "packages": {}}
try:
    from importlib.metadata import version
except ImportError:
    version = None
for name in ("llamafactory", "torch", "transformers", "peft") if version else ():
    try:
        found["packages"][name] = version(name)
    except Exception:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the pre-flight found out.

    Args:
        findings: all but what is said of a new run's empty output folder.
        train_rows: rows of the training data, counted; None if they could not be. For `forecast_for(samples=…)`.
        eval_rows: rows of the evaluation data.
        tokens_per_row: mean tokens of a training row, image and text.
        longest_row: tokens of the longest training row that was looked at.
    """

    findings: tuple[Finding, ...]
    train_rows: int | None = None
    eval_rows: int | None = None
    tokens_per_row: float | None = None
    longest_row: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.level != "fail" for finding in self.findings)


def preflight_of(
    transport: Transport, spec: RunSpec, *, bundle: Bundle | None = None, tell: Tell = to_nobody
) -> Preflight:
    """Checks a run before it is submitted. Takes seconds to minutes; never raises for what is wrong with the run.

    Args:
        transport: connected.
        spec: as it would be submitted, with an absolute root.
        bundle: the trainer's files; None reads those of this installation.
        tell: told each step of `checks.steps.PREFLIGHT` as it begins and goes on, and each finding at once.

    Raises: ConnectionLost, RemoteTimeout if the cluster does not answer; BundleError.
    """
    tell(Doing("trainer", "making a folder"))
    try:
        scratch = Scratch(transport, spec.root)
    except RemoteError as exc:
        if exc.retryable:
            raise
        return Preflight((fail("folder", exc.message, exc.hint),))
    try:
        return preflight_in(transport, spec, scratch, bundle=bundle, tell=tell)
    finally:
        scratch.remove()


def preflight_in(
    transport: Transport,
    spec: RunSpec,
    scratch: Scratch,
    *,
    bundle: Bundle | None = None,
    tell: Tell = to_nobody,
) -> Preflight:
    """`preflight_of` in a folder that the caller has made and will remove."""
    bundle = bundle or Bundle(bundle_files())
    tell(Doing("trainer", "looking whether it is there"))
    home = f"{spec.root}/bundles/{bundle.sha}"
    if transport.exec(shlex.join(("test", "-d", home)), timeout=60).exit != 0:
        home = f"{scratch.path}/bundles/{bundle.sha}"

        def report(stage: str, done: int, total: int) -> None:
            tell(Doing("trainer", stage.removesuffix(" the trainer"), done, total, in_bytes=True))

        ensure_bundle(transport, scratch.path, bundle, report)
    run_dir = f"{scratch.path}/runs/{spec.run_id}"
    transport.upload(_run_json(transport, spec, scratch), f"{run_dir}/run.json")
    words = ("-m", "trainer", "preflight", "--run-dir", run_dir, "--follow")

    def name_places(text: str) -> str:
        return text.replace(scratch.path, spec.root)

    tell(Doing("setup"))
    # bundles are shared and never change: Python must not write its compiled files there
    settings = ("env", f"PYTHONPATH={home}", "PYTHONDONTWRITEBYTECODE=1")
    try:
        command = f"{shlex.join(settings)} {as_a_job(spec, *words)}"
        result = transport.exec(command, timeout=TIMEOUT_S, hear=_hearing(tell, name_places))
    except RemoteTimeout as exc:
        hint = f"Run it there by hand: {spec.python} -m trainer preflight --run-dir DIR."
        return Preflight((fail("data", f"the pre-flight was broken off: {exc.message}", hint),))
    return _read(result, name_places)


def _run_json(transport: Transport, spec: RunSpec, scratch: Scratch) -> bytes:
    """The run.json to check: its own folder is the scratch's, and so is the tiny model that the trainer would make."""
    root = spec.root
    if spec.preset.model_name_or_path == TINY_MODEL:
        made = transport.exec(shlex.join(("test", "-d", f"{root}/tiny")), timeout=60).exit == 0
        root = root if made else scratch.path
    data = json.loads(to_json(dataclasses.replace(spec, root=scratch.path)))
    return json.dumps(data | {"root": root}).encode()


def as_a_job(spec: RunSpec, *arguments: str) -> str:
    """A command that runs the job's Python with `arguments` after the cluster's setup lines."""
    words = ("bash", "-c", _AS_A_JOB, "bash", "\n".join(spec.setup), _MARK, spec.python, *arguments)
    return shlex.join(words)


def check_python(transport: Transport, spec: RunSpec) -> Finding:
    """Whether the setup lines work, and which Python with which of the trainer's packages they lead to.

    Raises: RemoteTimeout, ConnectionLost.
    """
    result = transport.exec(as_a_job(spec, "-c", _ASK_PYTHON), timeout=120)
    if (problem := _broken_setup(result)) is not None:
        return problem
    found = _last_object(result.stdout)
    version = found.get("version")
    if not isinstance(version, list) or not all(isinstance(part, int) for part in version):
        hint = "Set `python` of the cluster to the Python that has LLaMA-Factory, or load it in `setup`."
        if result.exit == 0:  # a stand-in, such as the demo's: its pre-flight says what it is
            return warn("python", f"{spec.python} does not say which Python it is", hint)
        return fail("python", f"{spec.python} does not run there: {_last_words(result)}", hint)
    number, path = ".".join(map(str, version)), plain(str(found.get("path")), 120)
    if tuple(version[:2]) < _OLDEST:
        return fail("python", f"{path} is Python {number}; the trainer needs 3.11 or newer", _INSTALL)
    packages = found.get("packages")
    packages = packages if isinstance(packages, dict) else {}
    listed = ", ".join(f"{plain(str(name))} {plain(str(value), 40)}" for name, value in packages.items())
    lacking = [name for name in ("llamafactory", "torch", "transformers", "peft") if name not in packages]
    if lacking:  # the pre-flight judges the packages; it runs without them
        rest = f", with {listed}" if listed else ""
        return warn("python", f"{number} without {', '.join(lacking)}{rest}: {path}", _INSTALL)
    return ok("python", f"{number} with {listed}: {path}")


def _broken_setup(result: ExecResult) -> Finding | None:
    if f"\n{_MARK}\n" in result.stdout:
        return None
    if result.exit == 127 and "bash" in result.stderr:
        return fail("python", "there is no bash on this cluster, which job scripts need", "Ask its administrators.")
    hint = "A job would end at the same place: correct `setup` in the cluster's table."
    return fail("python", f"the setup lines fail (exit {result.exit}): {_last_words(result)}", hint)


def _read(result: ExecResult, name_places: Callable[[str], str]) -> Preflight:
    """The pre-flight's JSON as a value; what a foreign Python printed is never trusted."""
    if (problem := _broken_setup(result)) is not None:
        return Preflight((problem,))
    data = _last_object(result.stdout)
    rows = data.get("findings")
    if not isinstance(rows, list):
        hint = "The Python of the cluster's table must be 3.11 or newer; see the finding on python."
        return Preflight((fail("data", f"the pre-flight did not run: {_last_words(result)}", hint),))
    findings = tuple(
        _finding(row, name_places)
        for row in rows
        if isinstance(row, dict) and not (row.get("check") == "output" and row.get("level") == "ok")
    )
    return Preflight(
        findings,
        _whole(data.get("train_rows")),
        _whole(data.get("eval_rows")),
        _real(data.get("tokens_per_row")),
        _whole(data.get("longest_row")),
    )


def _hearing(tell: Tell, name_places: Callable[[str], str]) -> Hear:
    """Tells each line of the pre-flight that says something; before the mark the setup lines print what they like."""
    begun = False

    def hear(line: str) -> None:
        nonlocal begun
        if not begun:
            begun = line == _MARK
            if begun:
                tell(Doing("environment", "starting Python"))
            return
        said = _object(line)
        doing, finding = said.get("doing"), said.get("finding")
        if isinstance(doing, dict):
            words = plain(name_places(str(doing.get("words", ""))), 80)
            done, total = _whole(doing.get("done")) or 0, _whole(doing.get("total")) or 0
            tell(Doing(_check(doing), words, min(done, total) if total else 0, total))
        elif isinstance(finding, dict):
            tell(_finding(finding, name_places))

    return hear


def _check(row: Mapping[str, Any]) -> str:
    return plain(str(row.get("check", "data")), 20)


def _finding(row: Mapping[str, Any], name_places: Callable[[str], str]) -> Finding:
    message, hint = (plain(name_places(str(row.get(part, "")))) for part in ("message", "hint"))
    return Finding(_LEVELS.get(str(row.get("level")), "warn"), _check(row), message, hint)


def _last_object(stdout: str) -> dict[str, Any]:
    """The last JSON object that stands on a line of its own; modules may print before it."""
    return next((found for line in reversed(stdout.split("\n")) if (found := _object(line))), {})


def _object(line: str) -> dict[str, Any]:
    """The JSON object that a line is; {} if it is none."""
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _last_words(result: ExecResult) -> str:
    lines = [line for line in result.stderr.split("\n") if line.strip()]
    telling = [line for line in lines if "rror" in line or "not found" in line or "No such" in line] or lines
    return (
        plain(re.sub(r"^bash: line \d+: ", "", telling[-1]), 200) if telling else f"exit {result.exit}, without a word"
    )


def _whole(value: object) -> int | None:
    return whole(value) if isinstance(value, int) else None


def _real(value: object) -> float | None:
    found = number(value) if isinstance(value, (int, float)) else None
    return found if found is not None and found >= 0 else None
