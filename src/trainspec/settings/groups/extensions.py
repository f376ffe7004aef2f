"""Settings beyond the 118 that people know; none changes what a configuration without them means to the model."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag


class ExtensionSettings(Group):
    stop_on_nonfinite: Flag = Field(
        default=True,
        description="End the run at a loss or gradient that is nan or infinite, before it reaches a checkpoint.",
        examples=[False],
    )
