"""How rows reach the model."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, Name, NonNegative, Positive, Seed


class DataSettings(Group):
    remove_unused_columns: Flag = Field(
        default=True, description="Drop columns that the model's forward does not take.", examples=[False]
    )
    label_names: list[Name] | None = Field(
        default=None,
        description="Columns that are labels in evaluation; found from the forward signature when unset.",
        examples=[["labels"]],
    )
    data_seed: Seed | None = Field(
        default=None, description="Seed of the order of the data; seed when unset.", examples=[1]
    )
    dataloader_drop_last: Flag = Field(
        default=False, description="Drop the last batch when it is incomplete.", examples=[True]
    )
    dataloader_num_workers: NonNegative = Field(
        default=0, description="Processes that load data; 0: the training process itself.", examples=[4]
    )
    dataloader_pin_memory: Flag = Field(
        default=True, description="Pin host memory when an accelerator is used.", examples=[False]
    )
    dataloader_persistent_workers: Flag = Field(
        default=False, description="Keep the loading processes between epochs.", examples=[True]
    )
    dataloader_prefetch_factor: Positive | None = Field(
        default=None, description="Batches each loading process prepares ahead.", examples=[4]
    )
    group_by_length: Flag = Field(
        default=False, description="Batch rows of similar length together, to pad less.", examples=[True]
    )
    length_column_name: Name = Field(
        default="length", description="Column with precomputed lengths.", examples=["num_tokens"]
    )
