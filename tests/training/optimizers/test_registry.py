"""Every value of `optim` has a recipe, and gives a class with the arguments that the settings mean."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, same, settings, train, weights

from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS
from trainspec.settings.values.choices import OptimizerNames
from trainspec.training.optimizers import OPTIMIZERS, build_optimizer, get_optimizer_cls_and_kwargs, safe_types
from trainspec.training.optimizers.groups import parameter_groups

LOW_RANK: dict[str, Any] = {"optim_target_modules": "all-linear"}
FOR_A_MODEL = {name for name, entry in OPTIMIZERS.items() if entry.low_rank} | {"lomo", "adalomo", "muon"}
ELSEWHERE = {"adamw_torch_xla", "adamw_torch_npu_fused"}
pytestmark = pytest.mark.filterwarnings("ignore")


def args_of(optim: str, **changes: Any) -> Any:
    return settings(optim, **(LOW_RANK if OPTIMIZERS[OptimizerNames(optim)].low_rank else {}), **changes)


def test_the_registry_is_the_choice_of_the_setting() -> None:
    assert set(OPTIMIZERS) == set(OptimizerNames) == set(OPTIMIZER_ARGUMENTS)


def test_low_rank_and_layerwise_are_those_so_named() -> None:
    assert {name for name, entry in OPTIMIZERS.items() if entry.low_rank} == {
        name for name in OptimizerNames if name.startswith(("galore_", "apollo_"))
    }
    assert {name for name, entry in OPTIMIZERS.items() if entry.updates_in_backward} == {
        name for name in OptimizerNames if name.endswith("_layerwise") or name in ("lomo", "adalomo")
    }


def test_no_optional_library_is_imported_before_it_is_chosen() -> None:
    packages = {entry.package.module.partition(".")[0] for entry in OPTIMIZERS.values() if entry.package} - {"torch"}
    code = "import sys, trainspec.training.optimizers as o; assert o.OPTIMIZERS; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert packages and not packages & set(loaded)


@pytest.mark.parametrize("optim", sorted(set(OPTIMIZERS) - FOR_A_MODEL - ELSEWHERE))
def test_a_class_and_its_arguments_build_the_same_as_the_name(optim: str) -> None:
    args = args_of(optim, weight_decay=0.1, learning_rate=0.05, lr_scheduler_type="constant")
    cls, kwargs = get_optimizer_cls_and_kwargs(args)
    assert isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)
    assert kwargs["lr"] == 0.05 and "weight_decay" not in kwargs
    built = build_optimizer(Network(), args)
    assert type(built) is cls
    model = Network()
    other = cls(parameter_groups(model, 0.1), **kwargs)
    assert [len(group["params"]) for group in other.param_groups] == [len(g["params"]) for g in built.param_groups]


@pytest.mark.parametrize("optim", sorted(FOR_A_MODEL - {"galore_adamw_8bit", "galore_adamw_8bit_layerwise", "adalomo"}))
def test_what_is_built_for_a_model_asks_for_one(optim: str) -> None:
    args = args_of(optim)
    with pytest.raises(ValueError, match=f"optim {optim} is built for a model"):
        get_optimizer_cls_and_kwargs(args)
    cls, kwargs = get_optimizer_cls_and_kwargs(args, Network())
    assert isinstance(cls, type) and kwargs.keys() & {"params", "model"}


def test_adamw_is_given_what_transformers_gives_it() -> None:
    args = settings("adamw_torch_fused", adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6)
    cls, kwargs = get_optimizer_cls_and_kwargs(args)
    assert cls is torch.optim.AdamW
    assert {"lr": 1e-2, "betas": (0.8, 0.95), "eps": 1e-6, "fused": True}.items() <= kwargs.items()


@pytest.mark.parametrize("optim", ["sgd", "galore_adamw_layerwise", "lomo", "muon"])
def test_optimizer_cls_and_kwargs_take_the_place_of_the_name(optim: str) -> None:
    args = args_of(optim, learning_rate=0.05, weight_decay=0.1)
    trained = []
    for given in (False, True):
        model = Network()
        pair: Any = get_optimizer_cls_and_kwargs(args, model) if given else None
        name = settings("adagrad", weight_decay=0.1) if given else args
        kept = None if pair is None else dict(pair[1])
        train(model, build_optimizer(model, name, pair), range(3))
        assert pair is None or pair[1] == kept
        trained.append(weights(model))
    assert same(*trained)


def test_safe_types_are_those_of_the_states() -> None:
    assert [kind.__name__ for kind in safe_types("adamw_torch_8bit")] == ["OptimState8bit"]
    assert safe_types("adamw_torch") == []


def test_the_optimizers_extra_installs_what_preflight_asks_for() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    extra = set(project["project"]["optional-dependencies"]["optimizers"])
    asked = {entry.package.requirement.split()[0] for entry in OPTIMIZERS.values() if entry.package}
    assert asked - extra == {"torch>=2.9", "torch_xla", "torch_npu"}, "the others are for other devices"


def test_a_package_is_named_as_a_shell_takes_it() -> None:
    package = OPTIMIZERS[OptimizerNames.LOMO].package
    assert package is not None and package.is_installed()
    assert package.quoted == "'lomo-optim>=0.1' transformers"
    assert not type(package)("no_such_thing.at_all", "x").is_installed()
    assert not type(package)("no_such_thing", "x").is_installed()


def test_grokadamw_leaves_logging_alone() -> None:
    code = (
        "import logging\n"
        "from trainspec import TrainingArguments\n"
        "from trainspec.training.optimizers import get_optimizer_cls_and_kwargs\n"
        "get_optimizer_cls_and_kwargs(TrainingArguments(optim='grokadamw', use_cpu=True))\n"
        "print(logging.getLogger().level, logging.getLogger().handlers)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "30 []"


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize(
    ("optim", "said"),
    [
        ("adamw_anyprecision", {"momentum_dtype": "bfloat16", "variance_dtype": "bfloat16"}),
        ("adamw_8bit", {"optim_bits": 32, "is_paged": True, "percentile_clipping": 5, "offload_optimizer": True}),
        ("paged_lion_32bit", {"min_8bit_size": 16}),
        ("adamw_torch_8bit", {"offload_optimizer": True}),
    ],
    ids=str,
)
def test_an_idle_argument_changes_nothing(optim: str, said: dict[str, Any]) -> None:
    with_it, without = (get_optimizer_cls_and_kwargs(settings(optim=optim, optim_args=given)) for given in (said, None))
    assert with_it == without
