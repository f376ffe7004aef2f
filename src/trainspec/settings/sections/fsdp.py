"""`fsdp_config`: details of fully sharded data parallelism."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag, Name, NonNegative, NumberedChoice

OLD_PREFIX = "fsdp_"
# Dumps of transformers always hold these; switched off they say nothing, switched on they are refused as unknown.
_XLA = frozenset({"xla", "xla_fsdp_v2", "xla_fsdp_grad_ckpt"})


class FSDPConfig(Section):
    min_num_params: NonNegative = Field(
        default=0, description="Wrap every module with at least so many parameters; 0: not by size.", examples=[1000000]
    )
    transformer_layer_cls_to_wrap: Name | list[Name] | None = Field(
        default=None, description="Class names of the layers to wrap.", examples=[["Block"]]
    )
    backward_prefetch: Literal["backward_pre", "backward_post", "no_prefetch"] | None = Field(
        default=None,
        description="When the next parameters are gathered in the backward pass.",
        examples=["backward_pre"],
    )
    forward_prefetch: Flag = Field(
        default=False, description="Gather the next parameters during the forward pass.", examples=[True]
    )
    limit_all_gathers: Flag = Field(
        default=False, description="Let the CPU not run ahead of the gathers.", examples=[True]
    )
    use_orig_params: Flag = Field(
        default=True, description="Keep the model's own parameter objects visible.", examples=[True]
    )
    sync_module_states: Flag = Field(
        default=True, description="Broadcast the weights of rank 0 at the start.", examples=[True]
    )
    cpu_ram_efficient_loading: Flag = Field(
        default=False, description="Only rank 0 loads the weights; needs sync_module_states.", examples=[True]
    )
    activation_checkpointing: Flag = Field(
        default=False, description="Recompute activations of the wrapped layers.", examples=[True]
    )
    state_dict_type: Literal["FULL_STATE_DICT", "SHARDED_STATE_DICT", "LOCAL_STATE_DICT"] | None = Field(
        default=None, description="Form of the weights in checkpoints.", examples=["SHARDED_STATE_DICT"]
    )
    version: Annotated[Literal[1, 2], NumberedChoice] = Field(
        default=2, description="FSDP generation; 2 is fully_shard.", examples=[2]
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_old_prefix(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        plain: dict[Any, Any] = {}
        for key, value in data.items():
            short = key.removeprefix(OLD_PREFIX) if isinstance(key, str) else key
            if key in _XLA and value is False:
                continue
            if short in plain and plain[short] != value:
                raise ValueError(f"{short} and {OLD_PREFIX}{short} are both given and differ; keep one")
            plain[short] = value
        return plain
