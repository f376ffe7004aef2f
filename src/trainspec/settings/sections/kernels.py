"""`liger_kernel_config`: which kernels replace parts of a model."""

from pydantic import Field

from trainspec.settings.sections.section import Section
from trainspec.settings.values.types import Flag


class LigerKernelConfig(Section):
    rope: Flag | None = Field(default=None, description="Rotary position embedding.", examples=[True])
    rms_norm: Flag | None = Field(default=None, description="RMSNorm.", examples=[True])
    layer_norm: Flag | None = Field(default=None, description="LayerNorm.", examples=[True])
    swiglu: Flag | None = Field(default=None, description="SwiGLU.", examples=[True])
    geglu: Flag | None = Field(default=None, description="GeGLU.", examples=[True])
    cross_entropy: Flag | None = Field(
        default=None, description="Cross-entropy; not together with the fused one.", examples=[False]
    )
    fused_linear_cross_entropy: Flag | None = Field(
        default=None, description="Output layer and cross-entropy in one, for less memory.", examples=[True]
    )
