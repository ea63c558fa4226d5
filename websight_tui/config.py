"""config.toml in, frozen values out.

Every mistake is reported with file, line, key and what was expected; unknown keys are mistakes (with the nearest known
key as a hint), so that a typing error never silently changes nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from websight_tui.errors import ConfigError, PresetError
from websight_tui.presets import BUILT_IN, Preset, check_field, make_preset
from websight_tui.remote.port import Endpoint
from websight_tui.secrecy import secret_in
from websight_tui.toml_reading import Where
from websight_tui.ui_settings import Ui, read_ui

LOCAL: Final = "local"
"""Name of the cluster that is this machine; always there."""
POCKET: Final = "demo"
"""Name of the embedded pocket cluster."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One place to run.

    Args:
        name: the key under [clusters].
        endpoint: how it is reached.
        root: folder on the cluster for runs/ and bundles/; may begin with "~/".
        account, partition, qos: for sbatch; "" leaves it to the cluster.
        gpus_per_node: GPUs that a job takes on each node; 0 trains on CPU.
        gpu: their kind ("H100"), for forecasts before the first run there.
        time_limit: default --time.
        setup: shell lines before the trainer ("module load cuda", "source ~/venv/bin/activate").
        python: the Python that has LLaMA-Factory.
        poll_floor_s: the least seconds between two scheduler calls that the site asks for.
        login_shell: run commands through `bash -lc`; None finds out.
    """

    name: str
    endpoint: Endpoint = Endpoint()
    root: str = "~/websight-v2"
    account: str = ""
    partition: str = ""
    qos: str = ""
    gpus_per_node: int = 8
    gpu: str = "H100"
    time_limit: str = "8:00:00"
    setup: tuple[str, ...] = ()
    python: str = "python3"
    poll_floor_s: float = 5.0
    login_shell: bool | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Args:
        clusters: by name; always holds "local".
        presets: built in first, then the user's (which may replace a built-in of the same name).
        keys: action id → key, over the default keymap.
        ui: how the app looks and how it calls.
        path: the file it came from (it may not exist).
    """

    clusters: Mapping[str, Cluster]
    presets: Mapping[str, Preset]
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ui: Ui = field(default_factory=Ui)
    path: Path = Path()


def config_path() -> Path:
    """`$WEBSIGHT_TUI_CONFIG`, else config.toml in the platform's configuration folder (platformdirs)."""
    if override := os.environ.get("WEBSIGHT_TUI_CONFIG"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("websight-tui")) / "config.toml"


def data_dir() -> Path:
    """`$WEBSIGHT_TUI_DATA`, else the platform's data folder: run history, the pocket cluster."""
    if override := os.environ.get("WEBSIGHT_TUI_DATA"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("websight-tui"))


def load_config(path: Path | None = None) -> Config:
    """Reads the configuration; built-in defaults where there is no file.

    Raises: ConfigError naming file, line, key and what was expected.
    """
    path = path or config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", "Check its permissions and that it is UTF-8 text.") from exc
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """`load_config` for text already read; `path` is for messages."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: {exc}", "The file must be TOML; `websight-tui init` writes an example.") from exc
    where = Where(path, text)
    where.known((), data, ("clusters", "presets", "keys", "ui"))
    clusters = {LOCAL: Cluster(LOCAL, Endpoint(transport="local"))}
    for name, values in where.table((), data, "clusters").items():
        clusters[name] = _cluster(where, name, values)
    presets = {preset.name: preset for preset in BUILT_IN}
    for name, values in where.table((), data, "presets").items():
        presets[name] = _preset(where, name, values, presets)
    ui = read_ui(where, where.table((), data, "ui"))
    keys = where.table((), data, "keys")
    for action in keys:
        where.text(("keys",), keys, action, "")
    return Config(MappingProxyType(clusters), MappingProxyType(presets), MappingProxyType(dict(keys)), ui, path)


_TEXT_KEYS: Final = ("host", "user", "identity_file", "known_hosts", "transport")
_CLUSTER_KEYS: Final = (
    *_TEXT_KEYS,
    "port",
    "root",
    "account",
    "partition",
    "qos",
    "gpus_per_node",
    "gpu",
    "time_limit",
    "setup",
    "python",
    "poll_floor_s",
    "login_shell",
)
_SETUP: Final = '["module load cuda"]'
_REFER: Final = '"export HF_TOKEN=$(cat ~/.hf_token)"'
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9._@/+-]*")


def _one_line(text: str) -> bool:
    return not any((ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 for c in text)


def _cluster(where: Where, name: str, values: object) -> Cluster:
    at = ("clusters", name)
    if not isinstance(values, dict):
        raise where.error(at[:1], name, "a table such as [clusters.hai]", values)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise where.error(at[:1], name, "a name of letters, digits, - or _", name)
    where.known(at, values, _CLUSTER_KEYS)
    host = where.text(at, values, "host", name)
    transport = where.text(at, values, "transport", "auto")
    if transport not in ("auto", "paramiko", "openssh", "local"):
        raise where.error(at, "transport", "auto, paramiko, openssh or local", transport)
    port = where.number(at, values, "port", None, whole=True)
    endpoint = Endpoint(
        host="" if transport == "local" else host,
        transport=transport,
        port=None if port is None else int(port),
        user=where.text(at, values, "user", "") or None,
        identity_file=where.text(at, values, "identity_file", "") or None,
        known_hosts=where.text(at, values, "known_hosts", "") or None,
    )
    words = {key: where.text(at, values, key, "") for key in ("account", "partition", "qos")}
    for key, value in words.items():
        if not re.fullmatch(r"[A-Za-z0-9._,+-]*", value):
            raise where.error(at, key, "a name as sbatch takes it", value)
    root = where.text(at, values, "root", "~/websight-v2").rstrip("/")
    if not root.startswith(("/", "~/")) or not _PLAIN_WORD.fullmatch(root.removeprefix("~")):
        raise where.error(at, "root", "an absolute path or ~/…, without spaces", root)
    limit = where.text(at, values, "time_limit", "8:00:00")
    try:
        check_field("time_limit", limit)
    except PresetError:
        raise where.error(at, "time_limit", "a Slurm time such as 8:00:00 or 1-00:00:00", limit) from None
    setup = values.get("setup", [])
    if not isinstance(setup, list) or not all(isinstance(line, str) and _one_line(line) for line in setup):
        # its value is not shown: it may be one that should not have been written there
        expected = f"a list of shell lines, such as {_SETUP}, without control characters"
        raise ConfigError(f"{where.place(at, 'setup')}: expected {expected}")
    if secret := next(filter(None, map(secret_in, setup)), ""):
        raise ConfigError(
            f"{where.place(at, 'setup')}: a line holds the value of {secret}, which would stand in every job script",
            f"Keep it in a file on the cluster that only you can read (chmod 600) and refer to that: {_REFER}.",
        )
    login = values.get("login_shell")
    if login is not None and not isinstance(login, bool):
        raise where.error(at, "login_shell", "true or false", login)
    gpus = where.number(at, values, "gpus_per_node", 8, whole=True)
    floor = where.number(at, values, "poll_floor_s", 5.0)
    python = where.text(at, values, "python", "python3")
    if not python or not _PLAIN_WORD.fullmatch(python.removeprefix("~")):
        raise where.error(at, "python", "a command or path without spaces", python)
    return Cluster(
        name,
        endpoint,
        root=root,
        **words,
        gpus_per_node=int(gpus or 0),
        gpu=where.text(at, values, "gpu", "H100"),
        time_limit=limit,
        setup=tuple(setup),
        python=python,
        poll_floor_s=float(floor or 0),
        login_shell=login,
    )


def _preset(where: Where, name: str, values: object, known: Mapping[str, Preset]) -> Preset:
    at = ("presets", name)
    if not isinstance(values, dict):
        raise where.error(at[:1], name, "a table such as [presets.mine]", values)
    settings = dict(values)
    base_name = settings.pop("base", name if name in known else "rank32")
    if base_name not in known:
        raise where.error(at, "base", f"the name of a preset ({', '.join(known)})", base_name)
    try:
        return make_preset(name, settings, known[base_name])
    except PresetError as exc:
        key = next((k for k in settings if k in exc.message), name)
        raise ConfigError(f"{where.place(at, key)}: {exc.message}", exc.hint) from exc
