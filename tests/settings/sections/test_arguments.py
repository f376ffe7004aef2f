"""lr_scheduler_kwargs and optim_args: every schedule and optimizer has typed arguments, described and with bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from trainspec import validate
from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS
from trainspec.settings.sections.schedulers import SCHEDULER_ARGUMENTS
from trainspec.settings.values.choices import OptimizerNames, SchedulerType

if TYPE_CHECKING:
    from trainspec.settings.sections.section import Section

MODELS = sorted({*OPTIMIZER_ARGUMENTS.values(), *SCHEDULER_ARGUMENTS.values()}, key=lambda model: model.__qualname__)


def test_every_choice_has_arguments() -> None:
    assert set(OPTIMIZER_ARGUMENTS) == set(OptimizerNames)
    assert set(SCHEDULER_ARGUMENTS) == set(SchedulerType)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_argument_is_described(model: type[Section]) -> None:
    for name, info in model.model_fields.items():
        assert not info.is_required(), name
        assert info.description is not None and info.description.endswith("."), name
        assert info.examples, name
        model.model_validate({name: info.examples[0]})
        model.model_validate({name: info.get_default()})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_unknown_arguments_are_refused(model: type[Section]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"no_such": 1})


@pytest.mark.parametrize(
    ("name", "key", "inside", "outside"),
    [
        ("cosine", "num_cycles", 0.1, 0),
        ("cosine_with_restarts", "num_cycles", 1, 0.5),
        ("polynomial", "lr_end", 0, -1e-9),
        ("polynomial", "power", 0.1, 0),
        ("inverse_sqrt", "timescale", 1, 0),
        ("cosine_with_min_lr", "min_lr_rate", 1, 1.01),
        ("cosine_warmup_with_min_lr", "warmup_lr_rate", 0, -0.1),
        ("warmup_stable_decay", "num_decay_steps", 1, 0),
        ("warmup_stable_decay", "decay_type", "1-sqrt", "exponential"),
        ("reduce_lr_on_plateau", "factor", 0.99, 1),
        ("reduce_lr_on_plateau", "patience", 0, -1),
        ("reduce_lr_on_plateau", "min_lr", [0, 1e-5], "auto"),
    ],
)
def test_schedule_bounds(name: str, key: str, inside: Any, outside: Any) -> None:
    model = SCHEDULER_ARGUMENTS[SchedulerType(name)]
    model.model_validate({key: inside})
    with pytest.raises(ValidationError):
        model.model_validate({key: outside})


@pytest.mark.parametrize(
    ("name", "key", "inside", "outside"),
    [
        ("adamw_torch", "fused", True, 1),
        ("sgd", "momentum", 0.99, 1),
        ("rmsprop", "alpha", 0, 1.1),
        ("adafactor", "eps", [1e-30, 1e-3], [1e-30]),
        ("adafactor", "decay_rate", -0.8, 0.1),
        ("adamw_torch_4bit", "block_size", 1, 0),
        ("ademamix", "t_alpha", 1, 0),
        ("galore_adamw", "rank", 1, 0),
        ("galore_adamw", "proj_type", "full", "half"),
        ("apollo_adamw", "scale_type", "tensor", "row"),
        ("lomo", "clip_grad_norm", 0.1, 0),
        ("muon", "ns_steps", 99, 100),
        ("muon", "ns_coefficients", [1, 2, 3], [1, 2]),
        ("schedule_free_sgd", "momentum", 0.1, 0),
    ],
)
def test_optimizer_bounds(name: str, key: str, inside: Any, outside: Any) -> None:
    model = OPTIMIZER_ARGUMENTS[OptimizerNames(name)]
    model.model_validate({key: inside})
    with pytest.raises(ValidationError):
        model.model_validate({key: outside})


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"lr_scheduler_type": "linear", "lr_scheduler_kwargs": {"num_cycles": 1}}, "SCH201"),
        ({"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": "1"}}, "SCH202"),
        ({"optim": "lion_32bit", "optim_args": {"min_4bit_size": 1}}, "OPT201"),
        ({"optim": "sgd", "optim_args": "momentum=2"}, "OPT202"),
        ({"optim": "adamw_torch", "optim_args": {"lr": 1.0}}, "OPT201"),
    ],
)
def test_settings_use_them(document: dict[str, Any], code: str) -> None:
    assert [item.code for item in validate(document).errors] == [code]
