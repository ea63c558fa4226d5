"""config.toml: defaults, everything it can say, and how each mistake is reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from websight_tui.cli.init import EXAMPLE
from websight_tui.config import LOCAL, load_config, parse_config
from websight_tui.errors import ConfigError
from websight_tui.ui_settings import Ui, shown, webhook_problem

PATH = Path("/home/a/config.toml")


def test_no_file_gives_defaults(tmp_path: Path) -> None:
    config = load_config(tmp_path / "none.toml")
    assert list(config.clusters) == [LOCAL]
    assert config.presets["rank32"].lora_rank == 32


def test_a_full_cluster() -> None:
    config = parse_config(
        """
        [clusters.hai]
        host = "login.hai"
        user = "alice"
        port = 2222
        root = "~/websight-v2/"
        account = "ingrai"
        partition = "hai"
        time_limit = "1-00:00:00"
        setup = ["module load cuda"]
        poll_floor_s = 15
        [ui]
        theme = "nord"
        [keys]
        quit = "ctrl+x"
        """,
        PATH,
    )
    hai = config.clusters["hai"]
    assert (hai.endpoint.host, hai.endpoint.user, hai.endpoint.port) == ("login.hai", "alice", 2222)
    assert hai.root == "~/websight-v2"
    assert (hai.account, hai.partition, hai.time_limit, hai.poll_floor_s) == ("ingrai", "hai", "1-00:00:00", 15)
    assert hai.setup == ("module load cuda",)
    assert (config.ui.theme, dict(config.keys)) == ("nord", {"quit": "ctrl+x"})


def test_the_host_defaults_to_the_clusters_name() -> None:
    assert parse_config("[clusters.hai]\n", PATH).clusters["hai"].endpoint.host == "hai"


def test_presets_start_from_another_or_from_the_built_in_of_their_name() -> None:
    config = parse_config(
        '[presets.mine]\nbase = "rank16"\nnum_train_epochs = 2\n[presets.rank32]\nsave_steps = 50\n', PATH
    )
    mine = config.presets["mine"]
    assert (mine.lora_rank, mine.num_train_epochs) == (16, 2.0)
    assert (config.presets["rank32"].save_steps, config.presets["rank32"].lora_rank) == (50, 32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[clusters.hai]\n\nacount = 'x'", r"line 3, \[clusters.hai\] acount: unknown key"),
        ("[clusters.hai]\nport = 'x'", r"line 2, \[clusters.hai\] port: expected a whole number"),
        ("[clusters.hai]\nroot = 'here'", "root: expected an absolute path"),
        ("[clusters.hai]\nroot = '/a b'", "root: expected an absolute path"),
        ("[clusters.hai]\naccount = 'x; rm -rf'", "account: expected a name"),
        ("[clusters.hai]\ntime_limit = '8h'", "time_limit: expected a Slurm time"),
        ("[clusters.hai]\nsetup = 'module load cuda'", "setup: expected a list"),
        ("[clusters.hai]\ntransport = 'telnet'", "transport: expected auto"),
        ("[clusters.'h i']\n", "expected a name of letters"),
        ("clusters = 3", "expected a table"),
        ("[presets.mine]\nlora_rnk = 8", "line 2, .*unknown preset field 'lora_rnk'"),
        ("[presets.mine]\nlora_rank = 0", "lora_rank must be above 0"),
        ("[presets.mine]\nbase = 'nope'", "base: expected the name of a preset"),
        ("[ui]\ntheme = 3", "theme: expected text"),
        ("[clustres.hai]", "clustres: unknown key"),
        ("[clusters] x", "line 1"),
    ],
)
def test_mistakes_name_file_line_key_and_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        parse_config(text, PATH)
    assert str(PATH) in caught.value.message


def test_a_typing_error_is_answered_with_the_nearest_key() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("[clusters.hai]\nacount = 'x'", PATH)
    assert "account" in caught.value.hint


def test_the_example_is_valid_commented_and_uncommented() -> None:
    assert parse_config(EXAMPLE, PATH).clusters.keys() == {LOCAL}
    code = [line[2:] for line in EXAMPLE.splitlines() if re.match(r"# (\w+ = |\[)", line)]
    config = parse_config("\n".join(code), PATH)
    assert config.clusters["hai"].account == "ingrai"
    assert config.presets["mine"].lora_rank == 24


def test_the_app_is_quiet_unless_wished_otherwise() -> None:
    assert parse_config("[ui]\n", PATH).ui == Ui(bell=False, desktop="off", webhook="")
    text = '[ui]\nbell = true\ndesktop = "osc99"\nwebhook = "https://ntfy.sh/mine"\nsymbols = "ascii"\ntitle = false\n'
    assert parse_config(text, PATH).ui == Ui("auto", "ascii", False, True, "osc99", "https://ntfy.sh/mine")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('bell = "loud"', "line 2, \\[ui\\] bell: expected true or false, not 'loud'"),
        ('desktop = "osc8"', "desktop: expected one of off, auto, osc9, osc777, osc99"),
        ('symbols = "emoji"', "symbols: expected one of auto, unicode, ascii"),
        ("notify = true", "notify: unknown key"),
        ('webhook = "http://hooks.example.org/secret"', "webhook: expected an https:// address"),
        ('webhook = "ftp://example.org/secret"', "webhook: expected an address such as"),
        ('webhook = "https://example.org:port/secret"', "webhook: expected an address such as"),
        ('webhook = "https://example.org/a secret"', "webhook: expected an address such as"),
    ],
)
def test_a_wrong_setting_is_said_and_an_address_stays_secret(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config(f"[ui]\n{line}\n", PATH)
    assert "secret" not in str(caught.value)


def test_plain_http_is_for_this_machine_alone() -> None:
    assert webhook_problem("http://127.0.0.1:8080/x") == webhook_problem("") == ""
    assert shown("https://user:pass@ntfy.example.org:8443/topic?auth=tk_1") == "https://ntfy.example.org:8443/…"
    assert shown("https://[broken") == "…"
