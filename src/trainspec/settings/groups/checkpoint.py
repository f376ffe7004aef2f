"""When checkpoints are written, what is in them, how many stay."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import SaveStrategy
from trainspec.settings.values.types import Flag, Interval, Positive


class CheckpointSettings(Group):
    save_strategy: SaveStrategy = Field(
        default=SaveStrategy.STEPS,
        description="When checkpoints are written; best: each time the metric improves.",
        examples=["epoch"],
    )
    save_steps: Interval = Field(
        default=500, description="Updates between checkpoints, or a fraction of all updates.", examples=[1000, 0.25]
    )
    save_total_limit: Positive | None = Field(
        default=None,
        description="Checkpoints that stay; the oldest go first, never the best or the newest valid one.",
        examples=[3],
    )
    save_safetensors: Flag = Field(
        default=True, description="Weights as safetensors; false: a torch file.", examples=[True]
    )
    save_on_each_node: Flag = Field(
        default=False, description="The first rank of every node writes, not just rank 0.", examples=[True]
    )
    save_only_model: Flag = Field(
        default=False,
        description="Write the model alone: smaller, but training cannot be resumed from it.",
        examples=[True],
    )
