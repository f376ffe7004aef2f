"""Tracker details."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Name


class TrackingSettings(Group):
    trackio_space_id: Name | None = Field(
        default="trackio", description="Trackio space; null logs locally.", examples=["team/space"]
    )
