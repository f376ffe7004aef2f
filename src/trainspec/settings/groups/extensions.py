"""Settings beyond the 118 that people know; none changes what a configuration without them means to the model.

All but stop_on_nonfinite and uneven_inputs are names of transformers 5.
"""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import SamplingStrategy, UnevenInputs, WorkerStart
from trainspec.settings.values.types import Flag, Name


class ExtensionSettings(Group):
    stop_on_nonfinite: Flag = Field(
        default=True,
        description="End the run at a loss or gradient that is nan or infinite, before it reaches a checkpoint.",
        examples=[False],
    )
    train_sampling_strategy: SamplingStrategy | None = Field(
        default=None,
        description="Order of the training rows; as group_by_length says when unset.",
        examples=["sequential"],
    )
    dataloader_in_order: Flag = Field(
        default=True,
        description="Take batches in their order; false: as loading processes finish them, which no run repeats.",
        examples=[False],
    )
    dataloader_multiprocessing_context: WorkerStart | None = Field(
        default=None,
        description="How loading processes are started; the platform's own way when unset.",
        examples=["spawn"],
    )
    ddp_static_graph: Flag | None = Field(
        default=None,
        description="Passed to DistributedDataParallel: the graph never changes.",
        examples=[True],
    )
    uneven_inputs: UnevenInputs | None = Field(
        default=None,
        description="What a process does that runs out of training data before others; unset: as even_batches says.",
        examples=["drop"],
    )
    use_cache: Flag | None = Field(
        default=None,
        description="Whether the model keeps keys and values while it trains; as its configuration says when unset.",
        examples=[False],
    )
    enable_jit_checkpoint: Flag = Field(
        default=False,
        description="At SIGTERM, finish the update, write a checkpoint, and end.",
        examples=[True],
    )
    trackio_bucket_id: Name | None = Field(
        default=None,
        description="Bucket on the hub with the metrics of Trackio's Space.",
        examples=["team/bucket"],
    )
    trackio_static_space_id: Name | Flag | None = Field(
        default=None,
        description="Static Space that Trackio's is copied to after training; null or false: none.",
        examples=["team/finished"],
    )
