"""What libraries that build on transformers' Trainer do with it, each in small."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Rows
from torch import Tensor, nn

import trainspec
from trainspec import Trainer, TrainingArguments
from trainspec.training.checkpoint.states.documents import resolved_document, settings_document
from trainspec.training.data.collator import FROM_TRANSFORMERS


def settings(folder: Path, cls: type[TrainingArguments] = TrainingArguments, **more: Any) -> TrainingArguments:
    said = {"max_steps": 2, "report_to": "none", "use_cpu": True, "save_strategy": "no", "disable_tqdm": True}
    return cls(str(folder), **{**said, "per_device_train_batch_size": 4, **more})


def test_an_override_of_log_sees_which_mode_the_model_is_in(tmp_path: Path) -> None:
    modes: list[tuple[str, bool]] = []

    class Noting(Trainer):
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            modes.append((next(iter(logs)), self.model.training))
            super().log(logs, start_time)

    args = settings(tmp_path, eval_strategy="steps", eval_steps=1, logging_steps=1)
    trainer = Noting(Line(), args, train_dataset=Rows(), eval_dataset=Rows(8))
    trainer.train()
    assert [mode for name, mode in modes if name == "loss"] == [True, True]
    assert [mode for name, mode in modes if name.startswith("eval_")] == [False, False]
    assert trainer.model.training
    trainer.model.eval()
    trainer.predict(Rows(8))
    assert not trainer.model.training


def test_parameter_groups_of_ones_own_come_under_any_of_three_names(tmp_path: Path) -> None:
    class Grouping(Trainer):
        def get_optimizer_cls_and_kwargs(self, args: Any, model: nn.Module | None = None) -> Any:  # type: ignore[override]
            cls, kwargs = super().get_optimizer_cls_and_kwargs(args, model)
            groups = [{"params": list(self.model.parameters()), "weight_decay": 0.25, "lr": 0.5}]
            return cls, {**kwargs, "optimizer_dict": groups}

    trainer = Grouping(Line(), settings(tmp_path), train_dataset=Rows())
    groups = trainer.create_optimizer().param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(0.5, 0.25)]


def test_a_to_dict_of_a_subclass_is_not_what_a_run_is_described_by(tmp_path: Path) -> None:
    class Own(TrainingArguments):
        def to_dict(self) -> dict[str, Any]:  # type: ignore[override]
            return {"nothing": "of use"}

    args = settings(tmp_path, Own, seed=5)
    assert settings_document(args)["seed"] == 5
    assert resolved_document(args)["learning_rate"]["value"] == 5e-5
    Trainer(Line(), args, train_dataset=Rows()).create_model_card()


def test_a_share_that_a_subclass_leaves_unsaid_is_none(tmp_path: Path) -> None:
    @dataclass
    class Unsaid(TrainingArguments):
        warmup_ratio: float | None = None

    args = settings(tmp_path, Unsaid)
    assert args.get_warmup_steps(100) == 0
    Trainer(Line(), args, train_dataset=Rows()).train()


class Embeds(nn.Module):
    """Takes a batch as one argument, and has no loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.layer(features["inputs"])  # type: ignore[no-any-return]


def test_whoever_says_that_the_loss_needs_no_labels_is_believed(tmp_path: Path) -> None:
    class Own(Trainer):
        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **named)
            self.can_return_loss = True

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any) -> Any:
            loss = model({"inputs": inputs["inputs"]}).square().mean()
            return (loss, {}) if return_outputs else loss

    args = settings(tmp_path, prediction_loss_only=True, do_eval=True, remove_unused_columns=False)
    rows = [{"inputs": torch.ones(4)} for _ in range(8)]
    trainer = Own(Embeds(), args, train_dataset=rows, eval_dataset=rows)
    expected = trainer.model.layer(torch.ones(4)).item() ** 2
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_best_model_is_loaded_where_there_is_one_to_load(tmp_path: Path, wanted: bool) -> None:
    calls: list[str | None] = []

    class Own(Trainer):
        def _load_best_model(self) -> None:
            calls.append(self.state.best_model_checkpoint)

    best = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True, "max_steps": -1}
    more = {**best, "num_train_epochs": 1} if wanted else {}
    Own(Line(), settings(tmp_path, **more), train_dataset=Rows(), eval_dataset=Rows(8)).train()
    assert len(calls) == (1 if wanted else 0)


@pytest.mark.parametrize("name", FROM_TRANSFORMERS)
def test_collators_that_need_a_tokenizer_are_transformers_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    assert getattr(trainspec, name) is getattr(transformers, name)
    monkeypatch.delitem(vars(trainspec), name, raising=False)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=f"{name} works through a tokenizer .* pip install transformers"):
        getattr(trainspec, name)
