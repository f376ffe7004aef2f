"""Data as subclasses of public repositories bring it: orders, columns and batches, each seen to have its effect."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, rows_of
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, Sampler, SequentialSampler, WeightedRandomSampler

from trainspec import Trainer, TrainerCallback

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


def test_a_loader_that_is_put_together_of_the_parts_is_walked(make_trainer: Make) -> None:
    class ByHand(Trainer):
        def get_train_dataloader(self) -> Any:
            loader = DataLoader(
                self.train_dataset,
                batch_size=self._train_batch_size,
                sampler=self._get_train_sampler(),
                collate_fn=self._get_collator_with_removed_columns(self.data_collator, description="training"),
                drop_last=self.args.dataloader_drop_last,
            )
            return self.accelerator.prepare(loader)

    plain, trainer = make_trainer(num_train_epochs=2), make_trainer(kind=ByHand, num_train_epochs=2)
    plain.train()
    trainer.train()
    assert rows_of(trainer) == rows_of(plain)
    assert torch.equal(trainer.model.layer.weight, plain.model.layer.weight)
