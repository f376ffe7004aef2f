"""Pushing to a model hub."""

from typing import Annotated

from pydantic import Field, SecretStr, Strict

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import HubStrategy
from trainspec.settings.values.types import Flag, Name


class HubSettings(Group):
    push_to_hub: Flag = Field(default=False, description="Push the model to the hub.", examples=[True])
    hub_model_id: Name | None = Field(
        default=None, description="Repository to push to; the name of output_dir when unset.", examples=["team/digits"]
    )
    hub_revision: Name | None = Field(default=None, description="Branch to push to.", examples=["main"])
    hub_private_repo: Flag | None = Field(
        default=None, description="Create the repository private; unset: the account's default.", examples=[True]
    )
    hub_strategy: HubStrategy = Field(
        default=HubStrategy.EVERY_SAVE, description="What is pushed, and when.", examples=["end"]
    )
    hub_token: Annotated[SecretStr, Strict()] | None = Field(
        default=None, description="Token for the push; a secret, shown nowhere.", examples=[None]
    )
    hub_always_push: Flag = Field(
        default=False, description="Push even while the last push still runs.", examples=[True]
    )
