"""What is stored where, and who may read it: docs/security.md's table, held."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.servers import Person
from websight_tui.cli import main
from websight_tui.config import load_config
from websight_tui.errors import ConfigError, RemoteFileError
from websight_tui.pocket import control
from websight_tui.presets import BUILT_IN
from websight_tui.remote.opening import open_transport
from websight_tui.remote.partial import part_of
from websight_tui.remote.port import Endpoint, Transport
from websight_tui.runs.plan import plan_launch
from websight_tui.runs.scheduler import Scheduler
from websight_tui.runs.store import Store
from websight_tui.runs.submit import submit
from websight_tui.secrecy import secret_in
from websight_tui.tui.cluster_file import add_cluster
from websight_tui.tui.preset_file import add_preset


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The most careless umask there is: whatever is private is so by our doing."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "made" / "config.toml"
    monkeypatch.setenv("WEBSIGHT_TUI_CONFIG", str(path))
    assert main(["init"]) == 0
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert main(["init", "--force"]) == 0
    assert mode(path) == 0o600


def test_the_configuration_that_the_app_writes(tmp_path: Path) -> None:
    path = tmp_path / "made" / "config.toml"
    config = add_cluster(path, "hai", {"host": "hai"})
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    path.chmod(0o640)
    base = config.presets["rank32"]
    add_preset(path, base.__class__(**{**{f: getattr(base, f) for f in base.__slots__}, "name": "mine"}), base)
    assert mode(path) == 0o640, "a mode that the person chose stays"


def test_the_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "made" / "runs.sqlite")
    try:
        assert mode(tmp_path / "made") == 0o700
        assert {mode(path) for path in (tmp_path / "made").iterdir()} == {0o600}
    finally:
        store.close()


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.PocketInfo]:
    folder = tmp_path_factory.mktemp("pocket")
    yield control.start(folder)
    control.stop(folder)


@pytest.fixture(params=["paramiko", "local"])
def there(request: pytest.FixtureRequest, pocket: control.PocketInfo) -> Iterator[Transport]:
    transport = open_transport(Endpoint(transport="local") if request.param == "local" else pocket.endpoint)
    transport.connect(Person())
    yield transport
    transport.close()


def test_the_run_folder_on_the_cluster(there: Transport, tmp_path: Path) -> None:
    config = load_config(tmp_path / "none.toml")
    root = tmp_path / "scratch" / "w"
    cluster = config.clusters["local"].__class__("there", root=str(root), gpus_per_node=0)
    tiny = next(preset for preset in BUILT_IN if preset.name == "tiny")
    plan = plan_launch(config, cluster, tiny, now=1.8e9)
    submit(plan, there, Scheduler(there, time.time, deque()), lambda *_: None)
    run = root / "runs" / plan.spec.run_id
    assert mode(run / "run.json") == 0o600
    folders = [root.parent, root, root / "runs", root / "bundles", run]
    assert {mode(folder) for folder in folders} == {0o700}
    (script,) = run.glob("job-*.sh")
    assert mode(script) == 0o700


def test_the_pocket_cluster(pocket: control.PocketInfo) -> None:
    assert mode(pocket.folder) == 0o700
    assert mode(pocket.folder / "ssh" / "client_key") == 0o600
    assert mode(pocket.folder / "ssh" / "host_key") == 0o600


def test_a_download_does_not_follow_a_link(there: Transport, tmp_path: Path) -> None:
    """In a folder that others may write to, a link could lead the bytes of the cluster into any file of the person."""
    (tmp_path / "remote").write_text("from the cluster")
    mine, target = tmp_path / "mine", tmp_path / "shared" / "adapter.json"
    mine.write_text("mine")
    target.parent.mkdir()
    part_of(target).symlink_to(mine)
    with pytest.raises(RemoteFileError, match="cannot be written") as error:
        there.download(str(tmp_path / "remote"), target)
    assert "link" in error.value.hint
    assert mine.read_text() == "mine"
    part_of(target).unlink()
    target.symlink_to(mine)
    there.download(str(tmp_path / "remote"), target)
    assert (mine.read_text(), target.read_text(), target.is_symlink()) == ("mine", "from the cluster", False)


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    there = open_transport(Endpoint(transport="local"))
    there.connect(Person())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (str(pipe), "/dev/zero", "/dev/null"):
        assert there.read(path, 0, 100) is None
        with pytest.raises(RemoteFileError, match="no ordinary file"):
            there.download(path, tmp_path / "target")


LINES = {
    "export HF_TOKEN=hf_abcdefghijklmnopqrstuvwx": "HF_TOKEN",
    "export WANDB_API_KEY='0123456789abcdef'": "WANDB_API_KEY",
    'wandb_api_key="0123"': "wandb_api_key",
    "FOO=1 MY_PASSWORD=hunter2 cmd": "MY_PASSWORD",
    "huggingface-cli login --token abcdef": "an option's secret",
    "git clone https://me:hunter2@host/x": "a password",
    "echo hf_abcdefghijklmnopqrstuvwx > ~/.t": "a Hugging Face token",
    "export HF_TOKEN=$(cat ~/.hf_token)": "",
    'export HF_TOKEN="$(<~/.hf_token)"': "",
    "export HF_TOKEN=$TOKEN": "",
    "export HF_TOKEN=`pass hf`": "",
    "export HF_TOKEN_PATH=/home/me/.hf_token": "",
    "export TOKENIZERS_PARALLELISM=false": "",
    "huggingface-cli login --token $HF_TOKEN": "",
    "source ~/.secrets": "",
    "module load cuda/12.4 && source ~/venvs/llamafactory/bin/activate": "",
    "export MAX_TOKENS=0": "",
}


@pytest.mark.parametrize("line", LINES)
def test_a_secret_in_a_setup_line_is_refused_without_showing_it(line: str, tmp_path: Path) -> None:
    assert secret_in(line) == LINES[line]
    path = tmp_path / "config.toml"
    path.write_text(f"[clusters.a]\nhost = 'h'\nsetup = ['''{line}''']\n")
    if not LINES[line]:
        load_config(path)
        return
    with pytest.raises(ConfigError, match="line 3") as error:
        load_config(path)
    assert LINES[line] in error.value.message
    assert not {"hunter2", "0123", "abcdef"} & set(str(error.value).split())
    assert "hf_abc" not in error.value.message + error.value.hint


def test_a_setup_of_another_kind_is_not_shown_either(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[clusters.a]\nhost = 'h'\nsetup = 'export HF_TOKEN=hf_abcdefghijklmnopqrstuvwx'\n")
    with pytest.raises(ConfigError, match="list of shell lines") as error:
        load_config(path)
    assert "hf_" not in error.value.message
