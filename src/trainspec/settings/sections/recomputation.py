"""`gradient_checkpointing_kwargs`: arguments of torch.utils.checkpoint."""

from typing import Literal

from pydantic import Field

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag


class GradientCheckpointingKwargs(Section):
    use_reentrant: Flag = Field(
        default=False, description="The older implementation; torch recommends false.", examples=[False]
    )
    preserve_rng_state: Flag = Field(
        default=True,
        description="Restore the random state for the recomputation, so that dropout agrees.",
        examples=[True],
    )
    determinism_check: Literal["default", "none"] = Field(
        default="default", description="Compare the metadata of recomputed tensors.", examples=["none"]
    )
    debug: Flag = Field(default=False, description="Trace both passes in the error message.", examples=[True])
    early_stop: Flag = Field(
        default=True, description="End the recomputation once all needed tensors are there.", examples=[True]
    )
