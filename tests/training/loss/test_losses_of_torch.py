"""A loss of torch is all that a module needs which returns scores; without one, preflight says so."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Make, entries
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from trainspec import PreflightError, Trainer
from trainspec.training.errors import ModelOutputError

X = torch.randn(9, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
Y = torch.tensor([0, 1, -100, 1, 0, -100, -100, 1, 1])
PAIRS = TensorDataset(X, Y)
NAMED = [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]


class Scores(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, x: Tensor) -> Any:
        return self.layer(x)


class Named(Scores):
    def forward(self, x: Tensor) -> Any:
        return {"logits": self.layer(x)}


class TakesLabels(Named):
    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        return {"logits": self.layer(x), "hidden": x}


class Elsewhere(Named):
    """Its forward names scores only."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        return {"logits": self.layer(x)} | self.judged(x, labels)

    def judged(self, x: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        return {} if labels is None else {"loss": functional.cross_entropy(self.layer(x), labels)}


class Lossy(Named):
    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        Lossy.calls += 1
        logits = self.layer(x)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}

    calls = 0


class OwnCall:
    def __call__(self, outputs: Any, labels: Tensor) -> Tensor:
        return functional.cross_entropy(outputs if isinstance(outputs, Tensor) else outputs["logits"], labels)


class OwnModule(nn.Module):
    """It wants what the model returned, whatever that is."""

    def forward(self, outputs: Any, labels: Tensor) -> Tensor:
        return OwnCall()(outputs, labels)


def own_call(outputs: Any, labels: Tensor) -> Tensor:
    return OwnCall()(outputs, labels)


LOSSES = [nn.CrossEntropyLoss(), functional.cross_entropy, OwnCall(), OwnModule(), own_call, OwnCall().__call__]


@pytest.mark.parametrize("loss", LOSSES, ids=["module", "function", "object", "own module", "own function", "method"])
@pytest.mark.parametrize("model", [Scores, Named, TakesLabels])
@pytest.mark.parametrize("rows", [PAIRS, NAMED], ids=["pairs", "named"])
def test_a_loss_that_takes_no_count_is_called_without(make_trainer: Make, loss: Any, model: Any, rows: Any) -> None:
    sgd = {"optim": "sgd", "learning_rate": 0.1, "max_grad_norm": 0, "logging_steps": 1}
    cut = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 5, "per_device_eval_batch_size": 4}
    trainer = make_trainer(
        model=model(), train_dataset=rows, eval_dataset=rows, compute_loss_func=loss, do_eval=True, **sgd, **cut
    )
    plain = Scores()
    true = functional.cross_entropy(plain.layer(X), Y)
    true.backward()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(true.item(), rel=1e-12)
    trainer.train()
    assert entries(trainer, "grad_norm")[0]["loss"] == pytest.approx(true.item(), rel=1e-12)
    assert plain.layer.weight.grad is not None
    torch.testing.assert_close(trainer.model.layer.weight, plain.layer.weight - 0.1 * plain.layer.weight.grad)
    assert trainer.predict(rows).predictions is not None


class OwnLoss(Trainer):
    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        logits = model(inputs[0])
        loss = functional.cross_entropy(logits, inputs[1])
        return (loss, logits) if return_outputs else loss


FOUND: dict[str, tuple[dict[str, Any], list[str]]] = {
    "pairs": ({"model": Scores, "rows": PAIRS}, ["RUN157"]),
    "pairs, outputs named": ({"model": Named, "rows": PAIRS}, ["RUN157"]),
    "named": ({"model": Named, "rows": NAMED}, ["RUN157"]),
    "named as collators rename": (
        {"model": Named, "rows": [{"x": row["x"], "label": row["labels"]} for row in NAMED]},
        ["RUN157"],
    ),
    "a loss": ({"model": Scores, "rows": PAIRS, "compute_loss_func": nn.CrossEntropyLoss()}, []),
    "an override": ({"model": Scores, "rows": PAIRS, "kind": OwnLoss}, []),
    "smoothing": ({"model": Named, "rows": NAMED, "label_smoothing_factor": 0.1}, []),
    "a collator, which may do anything": ({"model": Scores, "rows": PAIRS, "data_collator": list}, []),
    "no labels in the rows": ({"model": Named, "rows": [{"x": x} for x in X]}, []),
    "a model that takes them and gives no loss": ({"model": TakesLabels, "rows": NAMED}, ["RUN157"]),
    "a model whose loss comes from elsewhere": ({"model": Elsewhere, "rows": NAMED}, []),
    "a model that gives a loss": ({"model": Lossy, "rows": NAMED}, []),
}


@pytest.mark.parametrize("name", FOUND)
def test_no_loss_is_found_before_training(make_trainer: Make, name: str) -> None:
    given, codes = FOUND[name]
    given = dict(given)
    model, rows = given.pop("model"), given.pop("rows")
    trainer = make_trainer(model=model(), train_dataset=rows, eval_dataset=None, do_eval=False, **given)
    assert [item.code for item in trainer.preflight()] == codes
    assert Lossy.calls == 0, "a model that is seen to give a loss is not run"
    if codes:
        with pytest.raises(PreflightError, match=r"compute_loss_func=torch\.nn.CrossEntropyLoss"):
            trainer.train()


@pytest.mark.parametrize("model, rows", [(Scores, PAIRS), (Named, NAMED), (TakesLabels, NAMED)])
def test_an_evaluation_says_it_too(make_trainer: Make, model: Any, rows: Any) -> None:
    with pytest.raises(ModelOutputError, match=r"compute_loss_func=torch\.nn.CrossEntropyLoss"):
        make_trainer(model=model(), eval_dataset=rows).evaluate()


@pytest.mark.parametrize(
    "loss, returned",
    [(lambda outputs, labels: 0.5, "a float"), (nn.CrossEntropyLoss(reduction="none"), r"a tensor of shape \(4,\)")],
)
def test_what_is_no_loss_is_said(make_trainer: Make, loss: Any, returned: str) -> None:
    trainer = make_trainer(model=Scores(), eval_dataset=PAIRS, compute_loss_func=loss, per_device_eval_batch_size=4)
    with pytest.raises(ModelOutputError, match=f"compute_loss_func returned {returned}"):
        trainer.evaluate()


def test_an_override_that_returns_a_loss_alone(make_trainer: Make) -> None:
    class Alone(Trainer):
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
            return functional.cross_entropy(model(inputs[0]), inputs[1])

    trainer = make_trainer(kind=Alone, model=Scores(), eval_dataset=PAIRS)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(functional.cross_entropy(Scores().layer(X), Y).item())
    with pytest.raises(ModelOutputError, match="return_outputs"):
        trainer.predict(PAIRS)
