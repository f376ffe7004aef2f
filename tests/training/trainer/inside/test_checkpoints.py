"""Overrides that write a model or a checkpoint: what they write is the checkpoint's, whatever they leave out."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make

from trainspec import Trainer
from trainspec.training.checkpoint import CheckpointError, open_checkpoint
from trainspec.training.checkpoint.load import get_last_checkpoint
from trainspec.training.errors import TrainingError
from trainspec.training.preflight.preflight import PreflightError

OURS = {
    "optimizer.safetensors",
    "optimizer.json",
    "scheduler.json",
    "rng_state.json",
    "trainer_state.json",
    "training_args.json",
}
OURS |= {"resolved_args.json", "trainspec_state.json"}


def saved(make_trainer: Make, kind: type[Trainer], **changes: Any) -> Any:
    """The checkpoint of update 2, every file of it compared with its checksum."""
    trainer = make_trainer(kind=kind, **{"max_steps": 2, "save_strategy": "steps", "save_steps": 2, **changes})
    trainer.train()
    checkpoint = open_checkpoint(f"{trainer.args.output_dir}/checkpoint-2")
    checkpoint.verify()
    return checkpoint


def names(checkpoint: Any) -> set[str]:
    return {file.name for file in checkpoint.manifest.files}


class AddsLater(Trainer):
    """As multimodal trainers do: ours first, then a projector beside it."""

    def _save_checkpoint(self, model: Any, trial: Any, metrics: Any = None) -> None:
        super()._save_checkpoint(model, trial, metrics)
        folder = os.path.join(self._get_output_dir(trial=trial), f"checkpoint-{self.state.global_step}")
        assert os.path.exists(os.path.join(folder, "model.safetensors")), "what is ours can be read already"
        torch.save({"weight": torch.ones(2)}, os.path.join(folder, "mm_projector.bin"))


class OnlyTheAdapter(Trainer):
    """As multimodal trainers do in their first stage: nothing of ours is saved."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = os.path.join(self._get_output_dir(trial=trial), f"checkpoint-{self.state.global_step}")
        os.makedirs(folder, exist_ok=True)
        torch.save(self.model.state_dict(), os.path.join(folder, "mm_projector.bin"))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        pass


class PartByPart(Trainer):
    """A copy of what transformers does, step by step."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.hp_search_backend is None and trial is None:
            self.store_flos()
        run = self._get_output_dir(trial=trial)
        folder = os.path.join(run, f"checkpoint-{self.state.global_step}")
        self.save_model(folder, _internal_call=True)
        if not self.args.save_only_model:
            self._save_optimizer_and_scheduler(folder)
            self._save_scaler(folder)
            self._save_rng_state(folder)
        if self.args.should_save:
            self.state.save_to_json(os.path.join(folder, "trainer_state.json"))
            self._rotate_checkpoints(use_mtime=True, output_dir=run)


class RewritesAndRemoves(Trainer):
    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        (folder / "optimizer.safetensors").unlink()
        (folder / "trainer_state.json").write_text('{"global_step": 2, "mine": 1}')


class Embeds(Trainer):
    """As embedding models are saved: by their own method, with parts in folders."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        assert output_dir is not None
        Path(output_dir, "1_Pooling").mkdir(parents=True, exist_ok=True)
        Path(output_dir, "1_Pooling", "config.json").write_text("{}")
        torch.save(self.model.state_dict(), Path(output_dir, "pytorch_model.bin"))


class HeadBeside(Trainer):
    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        super().save_model(output_dir, _internal_call)
        Path(output_dir or self.args.output_dir, "head.bin").write_bytes(b"head")


class OwnRandomness(Trainer):
    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        Path(output_dir, "dice.txt").write_text("4")

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        Path(output_dir, "ema.pt").write_bytes(b"ema")


TABLE = {
    "adds later": (AddsLater, OURS | {"model.safetensors", "mm_projector.bin"}),
    "only the adapter": (
        OnlyTheAdapter,
        {"mm_projector.bin"} | OURS - {"optimizer.safetensors", "optimizer.json", "scheduler.json", "rng_state.json"},
    ),
    "part by part": (PartByPart, OURS | {"model.safetensors"}),
    "rewrites and removes": (RewritesAndRemoves, OURS - {"optimizer.safetensors"} | {"model.safetensors"}),
    "embeds": (Embeds, OURS | {"pytorch_model.bin", "1_Pooling/config.json"}),
    "head beside": (HeadBeside, OURS | {"model.safetensors", "head.bin"}),
    "own randomness": (OwnRandomness, OURS | {"model.safetensors", "dice.txt", "ema.pt"}),
}


@pytest.mark.parametrize(("kind", "expected"), TABLE.values(), ids=TABLE)
def test_the_manifest_names_all_that_is_there(make_trainer: Make, kind: type[Trainer], expected: set[str]) -> None:
    checkpoint = saved(make_trainer, kind)
    assert names(checkpoint) == expected
    there = {path.relative_to(checkpoint.url).as_posix() for path in Path(checkpoint.url).rglob("*") if path.is_file()}
    assert there == expected | {"manifest.json"}


@pytest.mark.parametrize("kind", [AddsLater, PartByPart, Embeds, HeadBeside, OwnRandomness])
def test_one_can_go_on_from_it(make_trainer: Make, kind: type[Trainer]) -> None:
    constant = {"lr_scheduler_type": "constant"}
    plain = make_trainer(max_steps=4, **constant)
    plain.train()
    url = saved(make_trainer, kind, **constant).url
    trainer = make_trainer(kind=kind, max_steps=4, **constant)
    trainer.train(resume_from_checkpoint=url)
    assert torch.equal(trainer.model.layer.weight, plain.model.layer.weight)


def test_what_is_missing_is_said_by_who_resumes(make_trainer: Make) -> None:
    url = saved(make_trainer, OnlyTheAdapter).url
    with pytest.raises(PreflightError, match=r"holds no optimizer.safetensors and scheduler.json"):
        make_trainer(max_steps=4).train(resume_from_checkpoint=url)


def test_who_loads_by_himself_goes_on_from_his_own_files(make_trainer: Make) -> None:
    class LoadsIt(OnlyTheAdapter):
        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            path = Path(resume_from_checkpoint, "mm_projector.bin")
            (model or self.model).load_state_dict(torch.load(path, weights_only=True))

        def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
            assert self.optimizer is not None

    saved_at = saved(make_trainer, LoadsIt)
    trainer = make_trainer(kind=LoadsIt, max_steps=3)
    trainer.train(resume_from_checkpoint=saved_at.url)
    assert trainer.state.global_step == 3 and len(trainer.model.seen) == 1


def test_nothing_written_is_no_checkpoint(make_trainer: Make) -> None:
    class Never(Trainer):
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            pass

    trainer = make_trainer(kind=Never, max_steps=2, save_strategy="steps", save_steps=1)
    trainer.train()
    assert get_last_checkpoint(trainer.args.output_dir) is None
    assert not list(Path(trainer.args.output_dir).glob("checkpoint-*"))


def test_a_save_that_breaks_off_is_no_checkpoint(make_trainer: Make) -> None:
    class Breaks(AddsLater):
        def _save_checkpoint(self, model: Any, trial: Any, metrics: Any = None) -> None:
            super()._save_checkpoint(model, trial, metrics)
            raise OSError("no space left")

    trainer = make_trainer(kind=Breaks, max_steps=2, save_strategy="steps", save_steps=2)
    with pytest.raises(OSError, match="no space left"):
        trainer.train()
    with pytest.raises(CheckpointError, match="never finished"):
        open_checkpoint(f"{trainer.args.output_dir}/checkpoint-2")


def test_the_limit_holds_for_them_too(make_trainer: Make) -> None:
    trainer = make_trainer(kind=OnlyTheAdapter, max_steps=4, save_strategy="steps", save_steps=1, save_total_limit=2)
    trainer.train()
    kept = sorted(path.name for path in Path(trainer.args.output_dir).glob("checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-4"]


def test_only_the_model_is_asked_for_where_only_that_is_saved(make_trainer: Make) -> None:
    checkpoint = saved(make_trainer, OwnRandomness, save_only_model=True)
    assert "ema.pt" not in names(checkpoint) and "model.safetensors" in names(checkpoint)


@pytest.mark.parametrize("kind", [AddsLater, OnlyTheAdapter, HeadBeside, Embeds])
def test_a_folder_elsewhere_gets_the_files_of_a_local_one(make_trainer: Make, kind: type[Trainer]) -> None:
    pytest.importorskip("fsspec")

    class Reads(kind):  # type: ignore[valid-type,misc]
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            if kind is not AddsLater:
                super()._save_checkpoint(model, trial)
                return
            Trainer._save_checkpoint(self, model, trial)
            folder = os.path.join(self._get_output_dir(trial=trial), f"checkpoint-{self.state.global_step}")
            torch.save({}, os.path.join(folder, "mm_projector.bin"))

    url = f"memory://hooks/{kind.__name__}"
    make_trainer(kind=Reads, max_steps=2, save_strategy="steps", save_steps=2, output_dir=url).train()
    checkpoint = open_checkpoint(f"{url}/checkpoint-2")
    checkpoint.verify()
    expected = next(files for known, files in TABLE.values() if known is kind)
    assert names(checkpoint) == expected


def test_save_model_elsewhere_gives_the_override_a_local_folder(make_trainer: Make) -> None:
    from trainspec.storage import open_store

    make_trainer(kind=Embeds).save_model("memory://hooks/model")
    found = {entry.name for entry in open_store("memory://hooks/model").entries()}
    assert found == {"pytorch_model.bin", "1_Pooling/config.json"}


def test_a_checkpoint_can_be_saved_by_hand_after_training(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=2)
    with pytest.raises(TrainingError, match="train\\(\\) has not begun it"):
        trainer._save_checkpoint(trainer.model, trial=None)
    trainer.train()
    trainer._save_checkpoint(trainer.model, trial=None)
    open_checkpoint(f"{trainer.args.output_dir}/checkpoint-2").verify()


def test_the_best_of_them_is_loaded_at_the_end(make_trainer: Make) -> None:
    class Best(Embeds):
        def _load_best_model(self) -> None:
            path = Path(self.state.best_model_checkpoint or "", "pytorch_model.bin")
            self.model.load_state_dict(torch.load(path, weights_only=True))

    for kind in (Best, Embeds):
        trainer = make_trainer(
            kind=kind,
            max_steps=4,
            learning_rate=1.0,
            load_best_model_at_end=True,
            save_strategy="steps",
            save_steps=1,
            eval_strategy="steps",
            eval_steps=1,
        )
        trainer.train()
        assert trainer.evaluate()["eval_loss"] == pytest.approx(trainer.state.best_metric)
