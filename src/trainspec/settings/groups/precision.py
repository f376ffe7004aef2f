"""Number formats."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import ApexOptLevel, HalfPrecisionBackend
from trainspec.settings.values.types import Flag


class PrecisionSettings(Group):
    bf16: Flag = Field(default=False, description="Train under bfloat16 autocast.", examples=[True])
    fp16: Flag = Field(
        default=False, description="Train under float16 autocast with dynamic loss scaling.", examples=[True]
    )
    fp16_opt_level: ApexOptLevel = Field(
        default=ApexOptLevel.O1,
        description="O0 float32, O1 autocast, O2 half model with float32 master weights, O3 pure half.",
        examples=["O2"],
    )
    half_precision_backend: HalfPrecisionBackend = Field(
        default=HalfPrecisionBackend.AUTO,
        description="Library for mixed precision; auto and cpu_amp are torch's own.",
        examples=["auto"],
    )
    bf16_full_eval: Flag = Field(default=False, description="Evaluate entirely in bfloat16.", examples=[True])
    fp16_full_eval: Flag = Field(default=False, description="Evaluate entirely in float16.", examples=[True])
    tf32: Flag | None = Field(
        default=None, description="TF32 in matmul and cuDNN; unset leaves the process alone.", examples=[True]
    )
