"""Tracker details."""

from pydantic import Field

from trainspec.settings.base import Settings
from trainspec.settings.types import Name


class TrackingSettings(Settings):
    trackio_space_id: Name | None = Field(
        default="trackio", description="Trackio space; null logs locally.", examples=["team/space"]
    )
