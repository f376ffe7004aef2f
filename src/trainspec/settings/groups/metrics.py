"""What metrics see."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import MetricInput
from trainspec.settings.values.types import BelowOne, Flag, no_items


class MetricsSettings(Group):
    include_for_metrics: list[MetricInput] = Field(
        default_factory=no_items, description="What reaches compute_metrics besides predictions.", examples=[["inputs"]]
    )
    label_smoothing_factor: BelowOne = Field(
        default=0.0, description="Smoothing of the cross-entropy; padding is ignored.", examples=[0.1]
    )
    ignore_data_skip: Flag = Field(
        default=False,
        description="A resumed run starts at the beginning of its epoch, not at the exact batch.",
        examples=[True],
    )
