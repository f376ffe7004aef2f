"""`parallelism_config`: the sizes of the device mesh."""

from math import prod
from typing import Literal

from pydantic import Field

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Positive

DIMENSIONS = ("pp", "dp_replicate", "dp_shard", "cp", "sp", "ep", "tp")


class ParallelismConfig(Section):
    dp_replicate_size: Positive = Field(
        default=1, description="Replicas of the (possibly sharded) model.", examples=[2]
    )
    dp_shard_size: Positive = Field(
        default=1, description="Ranks that share one copy of parameters and optimizer state.", examples=[4]
    )
    tp_size: Positive = Field(default=1, description="Ranks that split each layer (tensor parallel).", examples=[2])
    cp_size: Positive = Field(default=1, description="Ranks that split each sequence (context parallel).", examples=[2])
    cp_backend: Literal["torch"] = Field(
        default="torch", description="Implementation of context parallelism.", examples=["torch"]
    )
    sp_size: Positive = Field(
        default=1,
        description="Ranks that split each sequence, and heads in attention (sequence parallel, Ulysses).",
        examples=[2],
    )
    sp_backend: Literal["torch", "deepspeed"] | None = Field(
        default=None,
        description="Implementation of sequence parallelism: deepspeed where deepspeed is set, else torch.",
        examples=["torch"],
    )

    ep_size: Positive = Field(default=1, description="Ranks that share out experts (expert parallel).", examples=[2])
    pp_size: Positive = Field(
        default=1, description="Ranks that each have some of the layers (pipeline parallel).", examples=[2]
    )

    def sizes(self) -> dict[str, int]:
        """Those of the dimensions, by torch's names and in the order of the mesh: the last ones are neighbours."""
        return {name: getattr(self, f"{name}_size") for name in DIMENSIONS}

    def total_size(self) -> int:
        """The world size that this mesh needs: the product of all sizes."""
        return prod(self.sizes().values())
