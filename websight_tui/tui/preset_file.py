"""Adds a preset of the person's own to config.toml without touching anything else in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Container
from pathlib import Path

from websight_tui.config import parse_config
from websight_tui.errors import ConfigError
from websight_tui.presets import Preset, differences


def free_name(base: str, taken: Container[str]) -> str:
    """ "rank32-2", "rank32-3", …: the first that is not taken."""
    stem = base[:34]
    return next(name for n in range(2, 10_000) if (name := f"{stem}-{n}") not in taken)


def preset_table(preset: Preset, base: Preset) -> str:
    """The TOML text of `preset`: its base and the fields that differ from it."""
    lines = [f"[presets.{preset.name}]", f"base = {toml_value(base.name)}"]
    if preset.summary and preset.summary != base.summary:
        lines.append(f"summary = {toml_value(preset.summary)}")
    lines += [
        f"{field} = {toml_value(value)}" for field, (_, value) in differences(preset, base).items() if value is not None
    ]
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """A truth value, number or text as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # a JSON string of printable text is a TOML basic string
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def add_preset(path: Path, preset: Preset, base: Preset) -> None:
    """Appends `[presets.NAME]` to the file at `path`, all or nothing; what stands in it stays byte for byte.

    Raises: ConfigError if the name is taken there, the file is damaged, or it cannot be written.
    """
    try:
        path = path.resolve()  # a link (dotfiles) keeps pointing where it did
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = before + ("" if not before or before.endswith("\n") else "\n") + ("\n" if before else "")
        after += preset_table(preset, base)
        read_back = parse_config(after, path).presets.get(preset.name)
        if read_back is None or differences(read_back, preset):
            raise ConfigError(
                f"preset '{preset.name}' cannot be written to {path}",
                "A field that the base sets cannot be emptied there.",
            )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, after)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be written: {exc}", "Check its permissions and the disk.") from exc


def replace_file(path: Path, text: str) -> None:
    """Puts `text` in the place of the file at `path`, whole or not at all. Raises OSError."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
