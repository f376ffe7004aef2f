"""`optim`, `optim_args` and `optim_target_modules` in whole runs: what is built, trained, evaluated, saved, resumed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_job import Line, Make, entries, weights
from torch import nn

from trainspec.training.preflight.preflight import PreflightError

TARGETS: dict[str, Any] = {"optim_target_modules": "all-linear", "optim_args": {"rank": 1}}
FLAT: dict[str, Any] = {"lr_scheduler_type": "constant", "learning_rate": 0.05}
pytestmark = pytest.mark.filterwarnings("ignore")

KINDS: list[Any] = [
    ("adamw_torch", "AdamW", {}),
    ("adamw_torch_fused", "AdamW", {}),
    ("adamw_apex_fused", "AdamW", {}),
    ("sgd", "SGD", {}),
    ("adagrad", "Adagrad", {}),
    ("rmsprop", "RMSprop", {}),
    ("adafactor", "Adafactor", {}),
    ("muon", "MuonAndAdamW", {}),
    ("stable_adamw", "StableAdamW", {}),
    ("lion_8bit", "Lion", {}),
    ("paged_ademamix_32bit", "AdEMAMix", {}),
    ("galore_adamw", "AdamW", TARGETS),
    ("apollo_adamw_layerwise", "Layerwise", TARGETS),
    ("lomo", "FusedBackward", {}),
    ("grokadamw", "GrokAdamW", {}),
    ("schedule_free_adamw", "AdamWScheduleFree", FLAT),
]


@pytest.mark.parametrize("optim, kind, changes", KINDS, ids=[row[0] for row in KINDS])
def test_optim_is_the_one_built_and_it_trains_to_the_same_end_after_a_resume(
    make_trainer: Make, tmp_path: Path, optim: str, kind: str, changes: dict[str, Any]
) -> None:
    steady = {"learning_rate": 0.02, **changes, "optim": optim, "weight_decay": 0.01, "max_steps": 9}
    whole = make_trainer(**steady, save_strategy="steps", save_steps=4, logging_steps=1)
    whole.train()
    assert type(whole.optimizer).__name__ == kind
    norms = [entry["grad_norm"] for entry in entries(whole, "grad_norm")]
    assert len(norms) == 9 and all(norm > 0 for norm in norms)
    assert whole.evaluate()["eval_loss"] < make_trainer().evaluate()["eval_loss"]

    resumed = make_trainer(**steady, save_strategy="steps", save_steps=4, logging_steps=1)
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-4"))
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())


def test_optim_that_averages_is_evaluated_saved_and_left_with_its_average(make_trainer: Make, tmp_path: Path) -> None:
    steps = {"max_steps": 8, "eval_strategy": "steps", "eval_steps": 4, "save_strategy": "steps", "save_steps": 4}
    trainer = make_trainer(optim="schedule_free_sgd", **FLAT, **steps)
    trainer.train()
    average = load_file(tmp_path / "out" / "checkpoint-8" / "model.safetensors")
    assert all(torch.equal(value, average[name]) for name, value in weights(trainer).items())
    assert entries(trainer, "eval_loss")[-1]["eval_loss"] == trainer.evaluate()["eval_loss"]
    between = make_trainer(optim="schedule_free_sgd", **FLAT, max_steps=8)
    between.train()
    state = between.optimizer.state[between.model.layer.weight]  # type: ignore[union-attr]
    assert not torch.allclose(state["z"], between.model.layer.weight)


def test_optim_that_averages_trains_the_same_with_evaluations_and_without(make_trainer: Make) -> None:
    trained = []
    for evaluations in ({}, {"eval_strategy": "steps", "eval_steps": 1}):
        trainer = make_trainer(optim="schedule_free_adamw", **FLAT, **evaluations)
        trainer.train()
        trained.append(weights(trainer))
    assert all(torch.equal(value, trained[1][name]) for name, value in trained[0].items())


@pytest.mark.parametrize("optim", ["lomo", "galore_adamw_layerwise"])
def test_optim_that_updates_in_the_backward_pass_can_train_twice(make_trainer: Make, optim: str) -> None:
    changes = TARGETS if optim != "lomo" else {}
    once = make_trainer(optim=optim, **changes, model=Line())
    once.train()
    twice = make_trainer(optim=optim, **changes, model=Line())
    start = weights(twice)
    twice.train()
    twice.model.load_state_dict(start)
    twice.train()
    assert all(torch.equal(value, weights(twice)[name]) for name, value in weights(once).items())


@pytest.mark.parametrize("optim", ["adamw_torch_xla", "adamw_torch_npu_fused", "adalomo", "galore_adamw_8bit"])
def test_optim_that_cannot_run_here_stops_before_anything_is_written(
    make_trainer: Make, tmp_path: Path, optim: str
) -> None:
    trainer = make_trainer(optim=optim, **(TARGETS if "galore" in optim else {}))
    with pytest.raises(PreflightError) as caught:
        trainer.train()
    assert {item.code for item in caught.value.diagnostics} <= {"RUN130", "RUN131"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("said", ["momentum=0.5", {"momentum": 0.5}])
def test_optim_args_reach_the_optimizer_and_change_its_way(make_trainer: Make, said: Any) -> None:
    ends = []
    for changes in ({}, {"optim_args": said}):
        trainer = make_trainer(optim="sgd", lr_scheduler_type="constant", max_grad_norm=0, **changes)
        trainer.train()
        ends.append(weights(trainer)["layer.weight"])
    plain = make_trainer(optim="sgd", lr_scheduler_type="constant", max_grad_norm=0, max_steps=1)
    with_momentum = make_trainer(
        optim="sgd", lr_scheduler_type="constant", max_grad_norm=0, max_steps=1, optim_args=said
    )
    plain.train(), with_momentum.train()
    assert not torch.allclose(*ends)
    assert torch.equal(weights(plain)["layer.weight"], weights(with_momentum)["layer.weight"]), "the first is the same"


@pytest.mark.parametrize("said", ["momentun=0.5", "momentum=much", {"rank": 4}])
def test_optim_args_that_are_wrong_are_refused_at_once(make_trainer: Make, said: Any) -> None:
    with pytest.raises(ValueError, match="optim_args"):
        make_trainer(optim="sgd", optim_args=said)


class Wide(Line):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 1))  # type: ignore[assignment]


@pytest.mark.parametrize("optim", ["galore_adamw", "apollo_adamw", "galore_adafactor"])
def test_optim_target_modules_are_the_ones_projected(make_trainer: Make, optim: str) -> None:
    trainer = make_trainer(model=Wide(), optim=optim, optim_target_modules=["layer.0"], optim_args={"rank": 2})
    trainer.train()
    first, second = trainer.model.layer
    state = trainer.optimizer.state  # type: ignore[union-attr]
    assert "projector" in state[first.weight]
    assert not any("projector" in state[value] for value in (second.weight, second.bias, first.bias))
    everything = make_trainer(model=Wide(), optim=optim, optim_target_modules="all-linear", optim_args={"rank": 2})
    everything.train()
    assert not torch.equal(everything.model.layer[1].weight, second.weight)


def test_optim_target_modules_that_match_nothing_stop_the_run(make_trainer: Make, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match=r"layer\.0, layer\.1") as caught:
        make_trainer(model=Wide(), optim="galore_adamw", optim_target_modules=["attention"]).train()
    assert [item.code for item in caught.value.diagnostics] == ["RUN132"]
    assert not (tmp_path / "out").exists()


def test_optim_target_modules_are_an_error_without_a_low_rank_optim(make_trainer: Make) -> None:
    with pytest.raises(ValueError, match="OPT102"):
        make_trainer(optim="sgd", optim_target_modules="all-linear")
