"""The learning rate over the run."""

from typing import Any

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import SchedulerType
from trainspec.settings.values.types import NonNegative, Probability, no_keys


class ScheduleSettings(Group):
    lr_scheduler_type: SchedulerType = Field(
        default=SchedulerType.LINEAR, description="Shape of the learning-rate curve.", examples=["cosine"]
    )
    lr_scheduler_kwargs: dict[str, Any] | None = Field(
        default_factory=no_keys,
        description="Arguments of that schedule; each schedule has its own.",
        examples=[{"num_cycles": 0.5}],
    )
    warmup_ratio: Probability = Field(
        default=0.0, description="Share of all updates spent warming up, rounded up.", examples=[0.03]
    )
    warmup_steps: NonNegative = Field(
        default=0, description="Updates spent warming up; above 0 it overrides warmup_ratio.", examples=[500]
    )
