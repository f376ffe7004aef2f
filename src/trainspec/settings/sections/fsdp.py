"""`fsdp_config`: details of fully sharded data parallelism.

The keys are those of transformers and of accelerate's configuration files, with or without `fsdp_` before them, and
with the words of either: in small letters or capitals, booleans as text, names of classes with commas between them.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from trainspec.settings.sections.section import Section
from trainspec.settings.values.choices import FSDPOption
from trainspec.settings.values.coercion import OLD_PREFIX
from trainspec.settings.values.types import Flag, Name, NonNegative, NumberedChoice

_NUMBERED = ("full_shard", "shard_grad_op", "no_shard", "hybrid_shard", "hybrid_shard_zero2")
_OF_A_WHOLE_CONFIGURATION = frozenset({"compute_environment", "distributed_type", "fsdp_config", "deepspeed_config"})


def _small(word: str) -> str:
    return word.lower()


def _capitals(word: str) -> str:
    return word.upper()


def _truth(said: bool | str) -> bool:
    return said if isinstance(said, bool) else said.lower() == "true"


def _strategy(said: int | str) -> str:
    """accelerate's names and numbers of the ways to shard, as `fsdp` calls them."""
    text = str(said)
    return _NUMBERED[int(text) - 1] if text.isdigit() else text.lower()


def _resharded(said: bool | str) -> bool | str:
    """A truth of the second generation, a way to shard of the first."""
    if isinstance(said, bool):
        return said
    return said.lower() == "true" if said.lower() in ("true", "false") else said.lower()


def _listed(said: str | list[str]) -> str | list[str]:
    if isinstance(said, str) and "," in said:
        return [name.strip() for name in said.split(",") if name.strip()]
    return said


Switch: TypeAlias = Annotated[Flag | Literal["true", "false", "True", "False"], AfterValidator(_truth)]
Prefetch: TypeAlias = Annotated[
    Literal["backward_pre", "backward_post", "no_prefetch", "BACKWARD_PRE", "BACKWARD_POST", "NO_PREFETCH"],
    AfterValidator(_small),
]
StateDictType: TypeAlias = Annotated[
    Literal[
        "FULL_STATE_DICT",
        "SHARDED_STATE_DICT",
        "LOCAL_STATE_DICT",
        "full_state_dict",
        "sharded_state_dict",
        "local_state_dict",
    ],
    AfterValidator(_capitals),
]
WrapPolicy: TypeAlias = Annotated[
    Literal[
        "TRANSFORMER_BASED_WRAP",
        "SIZE_BASED_WRAP",
        "NO_WRAP",
        "transformer_based_wrap",
        "size_based_wrap",
        "no_wrap",
    ],
    AfterValidator(_capitals),
]
_Strategies = Literal[
    "full_shard",
    "shard_grad_op",
    "no_shard",
    "hybrid_shard",
    "hybrid_shard_zero2",
    "FULL_SHARD",
    "SHARD_GRAD_OP",
    "NO_SHARD",
    "HYBRID_SHARD",
    "HYBRID_SHARD_ZERO2",
]
ShardingStrategy: TypeAlias = Annotated[
    Literal[1, 2, 3, 4, 5] | Literal["1", "2", "3", "4", "5"] | _Strategies, NumberedChoice, AfterValidator(_strategy)
]
Reshard: TypeAlias = Annotated[
    Flag | Literal["true", "false", "True", "False"] | _Strategies, AfterValidator(_resharded)
]


class FSDPConfig(Section):
    min_num_params: NonNegative = Field(
        default=0, description="Wrap every module with at least so many parameters; 0: not by size.", examples=[1000000]
    )
    transformer_layer_cls_to_wrap: Annotated[Name | list[Name] | None, AfterValidator(_listed)] = Field(
        default=None, description="Class names of the layers to wrap.", examples=[["Block"]]
    )
    backward_prefetch: Prefetch | None = Field(
        default=None,
        description="When the next parameters are gathered in the backward pass.",
        examples=["backward_pre"],
    )
    forward_prefetch: Switch = Field(
        default=False, description="Gather the next parameters during the forward pass.", examples=[True]
    )
    limit_all_gathers: Switch = Field(
        default=False, description="Let the CPU not run ahead of the gathers.", examples=[True]
    )
    use_orig_params: Switch = Field(
        default=True, description="Keep the model's own parameter objects visible.", examples=[True]
    )
    sync_module_states: Switch = Field(
        default=True, description="Broadcast the weights of rank 0 at the start.", examples=[True]
    )
    cpu_ram_efficient_loading: Switch = Field(
        default=False, description="Only rank 0 loads the weights; needs sync_module_states.", examples=[True]
    )
    activation_checkpointing: Switch = Field(
        default=False, description="Recompute activations of the wrapped layers.", examples=[True]
    )
    state_dict_type: StateDictType | None = Field(
        default=None, description="Form of the weights in checkpoints.", examples=["SHARDED_STATE_DICT"]
    )
    version: Annotated[Literal[1, 2], NumberedChoice] = Field(
        default=2, description="FSDP generation; 2 is fully_shard.", examples=[2]
    )
    auto_wrap_policy: WrapPolicy | None = Field(
        default=None,
        description="What is wrapped: layers by class, modules by size, or nothing; says auto_wrap in fsdp.",
        examples=["TRANSFORMER_BASED_WRAP"],
    )
    sharding_strategy: ShardingStrategy | None = Field(
        default=None,
        description="accelerate's name or number of the way to shard, where fsdp names none.",
        examples=["FULL_SHARD"],
    )
    reshard_after_forward: Reshard | None = Field(
        default=None,
        description="Free gathered parameters after the forward pass: true is full_shard, false is shard_grad_op.",
        examples=[True],
    )
    cpu_offload: Switch = Field(default=False, description="The same as offload in fsdp.", examples=[True])
    offload_params: Switch = Field(default=False, description="accelerate's name of cpu_offload.", examples=[True])
    xla: Switch = Field(default=False, description="FSDP of torch_xla, which is not done here.", examples=[False])
    xla_fsdp_v2: Switch = Field(default=False, description="Its second generation, not done here.", examples=[False])
    xla_fsdp_grad_ckpt: Switch = Field(default=False, description="Its recomputation, not done here.", examples=[False])
    xla_fsdp_settings: dict[str, Any] | None = Field(
        default=None, description="Its details, not done here.", examples=[{"compute_dtype": "bfloat16"}]
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_old_prefix(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if not _OF_A_WHOLE_CONFIGURATION.isdisjoint(data):
            raise ValueError(
                "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings, "
                "of which its fsdp_config is one"
            )
        plain: dict[Any, Any] = {}
        for key, value in data.items():
            short = key.removeprefix(OLD_PREFIX) if isinstance(key, str) else key
            if short in plain and plain[short] != value:
                raise ValueError(f"{short} and {OLD_PREFIX}{short} are both given and differ; keep one")
            plain[short] = value
        return plain

    def says_what_is_wrapped(self) -> bool:
        """Whether layers, or the size from which on, are named."""
        return self.auto_wrap_policy is None and (self.min_num_params > 0 or bool(self.transformer_layer_cls_to_wrap))

    def options(self) -> list[FSDPOption]:
        """What these details add to the options of `fsdp`: offload, auto_wrap, and last the way to shard."""
        found: list[FSDPOption] = []
        if self.cpu_offload or self.offload_params:
            found.append(FSDPOption.OFFLOAD)
        if self.auto_wrap_policy in ("TRANSFORMER_BASED_WRAP", "SIZE_BASED_WRAP"):
            found.append(FSDPOption.AUTO_WRAP)
        how: Any = self.sharding_strategy
        if how is None and self.reshard_after_forward is not None:
            reshard: Any = self.reshard_after_forward
            how = {True: "full_shard", False: "shard_grad_op"}.get(reshard, reshard)
        return found if how is None else [*found, FSDPOption(how)]
