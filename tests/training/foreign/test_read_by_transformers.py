"""Promise: what a checkpoint of ours shares with transformers, transformers reads; what is ours alone lies beside."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.foreign.theirs import Points, Small, settings
from tests.training.small_job import Line, Make, Rows

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import unpack
from trainspec.training.state import OWN_STATE_NAME, TRAINER_STATE_NAME, TrainerState, own_part, shared_part
from trainspec.training.trainer import Trainer

transformers = pytest.importorskip("transformers")

RUN = {"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 4, "logging_steps": 1}


def test_the_shared_keys_are_those_of_the_installed_transformers() -> None:
    theirs = {entry.name for entry in fields(transformers.TrainerState)}
    ours = {entry.name for entry in fields(TrainerState)}
    document = TrainerState().to_dict()
    assert set(shared_part(document)) == ours & theirs
    assert set(own_part(document)) == ours - theirs
    assert {**shared_part(document), **own_part(document)} == document


def test_transformers_reads_the_state_of_a_checkpoint(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(**RUN)
    trainer.train()
    trainer.save_state()
    trainer.state.save_to_json(tmp_path / "by_hand.json")
    for path in (tmp_path / "out" / "checkpoint-4", tmp_path / "out"):
        theirs = transformers.TrainerState.load_from_json(str(path / TRAINER_STATE_NAME))
        assert theirs.global_step == (4 if path.name == "checkpoint-4" else trainer.state.global_step)
        assert theirs.log_history[0]["loss"] == trainer.state.log_history[0]["loss"]
    transformers.TrainerState.load_from_json(str(tmp_path / "by_hand.json"))
    assert not (tmp_path / "out" / OWN_STATE_NAME).exists(), "only who resumes needs it"


def test_what_is_ours_lies_in_a_file_of_its_own(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**RUN).train()
    checkpoint = open_checkpoint(tmp_path / "out" / "checkpoint-4")
    assert checkpoint.has(OWN_STATE_NAME)
    kept = json.loads(checkpoint.read(OWN_STATE_NAME))
    assert kept["updates_per_epoch"] == 6 and kept["running_loss"]
    assert unpack(checkpoint).trainer_state["updates_per_epoch"] == 6


def test_a_checkpoint_with_all_in_one_file_still_resumes(make_trainer: Make, tmp_path: Path) -> None:
    """As they were written before."""
    from trainspec.training.checkpoint import save_checkpoint

    whole = make_trainer(**RUN, model=Line(dropout=0.3), train_dataset=Rows())
    whole.train()
    out, old = tmp_path / "out", tmp_path / "old"
    checkpoint = open_checkpoint(out / "checkpoint-4")
    files = {file.name: checkpoint.read(file.name) for file in checkpoint.manifest.files}
    together = {**json.loads(files[TRAINER_STATE_NAME]), **json.loads(files.pop(OWN_STATE_NAME))}
    files[TRAINER_STATE_NAME] = json.dumps(together).encode()
    save_checkpoint(open_store(old), 4, files)
    manifest = json.loads((old / "checkpoint-4" / "manifest.json").read_text())
    manifest["data"] = checkpoint.manifest.data
    # Those of that time did not know themselves again.
    del manifest["checksum"]
    (old / "checkpoint-4" / "manifest.json").write_text(json.dumps(manifest))
    resumed = make_trainer(
        **RUN, model=Line(dropout=0.3), output_dir=str(old), resume_from_checkpoint="latest", train_dataset=Rows()
    )
    resumed.train()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_transformers_resumes_the_weights(tmp_path: Path) -> None:
    """Its optimizer starts anew: ours lies under the names of parameters, which it does not know."""
    args = TrainingArguments(output_dir=str(tmp_path / "out"), **settings(max_steps=4))
    ours = Trainer(Small(), args, train_dataset=Points())
    ours.train()
    folder = tmp_path / "theirs" / "checkpoint-4"
    shutil.copytree(tmp_path / "out" / "checkpoint-4", folder)
    still = settings(max_steps=5, learning_rate=0.0)
    theirs_args = transformers.TrainingArguments(str(tmp_path / "again"), **still)
    theirs: Any = transformers.Trainer(Small(seed=99), theirs_args, train_dataset=Points())
    theirs.train(resume_from_checkpoint=str(folder))
    assert theirs.state.global_step == 5, "one more update, of nothing"
    for name, value in ours.model.named_parameters():
        assert torch.equal(value, dict(theirs.model.named_parameters())[name]), name
