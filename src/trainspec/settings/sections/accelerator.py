"""`accelerator_config`: how batches are dealt to processes."""

from typing import Any

from pydantic import Field, model_validator

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag, Positive


class GradientAccumulationKwargs(Section):
    num_steps: Positive | None = Field(
        default=None, description="Micro-batches per update; must agree with gradient_accumulation_steps.", examples=[4]
    )
    adjust_scheduler: Flag = Field(
        default=True, description="The schedule counts updates, not micro-batches.", examples=[True]
    )
    sync_with_dataloader: Flag = Field(default=True, description="The window ends with the data set.", examples=[False])
    sync_each_batch: Flag = Field(
        default=False, description="Synchronise gradients at every micro-batch, for less memory.", examples=[True]
    )


class AcceleratorConfig(Section):
    @model_validator(mode="before")
    @classmethod
    def _no_whole_configuration(cls, data: Any) -> Any:
        if isinstance(data, dict) and not {"compute_environment", "distributed_type"}.isdisjoint(data):
            raise ValueError(
                "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings"
            )
        return data

    split_batches: Flag = Field(
        default=False, description="The batch size is that of all processes together.", examples=[True]
    )
    dispatch_batches: Flag | None = Field(
        default=None,
        description="Rank 0 reads and deals out the batches; unset: only of streams that cannot be shared out.",
        examples=[True],
    )
    even_batches: Flag = Field(
        default=True,
        description="Repeat rows, which count nothing, where a process has no batch left; as uneven_inputs says.",
        examples=[False],
    )
    use_seedable_sampler: Flag = Field(
        default=True, description="The order of the data depends on the seed and the epoch alone.", examples=[True]
    )
    non_blocking: Flag = Field(
        default=False, description="Copy to the device while computing; wants pinned memory.", examples=[True]
    )
    gradient_accumulation_kwargs: GradientAccumulationKwargs | None = Field(
        default=None, description="Details of gradient accumulation.", examples=[{"sync_each_batch": True}]
    )
    use_configured_state: Flag = Field(
        default=False, description="Use the process state that is already configured.", examples=[True]
    )
