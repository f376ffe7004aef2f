"""Where a run writes and what it is called."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, Name


class OutputSettings(Group):
    output_dir: Name = Field(
        default="trainer_output",
        description="Folder or fsspec URL for checkpoints, the final model, the state and the resolved settings.",
        examples=["runs/digits", "s3://bucket/run-7"],
    )
    overwrite_output_dir: Flag = Field(
        default=False,
        description="Start fresh in an output_dir that already holds checkpoints; the old ones go only once the new "
        "run's first checkpoint is safe.",
        examples=[True],
    )
    run_name: Name | None = Field(
        default=None,
        description="Name of the run in every tracker; output_dir when unset.",
        examples=["digits-lr3e-4"],
    )
