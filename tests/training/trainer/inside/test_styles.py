"""Subclasses in the styles of public repositories, each seen to have the effect that its author meant."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, Sampler, SequentialSampler, WeightedRandomSampler

from trainspec import Trainer, TrainerCallback


def rows_of(trainer: Trainer) -> list[int]:
    return [number for batch in trainer.model.seen for number in batch]


# Orders


class ByModality(Sampler[int]):
    """Rows of one kind together, drawn from the generator that everybody uses."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        images = [row for row, length in enumerate(self.lengths) if length > 0]
        texts = [row for row, length in enumerate(self.lengths) if length < 0]
        return iter(images + texts)


class GroupsByModality(Trainer):
    """The signature of older releases: no argument."""

    def _get_train_sampler(self) -> Any:  # type: ignore[override]
        if self.train_dataset is None or not len(self.train_dataset):
            return None
        return ByModality([1 if row % 2 else -1 for row in range(len(self.train_dataset))])


class WithoutShuffling(Trainer):
    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        if self.args.dataloader_drop_last:
            return super()._get_train_sampler(*args, **kwargs)
        return SequentialSampler(self.train_dataset)


class InTheLoader(Trainer):
    def _get_dataloader(
        self,
        dataset: Any,
        description: str,
        batch_size: int,
        sampler_fn: Any = None,
        is_training: bool = False,
        **rest: Any,
    ) -> Any:
        if is_training:
            return DataLoader(dataset, batch_size=batch_size, sampler=range(len(dataset) - 1, -1, -1))
        return super()._get_dataloader(dataset, description, batch_size, sampler_fn, is_training, **rest)


class Weighted(Trainer):
    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return WeightedRandomSampler([1.0] + [0.0] * 23, 24)


ORDERS = {
    "by modality": (GroupsByModality, [*range(1, 24, 2), *range(0, 24, 2)]),
    "without shuffling": (WithoutShuffling, list(range(24))),
    "in the loader": (InTheLoader, list(range(23, -1, -1))),
    "weighted": (Weighted, [0] * 24),
}


@pytest.mark.parametrize(("kind", "order"), ORDERS.values(), ids=ORDERS)
def test_rows_come_in_the_order_of_the_override(make_trainer: Make, kind: type[Trainer], order: list[int]) -> None:
    trainer = make_trainer(kind=kind)
    trainer.train()
    assert rows_of(trainer) == order


def test_no_sampler_is_the_order_of_the_rows(make_trainer: Make) -> None:
    class NoSampler(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return None

    trainer = make_trainer(kind=NoSampler)
    trainer.train()
    assert rows_of(trainer) == list(range(24))


@pytest.mark.parametrize("kind", [WithoutShuffling, GroupsByModality])
def test_a_run_goes_on_in_the_order_of_the_override(make_trainer: Make, kind: type[Trainer]) -> None:
    trainer = make_trainer(kind=kind, save_strategy="steps", save_steps=2)
    trainer.train()
    resumed = make_trainer(kind=kind)
    resumed.train(resume_from_checkpoint=f"{trainer.args.output_dir}/checkpoint-2")
    assert rows_of(resumed) == rows_of(trainer)[8:]
    assert torch.equal(resumed.model.layer.weight, trainer.model.layer.weight)


def test_a_random_sampler_is_new_in_every_epoch_and_the_same_in_every_run(make_trainer: Make) -> None:
    class Shuffles(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return RandomSampler(self.train_dataset)

    runs = []
    for _ in range(2):
        trainer = make_trainer(kind=Shuffles, num_train_epochs=2)
        trainer.train()
        runs.append(rows_of(trainer))
    assert runs[0] == runs[1] and runs[0][:24] != runs[0][24:]
    assert sorted(runs[0][:24]) == list(range(24))


def test_rows_to_evaluate_on_come_in_the_order_of_the_override(make_trainer: Make) -> None:
    class Backwards(Trainer):
        def _get_eval_sampler(self, eval_dataset: Any) -> Any:
            return list(range(len(eval_dataset)))[::-1]

    data = Rows(10)
    trainer = make_trainer(kind=Backwards, eval_dataset=data)
    assert torch.equal(torch.tensor(trainer.predict(data).label_ids), data.targets.flip(0))


# Columns


class Pairs(nn.Module):
    """Takes what a collator makes of columns that forward does not name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, joined: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        output = self.layer(joined)
        return (
            {"logits": output} if labels is None else {"loss": nn.functional.mse_loss(output, labels), "logits": output}
        )


def join(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {
        "joined": torch.stack([row["inputs"] + row["number"] for row in rows]),
        "labels": torch.stack([row["labels"] for row in rows]),
    }


class NamesColumns(Trainer):
    def _set_signature_columns_if_needed(self) -> None:
        if self._signature_columns is None:
            self._signature_columns = ["inputs", "number"]


class AddsColumns(Trainer):
    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        assert self._signature_columns is not None
        self._signature_columns += ["inputs", "number"]


class OwnCollator(Trainer):
    def _get_collator_with_removed_columns(self, data_collator: Any, description: str | None = None) -> Any:
        return data_collator


@pytest.mark.parametrize("kind", [NamesColumns, AddsColumns, OwnCollator])
def test_columns_that_an_override_names_reach_the_collator(make_trainer: Make, kind: type[Trainer]) -> None:
    trainer = make_trainer(kind=kind, model=Pairs(), data_collator=join)
    assert trainer.preflight() == []
    trainer.train()
    assert trainer.state.global_step == 6


def test_columns_can_be_assigned(make_trainer: Make) -> None:
    trainer = make_trainer(model=Pairs(), data_collator=join)
    assert {item.code for item in trainer.preflight()} == {"RUN150"}
    trainer._signature_columns = ["inputs", "number", "labels"]
    trainer.train()
    assert trainer.state.global_step == 6


# Batches


def test_a_contrastive_batch_is_made_by_the_override(make_trainer: Make) -> None:
    class Contrasts(Trainer):
        def _prepare_inputs(self, inputs: Any) -> Any:
            prepared = super()._prepare_inputs(inputs)
            return {**prepared, "labels": prepared["labels"] * 0 + 2.0}

    trainer = make_trainer(kind=Contrasts, logging_steps=1, max_steps=1)
    assert set(trainer.predict(trainer.eval_dataset).label_ids.ravel()) == {2.0}
    trainer.train()
    (first,) = entries(trainer, "loss")
    rows, model = Rows(), Line()
    expected = nn.functional.mse_loss(model.layer(rows.inputs[rows_of(trainer)]), torch.full((4, 1), 2.0))
    assert first["loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_every_part_of_a_batch_goes_through_the_override(make_trainer: Make) -> None:
    class Halves(Trainer):
        def _prepare_input(self, data: Any) -> Any:
            data = super()._prepare_input(data)
            return data / 2 if isinstance(data, Tensor) and data.is_floating_point() else data

    def nested(rows: list[Any]) -> Any:
        return {"inputs": (torch.ones(2, 4), [torch.ones(1)]), "number": torch.tensor([3]), "kind": "text"}

    trainer = make_trainer(kind=Halves)
    prepared = trainer._prepare_inputs(nested([]))
    assert torch.equal(prepared["inputs"][0], torch.full((2, 4), 0.5)) and prepared["inputs"][1][0].item() == 0.5
    assert prepared["number"].item() == 3 and prepared["kind"] == "text"


class CountsItself(Trainer):
    """Twice the items: half the loss, where the loss divides by them."""

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any = None) -> Any:
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, items * 2


class CountsInOnePlace(Trainer):
    def _get_num_items_in_batch(self, batch_samples: Any, device: Any = None) -> Any:
        return 2 * sum(len(batch["labels"]) for batch in batch_samples)


class TellsNothing(Trainer):
    def get_batch_samples(self, epoch_iterator: Any, num_batches: int) -> Any:  # type: ignore[override]
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches)
        return batches, None


@pytest.mark.parametrize(("kind", "factor"), [(CountsItself, 0.5), (CountsInOnePlace, 0.5), (TellsNothing, 1.0)])
def test_the_items_are_as_many_as_the_override_says(make_trainer: Make, kind: type[Trainer], factor: float) -> None:
    runs = {"gradient_accumulation_steps": 3, "logging_steps": 1, "max_steps": 1}
    plain, trainer = make_trainer(**runs), make_trainer(kind=kind, **runs)
    plain.train()
    trainer.train()
    assert entries(trainer, "loss")[0]["loss"] == pytest.approx(factor * entries(plain, "loss")[0]["loss"])
    assert entries(trainer, "loss")[0]["grad_norm"] == pytest.approx(factor * entries(plain, "loss")[0]["grad_norm"])


def test_batches_that_an_override_drops_are_used_all_the_same(make_trainer: Make) -> None:
    class Drops(Trainer):
        def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any = None) -> Any:
            batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
            return batches[:1], None

    trainer = make_trainer(kind=Drops, gradient_accumulation_steps=2, save_strategy="steps", save_steps=2)
    trainer.train()
    assert len(trainer.model.seen) == 3, "of six batches"
    resumed = make_trainer(kind=Drops, gradient_accumulation_steps=2)
    resumed.train(resume_from_checkpoint=f"{trainer.args.output_dir}/checkpoint-2")
    assert resumed.model.seen == trainer.model.seen[2:]


# Losses and steps


class Distils(Trainer):
    def __init__(self, *args: Any, teacher: nn.Module, temperature: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teacher, self.temperature = teacher.eval(), temperature
        self._move_model_to_device(self.teacher, self.model.layer.weight.device)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        own = model(**inputs)
        with torch.no_grad():
            taught = self.teacher(**inputs)
        loss = own["loss"] * 0.5 + nn.functional.mse_loss(own["logits"], taught["logits"]) / self.temperature
        return (loss, own) if return_outputs else loss


def test_a_teacher_is_learnt_from(make_trainer: Make, arguments: Any) -> None:
    teacher = Line()
    with torch.no_grad():
        teacher.layer.weight.fill_(1.0)
    settings = arguments(max_steps=1, logging_steps=1)
    trainer = Distils(Line(), settings, train_dataset=Rows(), eval_dataset=Rows(10), teacher=teacher)
    trainer.train()
    rows, model = Rows(), Line()
    picked = rows_of(trainer)
    output = model.layer(rows.inputs[picked])
    expected = 0.5 * nn.functional.mse_loss(output, rows.targets[picked])
    expected = expected + nn.functional.mse_loss(output, teacher.layer(rows.inputs[picked])) / 2.0
    assert entries(trainer, "loss")[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)


class StepByHand(Trainer):
    """A copy of transformers' training_step."""

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        model.train()
        inputs = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        if self.args.n_gpu > 1:
            loss = loss.mean()
        counts = self.model_accepts_loss_kwargs and num_items_in_batch is not None
        if not counts and self.compute_loss_func is None:
            loss = loss / self.current_gradient_accumulation_steps
        self.accelerator.backward(loss)
        return loss.detach()


class Summed(Line):
    """Divides by a count that it is given, as language models do."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Any = None, **loss: Any) -> Any:
        found = super().forward(inputs, labels, number)
        items = loss.get("num_items_in_batch")
        if labels is not None and items is not None:
            found["loss"] = nn.functional.mse_loss(found["logits"], labels, reduction="sum") / items
        return found


@pytest.mark.parametrize("model", [Line, Summed])
def test_a_step_that_is_copied_from_transformers_gives_the_same_numbers(make_trainer: Make, model: Any) -> None:
    runs = {"gradient_accumulation_steps": 3, "logging_steps": 1, "max_steps": 3, "learning_rate": 0.1}
    plain, trainer = make_trainer(model=model(), **runs), make_trainer(kind=StepByHand, model=model(), **runs)
    plain.train()
    trainer.train()
    assert torch.allclose(plain.model.layer.weight, trainer.model.layer.weight, rtol=1e-6)
    for one, other in zip(entries(plain, "loss"), entries(trainer, "loss"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)


# Optimizers


class LayerwiseRates(Trainer):
    def create_optimizer(self) -> Any:  # type: ignore[override]
        if self.optimizer is None:
            cls, kwargs = Trainer.get_optimizer_cls_and_kwargs(self.args)
            decay = self.get_decay_parameter_names(self.model)
            named = self.model.named_parameters()
            groups = [{"params": [value], "lr": 0.5 if name in decay else 0.0} for name, value in named]
            self.optimizer = cls(groups, **kwargs)
        return self.optimizer


def test_groups_of_an_override_have_their_own_rates(make_trainer: Make) -> None:
    trainer = make_trainer(kind=LayerwiseRates, max_steps=1)
    bias = trainer.model.layer.bias.clone()
    trainer.train()
    assert torch.equal(trainer.model.layer.bias, bias)
    assert not torch.equal(trainer.model.layer.weight, Line().layer.weight)


def test_names_that_decay_are_those_of_the_override(make_trainer: Make) -> None:
    class All(Trainer):
        def get_decay_parameter_names(self, model: Any) -> list[str]:
            return [name for name, _ in model.named_parameters()]

    trainer = make_trainer(kind=All, weight_decay=0.1)
    (group,) = trainer.create_optimizer().param_groups
    assert len(group["params"]) == 2 and group["weight_decay"] == 0.1


def test_the_optimizer_class_of_an_override_is_built(make_trainer: Make) -> None:
    class Plain(Trainer):
        @staticmethod
        def get_optimizer_cls_and_kwargs(args: Any, model: Any = None) -> Any:
            return torch.optim.SGD, {"lr": args.learning_rate, "momentum": 0.5}

    optimizer = make_trainer(kind=Plain).create_optimizer()
    assert type(optimizer) is torch.optim.SGD and optimizer.param_groups[0]["momentum"] == 0.5


def test_a_norm_of_ones_own_is_logged_and_used(make_trainer: Make) -> None:
    class Freezes(Trainer):
        def _clip_grad_norm(self, model: Any) -> Any:  # type: ignore[override]
            for value in model.parameters():
                value.grad.zero_()
            return 7.0

    trainer = make_trainer(kind=Freezes, max_steps=1, logging_steps=1, weight_decay=0.0)
    trainer.train()
    assert entries(trainer, "loss")[0]["grad_norm"] == 7.0
    assert torch.equal(trainer.model.layer.weight, Line().layer.weight)


def test_a_norm_that_is_not_told_is_measured(make_trainer: Make) -> None:
    class Silent(Trainer):
        def _clip_grad_norm(self, model: Any) -> Any:  # type: ignore[override]
            super()._clip_grad_norm(model)

    plain, trainer = (
        make_trainer(kind=kind, max_steps=1, logging_steps=1, max_grad_norm=0.0) for kind in (Trainer, Silent)
    )
    plain.train()
    trainer.train()
    assert entries(trainer, "loss")[0]["grad_norm"] == pytest.approx(entries(plain, "loss")[0]["grad_norm"])


# Models


def test_a_model_that_stays_where_it_is_is_not_moved(make_trainer: Make) -> None:
    class Stays(Trainer):
        moved: Any = None

        def _move_model_to_device(self, model: Any, device: Any) -> None:
            type(self).moved = device

    class Pinned(Line):
        def to(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("a quantised model cannot be moved")

    make_trainer(kind=Stays, model=Pinned(), max_steps=1).train()
    assert Stays.moved == torch.device("cpu")
    make_trainer(kind=type("Off", (Trainer,), {"place_model_on_device": False}), model=Pinned(), max_steps=1).train()
    with pytest.raises(AssertionError, match="cannot be moved"):
        make_trainer(model=Pinned())


def test_a_wrapper_is_what_trains_and_evaluates(make_trainer: Make) -> None:
    class Twice(nn.Module):
        def __init__(self, module: nn.Module, factor: float) -> None:
            super().__init__()
            self.module, self.factor = module, factor

        def forward(self, **inputs: Any) -> Any:
            return {**(found := self.module(**inputs)), "loss": found["loss"] * self.factor}

    class Wraps(Trainer):
        def _wrap_model(self, model: Any, training: bool = True, dataloader: Any = None) -> Any:
            if not training and isinstance(model, Twice):
                model = model.module
            return Twice(model, 3.0 if training else 5.0)

    runs = {"max_steps": 1, "logging_steps": 1}
    plain, trainer = make_trainer(**runs), make_trainer(kind=Wraps, **runs)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(5 * plain.evaluate()["eval_loss"])
    plain.train()
    trainer.train()
    assert entries(trainer, "loss")[0]["loss"] == pytest.approx(3 * entries(plain, "loss")[0]["loss"])


def test_a_model_is_made_by_the_override(make_trainer: Make) -> None:
    class Warm(Trainer):
        def call_model_init(self, trial: Any = None) -> Any:
            model = super().call_model_init(trial)
            nn.init.constant_(model.layer.weight, 9.0)
            return model

    assert make_trainer(kind=Warm, model_init=Line).model.layer.weight.unique().item() == 9.0


def test_nothing_else_draws_from_the_generators(make_trainer: Make) -> None:
    class Notes(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            drawn.append(random.random())

    runs = []
    for kind in (Trainer, WithoutShuffling):
        drawn: list[float] = []
        make_trainer(kind=kind, callbacks=[Notes()]).train()
        runs.append(drawn)
    assert runs[0] == runs[1]
