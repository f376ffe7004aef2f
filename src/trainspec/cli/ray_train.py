"""What each worker of Ray Train does: the train command, in a process that Ray has given its rank.

    TorchTrainer(train_worker, train_loop_config={"task": "digits", "settings": '{"output_dir": "runs/a"}'}, ...)

`trainspec export --to ray` writes such a file. Ray joins the workers before it calls them, and the run uses what it
made. Checkpoints are the run's own, in output_dir; Ray is told numbers alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.arguments.launch import Launch


class RunFailed(RuntimeError):
    """The train command ended with another exit code than 0; what it had to say is in the worker's log."""

    def __init__(self, code: int) -> None:
        super().__init__(f"trainspec train ended with exit code {code}; the worker's log says why")
        self.code = code


def train_worker(config: Mapping[str, Any]) -> dict[str, float]:
    """The train loop for a TorchTrainer; returns the last of each number in the run's log, in every worker but the
    first nothing.

    `config` has the name of the `task`, its `settings` (the text of a JSON document, over which the worker's own
    environment counts), and may have `secret_files`, variables that name the files of secrets, and `folder`, from where
    paths are seen. A worker that is started again goes on from the newest checkpoint. Raises RunFailed.
    """
    from ray import train

    from trainspec.cli import main
    from trainspec.training.command.preemption import register_source

    register_source(node_is_drained)
    _go_to(config.get("folder"))
    _name_secrets(config.get("secret_files", {}))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.json"
        file.write_text(config["settings"], encoding="utf-8")
        code = main(["train", config["task"], "--config", str(file), "--resume-if-any"])
    if code:
        raise RunFailed(code)
    # Every worker must report as often as the others; Ray keeps what the first one says.
    is_main = Launch.of_this_process().rank == 0
    numbers = _numbers(json.loads(config["settings"])) if is_main else {}
    train.report(numbers)
    return numbers


def node_is_drained() -> bool:
    """Whether Ray is about to take this worker's node away, as of a spot instance that its cloud wants back.

    A source of preemption: the run saves its last update and ends, and Ray starts it again elsewhere. Of several
    workers it is enough that one knows. Ray's own ray.train.get_preemption_info() waits for all workers, and is of no
    use to a thread; what it is made from has no public name.
    """
    import ray
    from ray._private.state import state

    return ray.get_runtime_context().get_node_id() in state.get_draining_nodes()


def _go_to(folder: str | None) -> None:
    """Ray's workers are in a folder of their own; modules of tasks are looked for where the entry was started."""
    if folder is not None and os.path.isdir(folder):
        os.chdir(folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _name_secrets(files: Mapping[str, str]) -> None:
    for name, path in files.items():
        if name not in os.environ and name.removesuffix("_FILE") not in os.environ:
            os.environ[name] = path


def _numbers(document: Mapping[str, Any]) -> dict[str, float]:
    """The last of each number in the log of the run that has just written its state."""
    from trainspec.storage import NotFound, open_store
    from trainspec.training.checkpoint.contents import TRAINER_STATE

    said = os.environ.get(f"{TrainingArguments.env_prefix}OUTPUT_DIR") or document.get("output_dir")
    try:
        history = json.loads(open_store(said or "trainer_output").read_bytes(TRAINER_STATE))["log_history"]
    except NotFound:
        # It did not train, and so wrote no state.
        return {}
    found = {name: value for entry in history for name, value in entry.items()}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}
