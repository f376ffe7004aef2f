"""Every method of the installed transformers' Trainer is known by what becomes of its override; what is never called
is told once, with what to use instead."""

import inspect
import logging
from typing import Any

import pytest
import transformers
from tests.training.small_job import Line, Make

from trainspec import Trainer
from trainspec.training.trainer.inside.names import ASKED, CALLED, NEVER


def methods_of(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if inspect.isfunction(value) or isinstance(value, staticmethod)}


def test_every_method_of_transformers_is_in_exactly_one_list() -> None:
    theirs = methods_of(transformers.Trainer)
    assert theirs - (CALLED | ASKED | NEVER.keys()) == set()
    assert not CALLED & ASKED and not (CALLED | ASKED) & NEVER.keys()


def test_what_is_called_or_asked_is_there_with_all_that_it_takes_in_transformers() -> None:
    for name in (CALLED | ASKED) & methods_of(transformers.Trainer):
        theirs = inspect.signature(getattr(transformers.Trainer, name)).parameters
        ours = inspect.signature(getattr(Trainer, name)).parameters
        takes_any = any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in ours.values())
        assert takes_any or set(theirs) - {"kwargs"} <= set(ours), name


@pytest.mark.parametrize("name", sorted(NEVER))
def test_an_override_that_is_never_called_is_told(
    make_trainer: Make, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind = type("Mine", (Trainer,), {name: lambda self, *values, **named: None})
    with caplog.at_level(logging.WARNING, "trainspec"):
        trainer = make_trainer(kind=kind, max_steps=1)
        trainer.train()
    told = [record.getMessage() for record in caplog.records if "RUN185" in record.getMessage()]
    assert len(told) == 1 and f"Mine overrides {name}" in told[0] and f"instead of {name} use" in told[0]
    assert [item.code for item in trainer.preflight()] == ["RUN185"]


@pytest.mark.parametrize(
    ("assign", "told"),
    [
        (lambda kind: setattr(kind, "_run_epoch", lambda self: None), True),
        (lambda kind: setattr(kind, "num_examples", lambda self, loader: 1), True),
        (lambda kind: setattr(kind, "is_world_process_zero", lambda self: True), False),
        (lambda kind: setattr(kind, "_own_method", lambda self: None), False),
        (lambda kind: setattr(kind, "compute_loss", lambda self, model, inputs: model(**inputs)["loss"]), False),
    ],
    ids=["not ours", "ours for scripts", "asked by scripts", "their own", "called"],
)
def test_only_what_waits_in_vain_is_told(make_trainer: Make, assign: Any, told: bool) -> None:
    kind = type("Mine", (Trainer,), {})
    assign(kind)
    assert [item.code for item in make_trainer(kind=kind).preflight()] == ["RUN185"] * told


def test_several_are_one_finding(make_trainer: Make) -> None:
    kind = type("Mine", (Trainer,), {name: lambda self: None for name in ("_run_epoch", "_save_tpu")})
    (item,) = make_trainer(kind=kind).preflight()
    assert "_run_epoch, _save_tpu" in item.render() and item.severity == "warning"


def test_a_whole_loop_is_told_and_one_around_ours_is_not(make_trainer: Make) -> None:
    class Whole(Trainer):
        def _inner_training_loop(self, *values: Any, **named: Any) -> Any:
            return "trained"

    class Around(Trainer):
        def _inner_training_loop(self, *values: Any, **named: Any) -> Any:
            return next(super(Around, self)._inner_training_loop(*values, **named) for _ in range(1))

    whole = make_trainer(kind=Whole)
    assert [item.code for item in whole.preflight()] == ["RUN186"] and whole.train() == "trained"
    assert make_trainer(kind=Around).preflight() == []


def test_an_accelerator_of_ones_own_is_told(make_trainer: Make) -> None:
    class Own(Trainer):
        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            self.accelerator: Any = object()

    assert [item.code for item in make_trainer(kind=Own).preflight()] == ["RUN187"]


def test_assigning_to_the_class_or_the_object_is_an_override(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counting(self: Any, *values: Any, **named: Any) -> Any:
        runs.append(1)
        return original(self, *values, **named)

    runs: list[int] = []
    original = Trainer._inner_training_loop
    monkeypatch.setattr(Trainer, "_inner_training_loop", counting)
    make_trainer(max_steps=1).train()
    assert runs == [1]
    trainer: Any = make_trainer(max_steps=2, logging_steps=1)
    trainer.compute_loss = lambda model, inputs, **named: model(inputs["inputs"])["logits"].sum() * 0 + 5.0
    trainer._get_learning_rate = lambda: 0.25
    trainer.train()
    assert [entry["loss"] for entry in trainer.state.log_history[:2]] == [5.0, 5.0]
    assert trainer.state.log_history[0]["learning_rate"] == 0.25
    assert isinstance(trainer.model, Line)
