import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trainer.problem import Problem
from trainer.push import plan_upload, push

SECRET = "hf_notARealTokenJustLetters"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sft"
    (made / "checkpoint-10").mkdir(parents=True)
    (made / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen3-VL-8B-Instruct"}')
    (made / "checkpoint-10" / "adapter_config.json").write_text("{}")
    for name in ("adapter_model.safetensors", "tokenizer.json", "README.md"):
        (made / name).write_text(name)
    for name in ("trainer_log.jsonl", "training_args.bin", "trainer_state.json", "finished.json", "optimizer.pt"):
        (made / name).write_text("not for the hub")
    return made


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as an upload of small files meets; keeps what it is sent."""

    seen: list[tuple[str, str, bytes]]
    refuse = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.path, self.headers.get("Authorization", ""), body))
        if self.refuse:
            self.answer(403, {"error": f"no write access for {SECRET}"})
        elif self.path.endswith("/repos/create"):
            self.answer(200, {"url": f"{self.server_url}/me/clicks", "name": "me/clicks"})
        elif "/preupload/" in self.path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            self.answer(200, {"files": files})
        elif "/commit/" in self.path:
            self.answer(200, {"commitUrl": f"{self.server_url}/me/clicks/commit/1", "commitOid": "1"})
        else:
            self.answer(200, {})

    def do_GET(self) -> None:
        self.answer(200, {"id": "me/clicks", "sha": "0", "siblings": []})

    @property
    def server_url(self) -> str:
        return "http://127.0.0.1:%d" % self.server.server_address[1]  # noqa: UP031

    def answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[type[Hub]]:
    handler = type("OneHub", (Hub,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.port = server.server_address[1]  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler
    server.shutdown()
    server.server_close()


def command(folder: Path, hub: Any, token: str | None, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.port}",
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PATH": "/usr/bin:/bin",
    } | ({"HF_TOKEN": token} if token else {})
    line = [sys.executable, "-m", "trainer", "push", str(folder), "--repo", "me/clicks"]
    return subprocess.run(
        line, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, timeout=100
    )


@pytest.mark.trainer
def test_an_adapter_goes_up_without_anything_else(folder: Path, hub: Any, tmp_path: Path) -> None:
    done = command(folder, hub, SECRET, tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert all(authorization == f"Bearer {SECRET}" for _, authorization, _ in hub.seen)
    create = json.loads(next(body for path, _, body in hub.seen if path.endswith("/repos/create")))
    assert create.get("private") or create.get("visibility") == "private"
    commit = next(body for path, _, body in hub.seen if "/commit/" in path).splitlines()
    sent = {json.loads(line)["value"]["path"] for line in commit if b'"file"' in line}
    assert sent == {"README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"}
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.trainer
def test_a_refusal_is_told_without_the_token(folder: Path, hub: Any, tmp_path: Path) -> None:
    hub.refuse = True
    done = command(folder, hub, SECRET, tmp_path / "home")
    assert done.returncode == 1
    assert "the hub did not take it" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.trainer
def test_without_a_token_in_the_environment_nothing_is_sent(folder: Path, hub: Any, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text(SECRET)  # what a login of another tool leaves
    done = command(folder, hub, None, tmp_path / "home")
    assert done.returncode == 1
    assert "HF_TOKEN is not set" in done.stderr
    assert hub.seen == []


def test_names_and_folders_are_checked_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="not a repository's name"):
        push(folder, "clicks", {"HF_TOKEN": SECRET})
    with pytest.raises(Problem, match="neither an adapter nor a model"):
        push(tmp_path, "me/clicks", {"HF_TOKEN": SECRET})


def test_a_base_model_on_this_machine_is_warned_of(folder: Path) -> None:
    assert plan_upload(folder).warnings == ()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/scratch/me/qwen"}')
    assert "/scratch/me/qwen" in plan_upload(folder).in_words()
