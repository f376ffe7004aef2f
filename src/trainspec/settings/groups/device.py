"""Which device computes."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, Positive


class DeviceSettings(Group):
    use_cpu: Flag = Field(
        default=False, description="Compute on the CPU even when an accelerator is there.", examples=[True]
    )
    tpu_num_cores: Positive | None = Field(default=None, description="TPU cores, through torch_xla.", examples=[8])
    use_mps_device: Flag = Field(
        default=False,
        description="Deprecated, without effect: Apple devices are found by themselves.",
        examples=[False],
    )
