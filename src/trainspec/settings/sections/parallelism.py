"""`parallelism_config`: the sizes of the device mesh."""

from typing import Literal

from pydantic import Field

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Positive


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
    sp_size: Positive = Field(default=1, description="Ranks that split activations (sequence parallel).", examples=[2])
    sp_backend: Literal["deepspeed"] = Field(
        default="deepspeed", description="Implementation of sequence parallelism.", examples=["deepspeed"]
    )

    def total_size(self) -> int:
        """The world size that this mesh needs: the product of all sizes."""
        return self.dp_replicate_size * self.dp_shard_size * self.tp_size * self.cp_size * self.sp_size
