"""Changes config.toml from the app: one value or table, comments and order stay, and every change can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import tomlkit
from tomlkit.exceptions import TOMLKitError

from websight_tui.config import Config, parse_config
from websight_tui.errors import ConfigError
from websight_tui.presets import DEFAULT_PRESET, Preset
from websight_tui.tui.preset_file import add_preset, replace_file


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit did: the file's text before and after it ("" where there was no file)."""

    path: Path
    before: str
    after: str

    def undone(self) -> Edit:
        """Puts the text of before back; the edit that this was.

        Raises: ConfigError if the file has been changed since, or cannot be written.
        """
        if _read(self.path) != self.after:
            raise ConfigError(f"{self.path} has been changed since", "Edit it by hand.")
        _write(self.path, self.before)
        return Edit(self.path, self.after, self.before)


def merged(config: Config, edit: Edit) -> Config:
    """`config` with what the edit changed in presets and [ui]; what stands in no file stays (the demo's cluster)."""
    was, now = parse_config(edit.before, edit.path), parse_config(edit.after, edit.path)
    gone = was.presets.keys() - now.presets.keys()
    changed = {name: preset for name, preset in now.presets.items() if preset != was.presets.get(name)}
    kept = {name: preset for name, preset in config.presets.items() if name not in gone}
    return replace(config, presets=MappingProxyType({**kept, **changed}), ui=now.ui)


def set_ui(path: Path, key: str, value: str | bool) -> Edit:
    """Sets `key` of [ui]. Raises ConfigError if the value or the file is wrong, or it cannot be written."""
    before = _read(path)
    document = _parse(before, path)
    table = document.get("ui")
    if table is None:
        if before and not before.endswith("\n\n"):
            document.add(tomlkit.nl())
        document["ui"] = table = tomlkit.table()
    table[key] = value
    after = tomlkit.dumps(document)
    _write(path, after, private=key == "webhook")
    return Edit(path, before, after)


def put_preset(path: Path, preset: Preset, base: Preset, known: Mapping[str, Preset]) -> Edit:
    """Writes [presets.NAME], in the place of one of that name if there is one.

    Args:
        base: what it was made from. known: all presets by name.

    Raises: ConfigError if the preset or the file is wrong, others are made from it, or it cannot be written.
    """
    before = _read(path)
    document = _parse(before, path)
    if preset.name in document.get("presets", {}):
        del document["presets"][preset.name]
        _write(path, tomlkit.dumps(document))
        if base.name == preset.name:  # its own base is gone with it
            base = known[DEFAULT_PRESET]
    try:
        add_preset(path, preset, base)
    except ConfigError:
        _write(path, before)
        raise
    return Edit(path, before, _read(path))


def remove_preset(path: Path, name: str) -> Edit:
    """Takes [presets.NAME] out. Raises ConfigError if it is not there, is needed, or the file cannot be written."""
    before = _read(path)
    document = _parse(before, path)
    presets = document.get("presets")
    if presets is None or name not in presets:
        raise ConfigError(f"preset '{name}' is not in {path}", "The built-in presets stay.")
    del presets[name]
    after = tomlkit.dumps(document)
    _write(path, after)
    return Edit(path, before, after)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", "Check its permissions and that it is UTF-8 text.") from exc


def _parse(text: str, path: Path) -> tomlkit.TOMLDocument:
    parse_config(text, path)  # says what is wrong in words of ours
    try:
        return tomlkit.parse(text)
    except TOMLKitError as exc:
        raise ConfigError(f"{path}: {exc}", "The file must be TOML; `websight-tui init` writes an example.") from exc


def _write(path: Path, text: str, *, private: bool = False) -> None:
    parse_config(text, path)
    try:
        target = path.resolve()  # a link (dotfiles) keeps pointing where it did
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, text)
        if private:
            target.chmod(0o600)  # a webhook's address may be all that is needed to use it
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc}", "Check its permissions and the disk.") from exc
