"""The optimizer and its arguments."""

from typing import Any

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import OptimizerNames
from trainspec.settings.values.types import BelowOne, Name, NonNegativeNumber, Number, Text


class OptimizerSettings(Group):
    learning_rate: NonNegativeNumber = Field(default=5e-5, description="Initial learning rate.", examples=[3e-4])
    weight_decay: NonNegativeNumber = Field(
        default=0.0,
        description="Decay of all parameters except biases and normalisation layers.",
        examples=[0.01],
    )
    adam_beta1: BelowOne = Field(default=0.9, description="Beta 1 of the Adam family.", examples=[0.9])
    adam_beta2: BelowOne = Field(default=0.999, description="Beta 2 of the Adam family.", examples=[0.95])
    adam_epsilon: Number = Field(default=1e-8, gt=0, description="Epsilon of the Adam family.", examples=[1e-6])
    optim: OptimizerNames = Field(
        default=OptimizerNames.ADAMW_TORCH, description="Optimizer to build.", examples=["adamw_torch_fused"]
    )
    optim_args: dict[str, Any] | Text | None = Field(
        default=None,
        description="Further arguments of that optimizer: a mapping, or text like k=v,k2=v2.",
        examples=["rank=64,scale=0.5", {"rank": 64}],
    )
    optim_target_modules: Name | list[Name] | None = Field(
        default=None,
        description="Linear modules that a low-rank optimizer acts on: names, a regular expression, or all-linear.",
        examples=["all-linear", ["attn", "mlp"]],
    )
