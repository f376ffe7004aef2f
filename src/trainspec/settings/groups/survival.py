"""Settings of our own for what may go wrong on the way: stores that fail, machines that are taken away, other settings.

None changes what a configuration without them means to the model.
"""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import OnChangedSettings
from trainspec.settings.values.types import ExitCode, Flag, Name, NonNegative, PositiveNumber


class SurvivalSettings(Group):
    storage_timeout_seconds: PositiveNumber = Field(
        default=60.0,
        description="Seconds that a read or write of a remote store is tried before it counts as failed.",
        examples=[300.0],
    )
    save_failures_allowed: NonNegative = Field(
        default=3,
        description="Checkpoints in a row that may fail to be saved before the run ends; 0: it ends at the first.",
        examples=[0],
    )
    save_in_background: Flag = Field(
        default=False,
        description="Let training wait only for a copy in memory of what is saved, which a thread writes meanwhile.",
        examples=[True],
    )
    preemption_exit_code: ExitCode | None = Field(
        default=None,
        description="Exit code of a run that was told to end and has saved; unset: 143, as after SIGTERM.",
        examples=[85],
    )
    preemption_grace_seconds: PositiveNumber | None = Field(
        default=None,
        description="Seconds after the signal at which a run that has not ended by itself is ended; unset: no bound.",
        examples=[25.0],
    )
    preemption_file: Name | None = Field(
        default=None,
        description="A local file whose appearance means the same as SIGTERM: a notice that the machine is taken away.",
        examples=["/var/run/preempted"],
    )
    on_changed_settings: OnChangedSettings = Field(
        default=OnChangedSettings.WARN,
        description="What a resumed run does about settings that change it and are not those of its checkpoint.",
        examples=["error"],
    )
