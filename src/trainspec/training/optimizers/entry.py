"""What the registry says about one optimizer: how it is built, and what it needs of machine and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments


@dataclass(frozen=True)
class Request:
    """What a recipe works from. `arguments` is the typed section of this optimizer's `optim_args`."""

    args: TrainingArguments
    arguments: Any
    model: nn.Module | None = None

    @property
    def rate(self) -> dict[str, Any]:
        return {"lr": self.args.learning_rate}

    @property
    def adam(self) -> dict[str, Any]:
        return {**self.rate, "betas": self.betas, "eps": self.args.adam_epsilon}

    @property
    def betas(self) -> tuple[float, float]:
        return (self.args.adam_beta1, self.args.adam_beta2)

    def own(self, *left_out: str) -> dict[str, Any]:
        """The arguments by name, defaults included; without those that are unset or idle, and lists as tuples."""
        values = self.arguments.model_dump(exclude_none=True, exclude={*left_out, *self.arguments.idle})
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

    def whole_model(self) -> nn.Module:
        """The model, for a recipe that cannot do without. Raises ValueError where there is none."""
        if self.model is None:
            raise ValueError(f"optim {self.args.optim} is built for a model; pass one")
        return self.model


# A class (or another callable that takes parameters or groups first) and the keyword arguments for it. Among these,
# "params" or "model" stands for that first argument, where it is not simply the decay groups.
ClassAndKwargs = tuple[Callable[..., "Optimizer"], dict[str, Any]]
Recipe = Callable[[Request], ClassAndKwargs]


@dataclass(frozen=True)
class Package:
    """An optional library, by what is imported and what pip is asked for."""

    module: str
    requirement: str

    @property
    def quoted(self) -> str:
        """The requirement as a shell takes it."""
        return " ".join(f"'{part}'" if ">" in part else part for part in self.requirement.split())

    def is_installed(self) -> bool:
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False


@dataclass(frozen=True)
class Entry:
    """One optimizer. `finish` makes a new one's state exact; `safe_types` are those its saved state is made of."""

    recipe: Recipe
    package: Package | None = None
    devices: tuple[str, ...] = ()
    low_rank: bool = False
    updates_in_backward: bool = False
    finish: Callable[[Optimizer, Request], None] | None = None
    safe_types: tuple[str, ...] = field(default=())

    def runs_on(self, device_type: str) -> bool:
        return not self.devices or device_type in self.devices


def load(place: str) -> Any:
    """The object at `module:name` of an optional library."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
