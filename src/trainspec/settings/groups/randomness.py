"""Seeds."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, Seed


class RandomnessSettings(Group):
    seed: Seed = Field(default=42, description="Seed of python, numpy, torch and all devices.", examples=[1])
    full_determinism: Flag = Field(
        default=False, description="Deterministic algorithms only: two runs agree bit for bit.", examples=[True]
    )
