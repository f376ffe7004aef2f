"""Compilation, recomputation and memory."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import TorchCompileMode
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.types import Flag, Name, Positive

if TYPE_CHECKING:
    from trainspec.settings.sections.kernels import LigerKernelConfig
    from trainspec.settings.sections.recomputation import GradientCheckpointingKwargs
else:
    LigerKernelConfig = Annotated[Any, LazySection("trainspec.settings.sections.kernels:LigerKernelConfig")]
    GradientCheckpointingKwargs = Annotated[
        Any, LazySection("trainspec.settings.sections.recomputation:GradientCheckpointingKwargs")
    ]


class PerformanceSettings(Group):
    torch_compile: Flag = Field(default=False, description="Compile the model with torch.compile.", examples=[True])
    torch_compile_backend: Name | None = Field(
        default=None, description="Backend of torch.compile; setting it switches compilation on.", examples=["inductor"]
    )
    torch_compile_mode: TorchCompileMode | None = Field(
        default=None,
        description="Mode of torch.compile; setting it switches compilation on.",
        examples=["reduce-overhead"],
    )
    torch_empty_cache_steps: Positive | None = Field(
        default=None, description="Empty the device cache every so many updates.", examples=[100]
    )
    jit_mode_eval: Flag = Field(default=False, description="Evaluate a traced module.", examples=[True])
    gradient_checkpointing: Flag = Field(
        default=False, description="Recompute activations in the backward pass, for less memory.", examples=[True]
    )
    gradient_checkpointing_kwargs: GradientCheckpointingKwargs | None = Field(
        default=None, description="Arguments of the recomputation.", examples=[{"use_reentrant": False}]
    )
    auto_find_batch_size: Flag = Field(
        default=False, description="Halve the batch and start again when memory runs out.", examples=[True]
    )
    use_liger_kernel: Flag = Field(
        default=False, description="Use Liger kernels in a supported model.", examples=[True]
    )
    liger_kernel_config: LigerKernelConfig | None = Field(
        default=None, description="Which Liger kernels are used.", examples=[{"rope": True, "cross_entropy": False}]
    )
