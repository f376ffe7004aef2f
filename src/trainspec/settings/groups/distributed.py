"""Several processes: DDP, FSDP, DeepSpeed, meshes."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import DDPBackend, FSDPOption
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.types import Flag, MinusOneOrMore, Name, OptionWords, Positive, Text, no_items

if TYPE_CHECKING:
    from trainspec.settings.sections.accelerator import AcceleratorConfig
    from trainspec.settings.sections.deepspeed import DeepSpeedConfig
    from trainspec.settings.sections.fsdp import FSDPConfig
    from trainspec.settings.sections.parallelism import ParallelismConfig
else:
    AcceleratorConfig = Annotated[Any, LazySection("trainspec.settings.sections.accelerator:AcceleratorConfig")]
    DeepSpeedConfig = Annotated[Any, LazySection("trainspec.settings.sections.deepspeed:DeepSpeedConfig")]
    FSDPConfig = Annotated[Any, LazySection("trainspec.settings.sections.fsdp:FSDPConfig")]
    ParallelismConfig = Annotated[Any, LazySection("trainspec.settings.sections.parallelism:ParallelismConfig")]


class DistributedSettings(Group):
    local_rank: MinusOneOrMore = Field(
        default=-1, description="Rank on this node; LOCAL_RANK under a launcher.", examples=[0]
    )
    ddp_backend: DDPBackend | None = Field(
        default=None, description="Process-group backend; by device when unset.", examples=["nccl"]
    )
    ddp_find_unused_parameters: Flag | None = Field(
        default=None, description="Passed to DistributedDataParallel.", examples=[False]
    )
    ddp_bucket_cap_mb: Positive | None = Field(
        default=None, description="Bucket size of DistributedDataParallel, in MB.", examples=[25]
    )
    ddp_broadcast_buffers: Flag | None = Field(
        default=None, description="Passed to DistributedDataParallel.", examples=[False]
    )
    ddp_timeout: Positive = Field(default=1800, description="Process-group timeout, in seconds.", examples=[7200])
    fsdp: Flag | list[FSDPOption] | Annotated[Text, OptionWords(FSDPOption)] | None = Field(
        default_factory=no_items,
        description="Shard parameters, gradients and optimizer state: options as a list or as words in one text.",
        examples=[["full_shard", "auto_wrap"], "full_shard auto_wrap"],
    )
    fsdp_config: FSDPConfig | Name | None = Field(
        default=None,
        description="Details of FSDP: a mapping, or the path or URL of a JSON or YAML file.",
        examples=[{"transformer_layer_cls_to_wrap": ["Block"]}],
    )
    deepspeed: DeepSpeedConfig | Name | None = Field(
        default=None,
        description="DeepSpeed configuration: a mapping, or the path or URL of a file; auto takes our settings.",
        examples=["ds_zero2.json", {"zero_optimization": {"stage": 2}}],
    )
    accelerator_config: AcceleratorConfig | Name | None = Field(
        default=None,
        description="How batches are dealt to processes: a mapping, or the path or URL of a file.",
        examples=[{"split_batches": True}],
    )
    parallelism_config: ParallelismConfig | None = Field(
        default=None,
        description="Device mesh: sizes whose product is the world size.",
        examples=[{"dp_shard_size": 4, "tp_size": 2}],
    )
