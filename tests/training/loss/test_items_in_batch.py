"""One update from accumulated micro-batches is the update of the whole window, whoever takes the mean of the loss."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.small_job import Make, entries, weights
from torch import Tensor, nn
from torch.nn import functional

from trainspec.training.trainer import Trainer

CLASSES, WIDTH, IGNORED = 3, 4, -100


class Tokens(list[dict[str, Tensor]]):
    """Rows of `LENGTH` tokens, of which as many have labels as `labelled` says, row by row."""

    LENGTH = 6

    def __init__(self, labelled: list[int]) -> None:
        generator = torch.Generator().manual_seed(11)
        for count in labelled:
            inputs = torch.randn(self.LENGTH, WIDTH, generator=generator, dtype=torch.float64)
            labels = torch.randint(0, CLASSES, (self.LENGTH,), generator=generator)
            labels[count:] = IGNORED
            self.append({"inputs": inputs, "labels": labels})


class Mean(nn.Module):
    """Its loss is a mean over the labels of its own batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(WIDTH, CLASSES, dtype=torch.float64)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        if labels is None:
            return {"logits": logits}
        return {"loss": functional.cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}


class Divides(Mean):
    """Its loss is a sum, divided by the items it is told of."""

    def forward(  # type: ignore[override]
        self, inputs: Tensor, labels: Tensor, num_items_in_batch: Tensor | None = None
    ) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        total = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        count = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        return {"loss": total / count, "logits": logits}


class TakesAndIgnores(Mean):
    """Takes the number of items and does nothing with it."""

    def forward(  # type: ignore[override]
        self, inputs: Tensor, labels: Tensor | None = None, num_items_in_batch: Tensor | None = None
    ) -> dict[str, Tensor]:
        return super().forward(inputs, labels)


class Shifts(Mean):
    """Predicts the next token: the loss is taken at all places but the first."""

    shifts_labels = True

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        assert labels is not None
        kept = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
        return {"loss": functional.cross_entropy(*kept), "logits": logits}


class OlderSignature(Trainer):
    def compute_loss(self, model: nn.Module, inputs: Any, return_outputs: bool = False) -> Any:  # type: ignore[override]
        logits = model(inputs["inputs"])["logits"]
        loss = functional.cross_entropy(logits.flatten(0, 1), inputs["labels"].flatten())
        return (loss, {"loss": loss, "logits": logits}) if return_outputs else loss


class OverrideThatDivides(Trainer):
    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        logits = model(inputs["inputs"])["logits"]
        loss = functional.cross_entropy(logits.flatten(0, 1), inputs["labels"].flatten(), reduction="sum")
        return loss / ((inputs["labels"] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)


class OverrideThatIgnores(OlderSignature):
    def compute_loss(  # type: ignore[override]
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        return super().compute_loss(model, inputs, return_outputs)


class OverrideThatLooks(OlderSignature):
    """Counts, compares and prints what it is told, and takes a mean all the same."""

    def compute_loss(  # type: ignore[override]
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        if num_items_in_batch is not None and num_items_in_batch > 0:
            self.seen = getattr(self, "seen", 0) + int(num_items_in_batch)
        return super().compute_loss(model, inputs, return_outputs)


class OverrideThatPassesOn(Trainer):
    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch=num_items_in_batch)


class OlderStep(Trainer):
    def training_step(self, model: nn.Module, inputs: Any) -> Tensor:  # type: ignore[override]
        return super().training_step(model, inputs)


class DeclaresThatItDivides(OverrideThatDivides):
    """By the items of the whole window, of which it must then be told."""

    model_accepts_loss_kwargs = True


class LooksAndIgnores(Mean):
    def forward(  # type: ignore[override]
        self, inputs: Tensor, labels: Tensor | None = None, num_items_in_batch: Tensor | None = None
    ) -> dict[str, Tensor]:
        assert num_items_in_batch is None or int(num_items_in_batch) > 0
        return super().forward(inputs, labels)


def divides(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
    logits = outputs["logits"].flatten(0, 1)
    count = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    return functional.cross_entropy(logits, labels.flatten(), reduction="sum") / count


def takes_the_mean(outputs: Any, labels: Tensor) -> Tensor:
    return functional.cross_entropy(outputs["logits"].flatten(0, 1), labels.flatten())


WAYS: list[Any] = [
    pytest.param({"model": Mean}, id="model-takes-the-mean"),
    pytest.param({"model": Divides}, id="model-divides"),
    pytest.param({"model": TakesAndIgnores}, id="model-takes-and-ignores"),
    pytest.param({"model": Shifts}, id="model-shifts"),
    pytest.param({"model": Mean, "kind": OlderSignature}, id="override-of-old"),
    pytest.param({"model": Mean, "kind": OverrideThatDivides}, id="override-divides"),
    pytest.param({"model": Mean, "kind": OverrideThatIgnores}, id="override-ignores"),
    pytest.param({"model": LooksAndIgnores}, id="model-looks-and-ignores"),
    pytest.param({"model": Mean, "kind": OverrideThatLooks}, id="override-looks"),
    pytest.param({"model": Mean, "kind": OverrideThatPassesOn}, id="override-passes-on-to-a-mean"),
    pytest.param({"model": Divides, "kind": OverrideThatPassesOn}, id="override-passes-on-to-a-sum"),
    pytest.param({"model": Mean, "kind": DeclaresThatItDivides}, id="override-declares"),
    pytest.param({"model": Mean, "kind": OlderStep}, id="step-of-old"),
    pytest.param({"model": Divides, "kind": OlderStep}, id="step-of-old-model-divides"),
    pytest.param({"model": Mean, "compute_loss_func": divides}, id="function-divides"),
    pytest.param({"model": Mean, "compute_loss_func": takes_the_mean}, id="function-takes-the-mean"),
    pytest.param({"model": Mean, "label_smoothing_factor": 0.2}, id="smoothed"),
]
LABELLED = [6, 1, 3, 2, 5, 4, 1, 6, 2, 3, 6, 2]


def _trained(make_trainer: Make, labelled: list[int], size: int, accumulation: int, **way: Any) -> Trainer:
    way = dict(way)
    trainer = make_trainer(
        model=way.pop("model")(),
        train_dataset=Tokens(labelled),
        eval_dataset=None,
        do_eval=False,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=1,
        logging_steps=1,
        optim="sgd",
        learning_rate=0.5,
        max_grad_norm=0,
        **way,
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size, accumulation", [(1, 4), (2, 2)])
def test_gradient_accumulation_steps_give_the_update_of_the_whole_window(
    make_trainer: Make, way: dict[str, Any], size: int, accumulation: int
) -> None:
    whole = _trained(make_trainer, LABELLED, 4, 1, **way)
    parts = _trained(make_trainer, LABELLED, size, accumulation, **way)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(parts)[name], value, rtol=1e-12, atol=1e-14)
    logged = [[entry["loss"] for entry in entries(trainer, "loss")] for trainer in (whole, parts)]
    assert logged[1] == pytest.approx(logged[0], rel=1e-12)
    assert len(logged[0]) == 3


@settings(max_examples=25, deadline=None)
@given(
    labelled=st.lists(st.integers(1, Tokens.LENGTH), min_size=1, max_size=11),
    cut=st.sampled_from([(1, 4), (2, 2), (4, 1), (1, 3), (3, 1)]),
    way=st.sampled_from([{"model": Mean}, {"model": Divides}, {"model": Mean, "compute_loss_func": divides}]),
)
def test_any_window_is_its_big_batch(labelled: list[int], cut: tuple[int, int], way: dict[str, Any]) -> None:
    """Also a last window that is short, and a last batch that is."""
    size, accumulation = cut
    runs = []
    for rows, windows in ((size * accumulation, 1), (size, accumulation)):
        runs.append(_trained(_plain, labelled, rows, windows, **way))
    for name, value in weights(runs[0]).items():
        torch.testing.assert_close(weights(runs[1])[name], value, rtol=1e-12, atol=1e-14)
    assert runs[0].state.global_step == runs[1].state.global_step == -(-len(labelled) // (size * accumulation))


def _plain(**changes: Any) -> Trainer:
    from trainspec import TrainingArguments

    parts = {"train_dataset", "eval_dataset", "compute_loss_func"}
    given_parts = {name: changes.pop(name) for name in list(changes) if name in parts}
    quiet = {"output_dir": "memory://items", "report_to": "none", "save_strategy": "no", "disable_tqdm": True}
    args = TrainingArguments(
        **quiet, use_cpu=True, log_level="error", **{k: v for k, v in changes.items() if k != "model"}
    )
    return Trainer(changes["model"], args, **given_parts)


def test_a_micro_batch_without_labels_does_not_spoil_its_window(make_trainer: Make) -> None:
    with_none = _trained(make_trainer, [3, 0, 2, 4], 1, 4, model=Mean)
    without = _trained(make_trainer, [3, 0, 2, 4], 4, 1, model=Mean)
    torch.testing.assert_close(weights(with_none)["layer.weight"], weights(without)["layer.weight"])


def test_num_items_in_batch_is_told_to_a_single_batch_too(make_trainer: Make) -> None:
    seen: list[int] = []

    def remember(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
        seen.append(int(num_items_in_batch) if num_items_in_batch is not None else -1)
        return divides(outputs, labels, num_items_in_batch)

    _trained(make_trainer, LABELLED, 12, 1, model=Mean, compute_loss_func=remember)
    assert seen == [sum(LABELLED)]


def test_an_override_is_told_the_items_of_its_own_micro_batch(make_trainer: Make) -> None:
    trainer: Any = _trained(make_trainer, LABELLED, 1, 4, model=Mean, kind=OverrideThatLooks)
    assert trainer.seen == sum(LABELLED)


class Masked(Mean):
    """A mean that is 0 / 0 where there is no label, in its gradient too."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        assert labels is not None
        flat = functional.cross_entropy(self.layer(inputs).flatten(0, 1), labels.flatten(), reduction="none")
        kept = (labels.flatten() != IGNORED).to(flat.dtype)
        return {"loss": (flat * kept).sum() / kept.sum()}


@pytest.mark.parametrize("model", [Mean, Masked, Divides])
@pytest.mark.parametrize("labelled", [[3, 0, 2, 4], [0, 3, 2, 4], [3, 2, 4, 0]], ids=["within", "first", "last"])
def test_a_micro_batch_without_items_has_a_weight_of_zero(make_trainer: Make, model: Any, labelled: list[int]) -> None:
    with_none = _trained(make_trainer, labelled, 1, 4, model=model)
    without = _trained(make_trainer, labelled, 4, 1, model=model)
    torch.testing.assert_close(weights(with_none)["layer.weight"], weights(without)["layer.weight"])
    assert entries(with_none, "loss")[0]["loss"] == pytest.approx(entries(without, "loss")[0]["loss"])


def test_every_micro_batch_is_run_whatever_it_holds(make_trainer: Make) -> None:
    """What one process leaves out the others would wait for."""
    calls: list[int] = []

    class Counting(Mean):
        def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            calls.append(len(inputs))
            return super().forward(inputs, labels)

    _trained(make_trainer, [3, 0, 0, 4], 1, 4, model=Counting)
    assert calls == [1, 1, 1, 1]


def test_a_window_without_items_changes_nothing(make_trainer: Make) -> None:
    trainer = _trained(make_trainer, [0, 0], 1, 2, model=Masked, logging_nan_inf_filter=False, stop_on_nonfinite=False)
    assert torch.equal(weights(trainer)["layer.weight"], Masked().layer.weight)
    assert str(entries(trainer, "loss")[0]["loss"]) == "nan"
