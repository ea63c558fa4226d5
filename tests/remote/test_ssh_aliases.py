"""Hosts named by an SSH configuration, without asking anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from websight_tui.remote.ssh_aliases import aliases
from websight_tui.remote.ssh_config import CONFIG_VARIABLE


def test_names_come_in_order_with_included_files_and_without_patterns(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "one").write_text("Host inner\n  HostName 10.0.0.1\n")
    config = tmp_path / "config"
    config.write_text(
        "# Host commented\nHost hai hai-login\n  User alice\nHOST=juwels\n"
        f'Include "{tmp_path}/d/*" {config} ~nobody-here/x\n'
        "Host *.lab ?x !bad github.com -oProxyCommand=x hai\nMatch host other\n"
    )
    assert aliases(config) == ["hai", "hai-login", "juwels", "inner"]


def test_what_is_not_there_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aliases(tmp_path / "none") == []
    (tmp_path / "config").write_bytes(b"Host \xff\nHost mine\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "config"))
    assert aliases() == ["mine"]
