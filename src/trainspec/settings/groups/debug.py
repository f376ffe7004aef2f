"""Looking into a run."""

from typing import Annotated

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import DebugOption, RayScope
from trainspec.settings.values.types import Flag, MinusOneOrMore, Name, OptionWords, Text


class DebugSettings(Group):
    debug: list[DebugOption] | Annotated[Text, OptionWords(DebugOption)] = Field(
        default="",
        description="Debugging aids, as a list or as words in one text.",
        examples=["underflow_overflow", ["underflow_overflow"]],
    )
    skip_memory_metrics: Flag = Field(
        default=True, description="Leave memory figures out of the metrics.", examples=[False]
    )
    disable_tqdm: Flag | None = Field(
        default=None,
        description="No progress bars; unset: none outside terminals and notebooks, or with log_level above warning.",
        examples=[True],
    )
    past_index: MinusOneOrMore = Field(
        default=-1, description="Output that is fed back to the model as mems; -1: none.", examples=[2]
    )
    torchdynamo: Name | None = Field(
        default=None, description="Deprecated: use torch_compile_backend.", examples=["inductor"]
    )
    ray_scope: RayScope = Field(
        default=RayScope.LAST, description="Which result of a trial a Ray search compares.", examples=["all"]
    )
