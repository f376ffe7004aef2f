"""What best means."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, Name


class BestModelSettings(Group):
    load_best_model_at_end: Flag = Field(
        default=False, description="Load the best checkpoint's weights after training.", examples=[True]
    )
    metric_for_best_model: Name | None = Field(
        default=None,
        description="Evaluation metric that decides, with or without eval_; loss when one is needed and none is set.",
        examples=["accuracy"],
    )
    greater_is_better: Flag | None = Field(
        default=None,
        description="Direction of that metric; unset: true unless its name ends in loss.",
        examples=[True],
    )
