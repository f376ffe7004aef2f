"""One override under transformers' Trainer and under ours: the same numbers, and the same files of its own."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.training.trainer.inside.test_logging_by_others import Copied
from tests.training.trainer.inside.test_own_steps import StepByHand
from torch import Tensor, nn
from torch.utils.data import Dataset, SequentialSampler

import trainspec


class Sentences(Dataset[dict[str, Tensor]]):
    def __init__(self, count: int = 20) -> None:
        generator = torch.Generator().manual_seed(5)
        self.tokens = torch.randint(1, 30, (count, 6), generator=generator)
        self.kinds = torch.randint(0, 3, (count,), generator=generator)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.tokens[index], "labels": self.kinds[index]}


def classifier() -> Any:
    torch.manual_seed(1)
    sizes = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_labels": 3}
    still = {"intermediate_size": 16, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model: Any = transformers.BertForSequenceClassification(transformers.BertConfig(**sizes, **still))
    # It takes a count of items and never looks at it: said so, transformers divides by the micro-batches, too.
    model.accepts_loss_kwargs = False
    return model


class InOrder:
    def _get_train_sampler(self: Any, *args: Any, **kwargs: Any) -> Any:
        return SequentialSampler(self.train_dataset)


class Backwards:
    def _get_train_sampler(self: Any, train_dataset: Any = None) -> Any:
        return list(range(len(self.train_dataset)))[::-1]


class Contrasts(InOrder):
    def _prepare_inputs(self: Any, inputs: Any) -> Any:
        prepared = super()._prepare_inputs(inputs)  # type: ignore[misc]
        return {**prepared, "labels": prepared["labels"].flip(0)}


class Focuses(InOrder):
    def compute_loss(self: Any, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        chances = outputs.logits.softmax(-1).gather(1, labels[:, None])
        loss = (-((1 - chances) ** 2) * chances.log()).mean()
        return (loss, outputs) if return_outputs else loss


class Steps(InOrder):
    training_step = StepByHand.training_step


class Logs(InOrder):
    _maybe_log_save_evaluate = Copied._maybe_log_save_evaluate

    # Later releases have no such method, and copies of older ones bring it along.
    def _nested_gather(self: Any, tensors: Any, name: str | None = None) -> Any:
        return tensors


class Rates(InOrder):
    def create_optimizer(self: Any, model: Any = None) -> Any:
        if self.optimizer is None:
            decay = set(self.get_decay_parameter_names(self.model))
            named = list(self.model.named_parameters())
            groups = [
                {"params": [value for name, value in named if name in decay], "lr": 0.5},
                {"params": [value for name, value in named if name not in decay], "lr": 0.1},
            ]
            self.optimizer = torch.optim.SGD(groups)
        return self.optimizer


class Clips(InOrder):
    def _clip_grad_norm(self: Any, model: Any) -> Any:
        return nn.utils.clip_grad_norm_(model.parameters(), 0.01)


class Loads(InOrder):
    def _get_dataloader(self: Any, dataset: Any, description: str, batch_size: int, *args: Any, **kwargs: Any) -> Any:
        size = batch_size - kwargs.get("is_training", False)
        return super()._get_dataloader(dataset, description, size, *args, **kwargs)  # type: ignore[misc]


class Heads(InOrder):
    def _save(self: Any, output_dir: Any = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict=state_dict)  # type: ignore[misc]
        torch.save(self.model.classifier.state_dict(), Path(output_dir, "head.bin"))


OVERRIDES = (InOrder, Backwards, Contrasts, Focuses, Steps, Logs, Rates, Clips, Loads, Heads)


def run(package: Any, override: type, folder: Path, **changes: Any) -> Any:
    usual = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "per_device_train_batch_size": 4}
    often = {"logging_steps": 1, "eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {**usual, **often, "optim": "sgd", "learning_rate": 0.5, "num_train_epochs": 2, **changes}
        args = package.TrainingArguments(output_dir=str(folder), **settings)
        kind = type("Mine", (override, package.Trainer), {})
        trainer = kind(classifier(), args, train_dataset=Sentences(), eval_dataset=Sentences(10))
        trainer.train()
    return trainer


def curve(trainer: Any, key: str) -> list[float]:
    return [entry[key] for entry in trainer.state.log_history if key in entry]


@pytest.mark.parametrize("override", OVERRIDES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_numbers_are_those_under_transformers(tmp_path: Path, override: type, accumulation: int) -> None:
    theirs, ours = (
        run(package, override, tmp_path / package.__name__, gradient_accumulation_steps=accumulation)
        for package in (transformers, trainspec)
    )
    assert ours.state.global_step == theirs.state.global_step
    for key in ("loss", "eval_loss", "learning_rate", "grad_norm", "train_loss"):
        assert curve(ours, key) == pytest.approx(curve(theirs, key), rel=1e-3), key
    for name, value in ours.model.state_dict().items():
        torch.testing.assert_close(value, theirs.model.state_dict()[name], rtol=1e-3, atol=1e-5)
    heads = [
        sorted(
            path.relative_to(each.args.output_dir).as_posix() for path in Path(each.args.output_dir).rglob("head.bin")
        )
        for each in (theirs, ours)
    ]
    assert heads[0] == heads[1]


def test_what_an_attribute_says_is_what_it_says_there(tmp_path: Path) -> None:
    theirs, ours = (
        run(package, InOrder, tmp_path / package.__name__, max_steps=1) for package in (transformers, trainspec)
    )
    for name in (
        *("_train_batch_size", "model_accepts_loss_kwargs", "can_return_loss", "is_fsdp_enabled", "label_names"),
        *("is_deepspeed_enabled", "is_model_parallel", "place_model_on_device", "hp_search_backend", "hp_name"),
        *("label_smoother", "deepspeed", "current_gradient_accumulation_steps", "_globalstep_last_logged"),
    ):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours._total_loss_scalar == pytest.approx(theirs._total_loss_scalar)
    assert Path(ours._get_output_dir(trial=None)).name == "trainspec"
