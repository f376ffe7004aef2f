"""Regularisation, counters and callback state."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import TokenCount
from trainspec.settings.values.types import Flag, Number


class AdvancedSettings(Group):
    neftune_noise_alpha: Number | None = Field(
        default=None, gt=0, description="Noise on input embeddings while training (NEFTune).", examples=[5.0]
    )
    include_tokens_per_second: Flag = Field(
        default=False, description="Report train_tokens_per_second per device.", examples=[True]
    )
    include_num_input_tokens_seen: Flag | TokenCount | None = Field(
        default=None,
        description="Count input tokens over all ranks: all of them, those that are not padding, or none.",
        examples=["non_padding"],
    )
    average_tokens_across_devices: Flag = Field(
        default=True, description="Normalise the loss by the tokens of all ranks.", examples=[False]
    )
    restore_callback_states_from_checkpoint: Flag = Field(
        default=False,
        description="Make callbacks on resume as the checkpoint's were.",
        examples=[True],
    )
