"""A traced model gives what the model gives, and what cannot be traced runs as it is."""

import dataclasses
import warnings
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from trainspec.training.evaluation import tracing
from trainspec.training.evaluation.tracing import traced


@dataclasses.dataclass
class Result:
    loss: Tensor | None
    logits: Tensor


class Pair(NamedTuple):
    loss: Tensor
    logits: Tensor


FORMS: dict[str, Any] = {
    "tensor": lambda loss, logits: logits,
    "tuple": lambda loss, logits: (loss, logits),
    "list": lambda loss, logits: [loss, logits],
    "named-tuple": Pair,
    "dict": lambda loss, logits: {"loss": loss, "logits": logits},
    "dict-with-none": lambda loss, logits: {"loss": None, "logits": logits},
    "dataclass": Result,
    "nested": lambda loss, logits: {"loss": loss, "more": (logits, [logits * 2, None])},
    "the-same-twice": lambda loss, logits: (logits, logits),
}


class Classifier(nn.Module):
    """Counts how often its own code runs."""

    def __init__(self, form: str = "dict") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.norm, self.dropout = nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)
        self.form = FORMS[form]
        self.runs = 0
        self.config = {"name": form}

    def forward(self, inputs: Tensor, labels: Tensor | None = None, flip: bool = False) -> Any:
        self.runs += 1
        logits = self.dropout(self.norm(self.layer(-inputs if flip else inputs)))
        loss = logits.square().mean() if labels is None else nn.functional.cross_entropy(logits, labels)
        return self.form(loss, logits)


def _batch(rows: int) -> dict[str, Tensor]:
    return {"inputs": torch.randn(rows, 4), "labels": torch.arange(rows) % 3}


def _same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    torch.testing.assert_close(tracing._flatten(found)[0], tracing._flatten(expected)[0], rtol=0, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_outputs_are_those_of_the_model(form: str) -> None:
    model = Classifier(form).eval()
    fast = traced(model)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (4, 4, 4, 2):
            batch = _batch(rows)
            _same(fast(**batch), model(**batch))
    # The model's own code runs for a trace of each shape, and in this test to compare.
    assert model.runs == 2 + 4


def test_tuples_of_inputs_and_constants_go_through() -> None:
    model = Classifier().eval()
    fast = traced(model)
    with torch.no_grad():
        inputs = torch.randn(3, 4)
        for flip in (False, True, False):
            _same(fast(inputs, None, flip), model(inputs, None, flip))


def test_weights_are_those_at_the_time_and_the_model_is_left_alone() -> None:
    model = Classifier().eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    batch = _batch(4)
    with torch.no_grad():
        before = traced(model)(**batch)
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
        assert set(vars(model)) == set(vars(Classifier())) and not model._forward_hooks
        model.layer.weight.add_(1.0)
        after = traced(model)(**batch)
    assert not torch.equal(before["logits"], after["logits"])
    _same(after, model(**batch))


def test_attributes_are_those_of_the_model() -> None:
    fast = traced(Classifier().eval())
    assert fast.config == {"name": "dict"} and fast.layer.in_features == 4 and not fast.training
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = fast.nothing_like_it


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_is_traced_with_the_model(dtype: torch.dtype) -> None:
    model = Classifier().eval()
    fast = traced(model)
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        for _ in range(3):
            batch = _batch(4)
            found, expected = fast(**batch), model(**batch)
            _same(found, expected)
            assert found["logits"].dtype is dtype
    assert torch.is_autocast_cache_enabled()


class Deciding(nn.Module):
    """Takes another way for another value, which a trace does not see."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * 2 if inputs.sum() > 0 else inputs * 3


class Sized(nn.Module):
    """Takes another way for another size: a trace of each shape is right."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * 2 if inputs.shape[0] > torch.tensor(3) else inputs * 3


class Talking(nn.Module):
    def forward(self, inputs: Tensor) -> dict[str, Any]:
        return {"logits": inputs * 2, "text": "two"}


class Refusing(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("no traces\nof this")
        return inputs * 2


@pytest.mark.parametrize("model, reason", [(Talking(), "returns a str"), (Refusing(), "no traces)")])
def test_what_cannot_be_traced_runs_as_it_is_with_one_warning(
    model: nn.Module, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    fast = traced(model.eval())
    for _ in range(3):
        inputs = torch.randn(2)
        found = fast(inputs=inputs)
        assert torch.equal(found["logits"] if isinstance(found, dict) else found, inputs * 2)
    assert len(caplog.records) == 1 and reason in caplog.text


def test_a_decision_on_values_is_noticed_at_the_next_batch(caplog: pytest.LogCaptureFixture) -> None:
    fast = traced(Deciding().eval())
    for factor, sign in ((2, 1), (3, -1), (2, 1)):
        inputs = torch.full((2,), float(sign))
        assert torch.equal(fast(inputs), inputs * factor)
    assert len(caplog.records) == 1


def test_a_decision_on_sizes_is_right_for_each(caplog: pytest.LogCaptureFixture) -> None:
    model = Sized().eval()
    fast = traced(model)
    for rows in (4, 4, 2, 2, 4):
        inputs = torch.randn(rows)
        assert torch.equal(fast(inputs), model(inputs))
    assert not caplog.records


def test_training_mode_is_never_traced() -> None:
    model = Classifier()
    fast = traced(model)
    fast(**_batch(4))
    fast(**_batch(4))
    assert model.runs == 2


def test_many_shapes_stop_being_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_MOST_TRACES", 2)
    model = Classifier().eval()
    fast = traced(model)
    for rows in (2, 3, 4, 4, 2):
        _same(fast(**(batch := _batch(rows))), model(**batch))
    assert model.runs == 5 + 2 + 2


def test_a_model_of_transformers_is_traced(caplog: pytest.LogCaptureFixture) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=32, **sizes)).eval()
    fast = traced(model)
    calls: list[None] = []
    model.register_forward_pre_hook(lambda *_: calls.append(None))
    with torch.no_grad():
        for padding in (0, 2, 3, 1):
            ids = torch.randint(0, 32, (3, 7))
            mask = torch.ones_like(ids)
            mask[0, 7 - padding :] = 0
            batch = {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1, 0])}
            found, expected = fast(**batch), model(**batch)
            assert type(found) is type(expected) and found.keys() == expected.keys()
            torch.testing.assert_close(found.logits, expected.logits)
            torch.testing.assert_close(found.loss, expected.loss)
    # A trace, four batches of the model to compare with, and one that made sure of the trace.
    assert "jit_mode_eval" not in caplog.text and len(calls) == 1 + 4 + 1
