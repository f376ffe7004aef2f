"""Promise: a resumed run with other settings says in one notice what the checkpoint overrules, and refuses before
training what cannot go on from it."""

import logging
import math
import re
from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Make, Rows
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR

from trainspec import TrainingArguments
from trainspec.training.optimizers.registry import OPTIMIZERS
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

FIRST: dict[str, Any] = {"save_strategy": "epoch", "num_train_epochs": 1, "optim": "adamw_torch", "learning_rate": 0.1}
AGAIN: dict[str, Any] = {**FIRST, "num_train_epochs": 2}
PLATEAU: dict[str, Any] = {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"}


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The settings of the one notice, with both values, both sources and which of the values holds."""
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    notices = [text for text in loud if "RUN240" in text]
    assert len(notices) <= 1
    lines = [line.strip() for text in notices for line in text.splitlines()[1:] if " there" in line]
    return [re.sub(r"\s{3,}", " | ", line) for line in lines]


OVERRULED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "learning_rate": (
        {},
        {"learning_rate": 0.001},
        ["learning_rate = 0.1 there (constructor), which holds, 0.001 here | constructor"],
    ),
    "weight_decay": (
        {},
        {"weight_decay": 0.5},
        ["weight_decay = 0 there (default), which holds, 0.5 here | constructor"],
    ),
    "one of the betas": (
        {},
        {"adam_beta2": 0.95},
        ["adam_beta2 = 0.999 there (default), which holds, 0.95 here | constructor"],
    ),
    "epsilon": (
        {},
        {"adam_epsilon": 1e-6},
        ["adam_epsilon = 1e-08 there (default), which holds, 1e-06 here | constructor"],
    ),
    "an argument": (
        {"optim": "sgd", "optim_args": "momentum=0.5"},
        {"optim": "sgd", "optim_args": "momentum=0.9"},
        ["optim_args.momentum = 0.5 there (constructor), which holds, 0.9 here | constructor"],
    ),
    "seed": (
        {"data_seed": 1},
        {"data_seed": 1, "seed": 7},
        ["seed = 42 there (default), which holds, 7 here | constructor"],
    ),
    "patience": (
        {**PLATEAU, "lr_scheduler_kwargs": {"patience": 1}},
        {**PLATEAU, "lr_scheduler_kwargs": {"patience": 3}},
        ["lr_scheduler_kwargs.patience = 1 there (constructor), which holds, 3 here | constructor"],
    ),
    "rate under plateau": (
        PLATEAU,
        {**PLATEAU, "learning_rate": 0.2},
        ["learning_rate = 0.1 there (constructor), which holds, 0.2 here | constructor"],
    ),
    "two at once": (
        {},
        {"learning_rate": 0.001, "weight_decay": 0.5},
        [
            "weight_decay = 0 there (default), which holds, 0.5 here | constructor",
            "learning_rate = 0.1 there (constructor), which holds, 0.001 here | constructor",
        ],
    ),
}


@pytest.mark.parametrize("then, now, told", OVERRULED.values(), ids=OVERRULED)
def test_what_is_overruled_is_named_once_with_both_values(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, then: Any, now: Any, told: list[str]
) -> None:
    first = make_trainer(**{**FIRST, **then})
    first.train()
    trainer = make_trainer(**{**AGAIN, **now})
    trainer.train(resume_from_checkpoint=True)
    assert _told(caplog) == told
    kept = ("weight_decay", "betas", "eps", "momentum")
    for group, before in zip(trainer.optimizer.param_groups, first.optimizer.param_groups, strict=True):
        assert {name: group.get(name) for name in kept} == {name: before.get(name) for name in kept}


FREE: dict[str, dict[str, Any]] = {
    "nothing changed": {},
    "longer": {"num_train_epochs": 3},
    "by steps": {"max_steps": 9},
    "logging": {"logging_steps": 1},
    "another form of the same": {"optim": "adamw_torch_fused"},
}


@pytest.mark.parametrize("now", FREE.values(), ids=FREE)
def test_what_changes_no_run_is_not_told_of(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, now: dict[str, Any]
) -> None:
    make_trainer(**FIRST).train()
    changed = {**AGAIN, **now}
    if "max_steps" in now:
        del changed["num_train_epochs"]
    trainer = make_trainer(**changed)
    trainer.train(resume_from_checkpoint=True)
    assert _told(caplog) == []
    assert trainer.state.global_step > 6


HERE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "batch size": (
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2},
        [
            "per_device_train_batch_size = 4 there (constructor), 2 here, which holds | constructor",
            "gradient_accumulation_steps = 1 there (default), 2 here, which holds | constructor",
        ],
    ),
    "shape of the schedule": (
        {"lr_scheduler_type": "cosine"},
        ["lr_scheduler_type = linear there (default), cosine here, which holds | constructor"],
    ),
    "warm-up": ({"warmup_steps": 3}, ["warmup_steps = 0 there (default), 3 here, which holds | constructor"]),
    "order of the next epoch": (
        {"data_seed": 3},
        ["data_seed = 42 there (derived from seed), 3 here, which holds | constructor"],
    ),
    "clipping": ({"max_grad_norm": 0.5}, ["max_grad_norm = 1 there (default), 0.5 here, which holds | constructor"]),
}


@pytest.mark.parametrize("now, told", HERE.values(), ids=HERE)
def test_what_holds_as_it_is_now_is_told_with_both_values(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, now: dict[str, Any], told: list[str]
) -> None:
    make_trainer(**FIRST).train()
    trainer = make_trainer(**{**AGAIN, **now})
    trainer.train(resume_from_checkpoint=True)
    assert _told(caplog) == told
    assert trainer.state.global_step > 6


def test_the_shape_of_the_schedule_is_that_of_now(make_trainer: Make) -> None:
    make_trainer(**FIRST).train()
    trainer = make_trainer(**AGAIN, lr_scheduler_type="cosine", logging_steps=1)
    trainer.train(resume_from_checkpoint=True)
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    cosine = [0.05 * (1 + math.cos(math.pi * k / 12)) for k in range(7, 12)]
    assert rates[-5:] == pytest.approx(cosine, rel=1e-12)


AVAILABLE = [
    str(name)
    for name, entry in OPTIMIZERS.items()
    if (entry.package is None or entry.package.is_installed()) and entry.runs_on("cpu") and not entry.low_rank
]
AVAILABLE.remove("adamw_apex_fused")


@pytest.mark.parametrize("optim", AVAILABLE)
def test_no_optimizer_cries_wolf(make_trainer: Make, caplog: pytest.LogCaptureFixture, optim: str) -> None:
    flat = {"lr_scheduler_type": "constant_with_warmup"} if "schedule_free" in optim else {}
    settings = {"optim": optim, "max_grad_norm": 0.0, "warmup_steps": 2, **flat}
    make_trainer(**{**FIRST, **settings}).train()
    make_trainer(**{**FIRST, **settings, "logging_steps": 3}).train(resume_from_checkpoint=True)
    assert _told(caplog) == []


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "optimizer": ({}, {"optim": "sgd"}, "RUN241"),
    "and back": ({"optim": "sgd"}, {}, "RUN241"),
    "a cousin with the same options": ({"optim": "adamw_torch"}, {"optim": "adafactor"}, "RUN241"),
    "to a plateau": ({}, PLATEAU, "RUN242"),
    "from a plateau": (PLATEAU, {}, "RUN242"),
}


@pytest.mark.parametrize("then, now, code", OTHERS.values(), ids=OTHERS)
def test_another_kind_is_refused_before_training(make_trainer: Make, then: Any, now: Any, code: str) -> None:
    make_trainer(**{**FIRST, **then}).train()
    trainer = make_trainer(**{**AGAIN, **now})
    with pytest.raises(PreflightError) as caught:
        trainer.train(resume_from_checkpoint=True)
    assert [item.code for item in caught.value.diagnostics] == [code]
    assert trainer.model.seen == []


def _under_an_engine(folder: Path) -> str:
    said = {**FIRST, "output_dir": str(folder), "use_cpu": True, "report_to": "none", "logging_strategy": "no"}
    said |= {"deepspeed": {"zero_optimization": {"stage": 1}}}
    Trainer(Line(), TrainingArguments(**said), train_dataset=Rows()).train()
    now = TrainingArguments(**{**said, "num_train_epochs": 2, "optim": "sgd"})
    with pytest.raises(PreflightError) as caught:
        Trainer(Line(), now, train_dataset=Rows()).train(resume_from_checkpoint=True)
    (told,) = caught.value.diagnostics
    return f"{told.code} {told.message}"


def test_an_engine_is_not_named_for_the_optimizer(tmp_path: Path) -> None:
    pytest.importorskip("deepspeed")
    (told,) = run_in(1, _under_an_engine, tmp_path)
    assert told.startswith("RUN241") and " another one than SGD:" in told


def _given(make_trainer: Make, make: Any, **changes: Any) -> Trainer:
    model = Line()
    return make_trainer(model=model, optimizers=make(list(model.parameters())), **{**AGAIN, **changes})


def _pair(optimizer: Any, schedule: Any) -> Any:
    def make(values: Any) -> Any:
        made = optimizer(values)
        return made, schedule(made)

    return make


STEP = _pair(lambda v: SGD(v, lr=0.1), lambda o: StepLR(o, 3))
GIVEN: dict[str, tuple[Any, Any, list[str]]] = {
    "rate": (
        STEP,
        _pair(lambda v: SGD(v, lr=0.2), lambda o: StepLR(o, 3)),
        ["the optimizer's lr = 0.1 there, which holds, 0.2 here"],
    ),
    "step": (
        STEP,
        _pair(lambda v: SGD(v, lr=0.1), lambda o: StepLR(o, 4)),
        ["the schedule's step_size = 3 there, which holds, 4 here"],
    ),
    "nothing": (STEP, STEP, []),
}


@pytest.mark.parametrize("then, now, told", GIVEN.values(), ids=GIVEN)
def test_a_pair_that_was_given_is_overruled_too(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, then: Any, now: Any, told: list[str]
) -> None:
    _given(make_trainer, then, num_train_epochs=1).train()
    _given(make_trainer, now).train(resume_from_checkpoint=True)
    assert _told(caplog) == list(told)


REFUSED: dict[str, tuple[Any, str]] = {
    "optimizer": (_pair(lambda v: AdamW(v, lr=0.1), lambda o: StepLR(o, 3)), "RUN241"),
    "schedule": (_pair(lambda v: SGD(v, lr=0.1), lambda o: CosineAnnealingLR(o, 3)), "RUN242"),
    "plateau": (_pair(lambda v: SGD(v, lr=0.1), ReduceLROnPlateau), "RUN242"),
    "groups": (
        _pair(lambda v: SGD([{"params": v[:1]}, {"params": v[1:], "momentum": 0.5}], lr=0.1), lambda o: StepLR(o, 3)),
        "",
    ),
    "fewer parameters": (_pair(lambda v: SGD(v[:1], lr=0.1), lambda o: StepLR(o, 3)), "RUN243"),
}


@pytest.mark.parametrize("now, code", REFUSED.values(), ids=REFUSED)
def test_a_pair_of_another_kind_is_refused(make_trainer: Make, now: Any, code: str) -> None:
    _given(make_trainer, STEP, num_train_epochs=1).train()
    trainer = _given(make_trainer, now)
    if not code:
        # The same parameters in other groups take what they had along.
        trainer.train(resume_from_checkpoint=True)
        assert [group["momentum"] for group in trainer.optimizer.param_groups] == [0, 0]
        return
    with pytest.raises(PreflightError) as caught:
        trainer.train(resume_from_checkpoint=True)
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_two_groups_cannot_become_one(make_trainer: Make) -> None:
    two = _pair(lambda v: Adam([{"params": v[:1]}, {"params": v[1:], "lr": 0.5}], lr=0.1), lambda o: StepLR(o, 3))
    _given(make_trainer, two, num_train_epochs=1).train()
    with pytest.raises(PreflightError, match="different options") as caught:
        _given(make_trainer, _pair(lambda v: Adam(v, lr=0.1), lambda o: StepLR(o, 3))).train(
            resume_from_checkpoint=True
        )
    assert [item.code for item in caught.value.diagnostics] == ["RUN243"]
