"""`push`: an adapter or a merged model goes to the hub. The token comes from HF_TOKEN and is never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainer.problem import Problem

PATTERNS: Final = (
    "adapter_config.json",
    "adapter_model*.safetensors*",
    "chat_template*",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model*.safetensors*",
    "*preprocessor_config.json",
    "processor_config.json",
    "README.md",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer*",
    "vocab.json",
)
"""What a model needs; checkpoints, logs, predictions and the trainer's own files stay here."""
TOKEN: Final = "HF_TOKEN"


@dataclass(frozen=True, slots=True)
class Upload:
    """What is to be uploaded: file names and their bytes, and what a reader should know before."""

    files: Mapping[str, int]
    warnings: tuple[str, ...]

    def in_words(self) -> str:
        """The files and the warnings for people."""
        lines = [f"{size / 1e6:10,.1f} MB  {name}" for name, size in self.files.items()]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])


def plan_upload(folder: Path) -> Upload:
    """Chooses the files of a model or an adapter.

    Raises: Problem if `folder` holds neither.
    """
    names = sorted({path.name for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()})
    adapter = "adapter_config.json" in names
    weights = "adapter_model" if adapter else "model"
    if not any(name.startswith(weights) and name.endswith(".safetensors") for name in names):
        hint = "Give a run's output folder, a checkpoint, or the folder that merge made."
        raise Problem(f"{folder} holds neither an adapter nor a model", hint)
    warnings = []
    if adapter:
        base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
        if not isinstance(base, str) or base.startswith(("/", ".", "~")):
            warnings.append(f"the adapter names its base model by a path of this machine: {base}")
    return Upload({name: (folder / name).stat().st_size for name in names}, tuple(warnings))


def push(folder: Path, repository: str, environment: Mapping[str, str], *, private: bool = True) -> str:
    """Uploads a model or an adapter and returns its address.

    Args:
        repository: "owner/name"; made if it does not exist.
        environment: where HF_TOKEN is looked up; a token stored by other tools is not used.
        private: whether a new repository is.

    Raises: Problem if there is no token, the name or the folder is wrong, or the hub refuses.
    """
    token = environment.get(TOKEN, "").strip()
    if not token:
        hint = f"export {TOKEN}=… in the shell that starts this (a token with write access); it is not stored."
        raise Problem(f"{TOKEN} is not set", hint)
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository):
        raise Problem(f"'{repository}' is not a repository's name", "It has the form owner/name.")
    upload = plan_upload(folder)

    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(token=token)
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            allow_patterns=list(upload.files),
            ignore_patterns=["*/*"],
            commit_message=f"Upload {folder.name}",
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0].replace(token, "…")
        hint = "Does the token have write access to this repository, and is the network reachable from here?"
        raise Problem(f"the hub did not take it: {first_line}", hint) from None
    return str(made)
