"""What is logged, when, and at which level."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import IntervalStrategy, LogLevel, TrackerName
from trainspec.settings.values.types import Flag, Interval, Name


class LoggingSettings(Group):
    logging_dir: Name | None = Field(
        default=None,
        description="TensorBoard folder; output_dir/runs/DATETIME_HOSTNAME when unset.",
        examples=["logs"],
    )
    logging_strategy: IntervalStrategy = Field(
        default=IntervalStrategy.STEPS,
        description="When loss, grad_norm, learning_rate and epoch are logged.",
        examples=["epoch"],
    )
    logging_steps: Interval = Field(
        default=500, description="Updates between log entries, or a fraction of all updates.", examples=[10, 0.01]
    )
    logging_first_step: Flag = Field(default=False, description="Log the first update too.", examples=[True])
    logging_nan_inf_filter: Flag = Field(
        default=True,
        description="A nan or inf loss enters the logged average as the average so far; false: it shows.",
        examples=[False],
    )
    log_level: LogLevel = Field(
        default=LogLevel.PASSIVE,
        description="Level of the package's logger on the main process; passive leaves it alone.",
        examples=["info"],
    )
    log_level_replica: LogLevel = Field(
        default=LogLevel.WARNING, description="Level of the package's logger on the replicas.", examples=["error"]
    )
    log_on_each_node: Flag = Field(
        default=True,
        description="log_level holds on the main process of every node; false: of the whole job only.",
        examples=[False],
    )
    report_to: TrackerName | list[TrackerName] = Field(
        default=TrackerName.ALL,
        description="Trackers that receive every log entry: all that are installed, none, one name or a list.",
        examples=["none", ["tensorboard", "jsonl"]],
    )
    project: Name = Field(
        default="huggingface", description="Project or experiment in trackers that have one.", examples=["digits"]
    )
