"""How many rows make an update, and how its gradient is bounded."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import NonNegativeNumber, Positive


class BatchSettings(Group):
    per_device_train_batch_size: Positive = Field(
        default=8, description="Training rows per device in one micro-batch.", examples=[32]
    )
    per_device_eval_batch_size: Positive = Field(
        default=8, description="Evaluation rows per device in one batch.", examples=[64]
    )
    gradient_accumulation_steps: Positive = Field(
        default=1,
        description="Micro-batches per optimizer update; the update equals that of one batch as large as all of them.",
        examples=[4],
    )
    eval_accumulation_steps: Positive | None = Field(
        default=None,
        description="Move predictions to the CPU every so many evaluation batches; unset: once, at the end.",
        examples=[20],
    )
    max_grad_norm: NonNegativeNumber = Field(
        default=1.0, description="Largest global gradient norm, clipped above; 0 switches clipping off.", examples=[0.5]
    )
