"""Promise: a run goes on from a checkpoint of transformers with the numbers that transformers itself would have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.foreign.theirs import Points, Small, largest_difference, settings, trained
from torch.utils.data import DataLoader

import trainspec
from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.foreign.finding import newest_of_any
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

transformers = pytest.importorskip("transformers")


class InOrder(Trainer):
    """Rows one after the other, as in `trained`."""

    def get_train_dataloader(self) -> Any:
        return DataLoader(self.train_dataset, batch_size=self.args.train_batch_size, shuffle=False)


def ours(folder: Path, model: Any = None, *, resume: Any, **changes: Any) -> Trainer:
    given = {name: changes.pop(name) for name in ("callbacks", "eval_dataset", "train_dataset") if name in changes}
    args = TrainingArguments(output_dir=str(folder), **settings(**changes))
    trainer = InOrder(Small(seed=99) if model is None else model, args, **{"train_dataset": Points(), **given})
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


RUNS: dict[str, dict[str, Any]] = {
    "in the middle of an epoch": {},
    "between two epochs": {"save_steps": 6},
    "accumulating, uneven": {"gradient_accumulation_steps": 4, "save_steps": 3},
    "by steps": {"max_steps": 11},
    "sgd": {"optim": "sgd", "optim_args": "momentum=0.9"},
    "adagrad": {"optim": "adagrad"},
    "rmsprop": {"optim": "rmsprop"},
    "one process more of the same": {"optim": "adamw_torch_fused"},
    "linear": {"lr_scheduler_type": "linear", "warmup_steps": 0},
    "polynomial": {"lr_scheduler_type": "polynomial"},
    "restarts": {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 2}},
    "constant": {"lr_scheduler_type": "constant_with_warmup"},
    "clipped": {"max_grad_norm": 0.01},
}


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_it_goes_on_as_transformers_would(tmp_path: Path, changes: dict[str, Any]) -> None:
    trained(tmp_path / "theirs", **changes)
    first = min((tmp_path / "theirs").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    theirs = trained(tmp_path / "again", Small(seed=99), resume=first, **changes)
    model = ours(tmp_path / "out", resume=str(first), **changes)
    assert model.state.global_step == theirs.state.global_step
    assert model.state.epoch == pytest.approx(theirs.state.epoch)
    assert largest_difference(theirs.model, model.model) < 1e-9
    # transformers writes losses as float32.
    assert losses(model) == pytest.approx(losses(theirs), abs=1e-6)


def test_the_weight_decay_of_other_groups_is_told_apart(tmp_path: Path) -> None:
    """BatchNorm decays there and not here: the moments still belong to their parameters."""
    trained(tmp_path / "theirs")
    trainer = ours(tmp_path / "out", resume=str(tmp_path / "theirs" / "checkpoint-4"), num_train_epochs=1, save_steps=5)
    saved = torch.load(tmp_path / "theirs" / "checkpoint-4" / "optimizer.pt", weights_only=True)["state"]
    assert {tuple(value["exp_avg"].shape) for value in saved.values()} == {
        tuple(value.shape) for value in trainer.model.parameters()
    }


@pytest.mark.parametrize("wanted", ["latest", True])
def test_the_newest_of_an_output_folder_is_found(tmp_path: Path, wanted: Any) -> None:
    out = tmp_path / "out"
    whole = trained(out)
    shutil.rmtree(out / "checkpoint-18", ignore_errors=True)
    newest = max(int(path.name.split("-")[1]) for path in out.glob("checkpoint-*"))
    assert trainspec.get_last_checkpoint(out) == str(out / f"checkpoint-{newest}")
    trainer = ours(out, resume=wanted)
    assert largest_difference(whole.model, trainer.model) < 1e-9
    assert (out / "checkpoint-4").is_dir(), "what is not ours is not thinned out"


def test_ours_beside_theirs_the_highest_step_counts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    trained(out, max_steps=4)
    ours(out, resume="latest", max_steps=8)
    (found,) = [trainspec.get_last_checkpoint(out)]
    assert found == str(out / "checkpoint-8")
    assert ours(out, resume="latest", max_steps=10).state.global_step == 10


def test_one_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    out = tmp_path / "out"
    trained(out, max_steps=8)
    weights = out / "checkpoint-8" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert trainspec.get_last_checkpoint(out) == str(out / "checkpoint-4")
    with pytest.raises(PreflightError, match=r"model\.safetensors is cut off"):
        ours(tmp_path / "other", resume=str(out / "checkpoint-8"))
    optimizer = out / "checkpoint-4" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-200])
    assert trainspec.get_last_checkpoint(out) is None


def test_early_stopping_and_the_best_go_on(tmp_path: Path) -> None:
    watching = {
        "eval_strategy": "steps",
        "eval_steps": 4,
        "metric_for_best_model": "loss",
        "greater_is_better": True,
        "load_best_model_at_end": True,
        "eval_dataset": Points(8),
    }
    stopping = transformers.EarlyStoppingCallback(3)
    trained(tmp_path / "theirs", callbacks=[stopping], max_steps=8, **watching)
    mine = trainspec.EarlyStoppingCallback(3)
    trainer = ours(
        tmp_path / "out", resume=str(tmp_path / "theirs" / "checkpoint-8"), callbacks=[mine], max_steps=40, **watching
    )
    theirs = trained(
        tmp_path / "again",
        Small(seed=99),
        resume=tmp_path / "theirs" / "checkpoint-8",
        callbacks=[transformers.EarlyStoppingCallback(3)],
        max_steps=40,
        # Where ours go on with what they had counted, theirs have to be told so.
        restore_callback_states_from_checkpoint=True,
        **watching,
    )
    assert trainer.state.best_global_step == theirs.state.best_global_step == 4
    assert trainer.state.global_step == theirs.state.global_step < 40, "the patience that was used up counts"
    best = Small(seed=1)
    from safetensors.torch import load_file

    best.load_state_dict(load_file(tmp_path / "theirs" / "checkpoint-4" / "model.safetensors"))
    assert largest_difference(best, trainer.model) == 0, "the best is loaded from their folder"


@pytest.mark.parametrize("size", ["50GB", "4KB"])
def test_a_model_of_transformers_whole_and_in_shards(tmp_path: Path, size: str) -> None:
    config = transformers.GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=32, n_positions=16, resid_pdrop=0.0)
    config.attn_pdrop = config.embd_pdrop = 0.0

    class Words(Points):
        def __getitem__(self, index: int) -> dict[str, Any]:
            words = (torch.arange(6) * 5 + index) % 32
            # Of the first nobody can be asked: with it, transformers divides by one label too many.
            return {"input_ids": words, "labels": torch.cat([torch.tensor([-100]), words[1:]])}

    def model(seed: int) -> Any:
        torch.manual_seed(seed)
        return transformers.GPT2LMHeadModel(config)

    trained(tmp_path / "theirs", model(1), train_dataset=Words(), max_steps=8)
    first = tmp_path / "theirs" / "checkpoint-4"
    theirs = trained(tmp_path / "again", model(2), resume=first, train_dataset=Words(), max_steps=8)
    if size != "50GB":
        saved = model(3)
        from safetensors.torch import load_file

        saved.load_state_dict(load_file(first / "model.safetensors"), strict=False)
        saved.tie_weights()
        (first / "model.safetensors").unlink()
        saved.save_pretrained(first, max_shard_size=size)
        assert (first / "model.safetensors.index.json").exists()
    trainer = ours(tmp_path / "out", model(4), resume=str(first), train_dataset=Words(), max_steps=8)
    assert largest_difference(theirs.model, trainer.model) < 1e-6


def test_torch_weights_are_read_too(tmp_path: Path) -> None:
    whole = trained(tmp_path / "theirs", max_steps=8)
    from safetensors.torch import load_file

    first = tmp_path / "theirs" / "checkpoint-4"
    torch.save(load_file(first / "model.safetensors"), first / "pytorch_model.bin")
    (first / "model.safetensors").unlink()
    assert largest_difference(whole.model, ours(tmp_path / "out", resume=str(first), max_steps=8).model) < 1e-9


def test_dropout_draws_what_it_would_have_drawn(tmp_path: Path) -> None:
    class Dropping(Small):
        def forward(self, x: Any, labels: Any = None) -> Any:
            return super().forward(torch.nn.functional.dropout(x, 0.5, self.training), labels)

    changes = {"num_train_epochs": 1, "save_steps": 2}
    whole = trained(tmp_path / "theirs", Dropping(), **changes)
    trainer = ours(tmp_path / "out", Dropping(seed=99), resume=str(tmp_path / "theirs" / "checkpoint-2"), **changes)
    assert largest_difference(whole.model, trainer.model) < 1e-9


def test_a_checkpoint_of_adapters(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")

    def model(seed: int) -> Any:
        torch.manual_seed(seed)
        base = Small()
        torch.manual_seed(seed)
        return peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["first", "last"]))

    whole = trained(tmp_path / "theirs", model(1), max_steps=8)
    first = tmp_path / "theirs" / "checkpoint-4"
    assert (first / "adapter_model.safetensors").exists()
    mine = model(1)
    with torch.no_grad():
        for name, value in mine.named_parameters():
            if "lora" in name:
                value.normal_()
    trainer = ours(tmp_path / "out", mine, resume=str(first), max_steps=8)
    for name, value in whole.model.named_parameters():
        assert (dict(trainer.model.named_parameters())[name] - value).abs().max() < 1e-9


def _newest(folder: Path) -> int:
    found = newest_of_any(open_store(folder))
    assert found is not None
    return found.step


def test_who_goes_back_in_a_folder_of_theirs_leaves_theirs_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out"
    trained(folder, max_steps=8, save_steps=2)
    with caplog.at_level("INFO"):
        ours(folder, resume=str(folder / "checkpoint-2"), max_steps=4, save_steps=2)
    assert "RUN225" in caplog.text and "checkpoint-4, checkpoint-6, checkpoint-8" in caplog.text
    assert _newest(folder) == 4
    assert ours(folder, resume="auto", max_steps=6, save_steps=2).state.global_step == 6
    assert _newest(folder) == 6
