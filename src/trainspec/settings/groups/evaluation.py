"""When evaluation runs and what it keeps."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.choices import IntervalStrategy
from trainspec.settings.values.types import Flag, Interval, NonNegativeNumber


class EvaluationSettings(Group):
    eval_strategy: IntervalStrategy = Field(
        default=IntervalStrategy.NO,
        description="When evaluation runs: never, every eval_steps updates, or after each epoch.",
        examples=["epoch"],
    )
    eval_steps: Interval | None = Field(
        default=None,
        description="Updates between evaluations, or a fraction of all updates; logging_steps when unset.",
        examples=[200, 0.1],
    )
    eval_delay: NonNegativeNumber | None = Field(
        default=None,
        description="Epochs (strategy epoch) or updates (strategy steps) before the first evaluation.",
        examples=[2],
    )
    eval_on_start: Flag = Field(default=False, description="Evaluate once before the first update.", examples=[True])
    eval_do_concat_batches: Flag = Field(
        default=True,
        description="Join predictions of all batches; false: compute_metrics gets lists, one entry a batch.",
        examples=[False],
    )
    eval_use_gather_object: Flag = Field(
        default=False, description="Gather nested outputs that are not tensors from all ranks.", examples=[True]
    )
    prediction_loss_only: Flag = Field(
        default=False, description="Keep only the loss of an evaluation, no logits.", examples=[True]
    )
    batch_eval_metrics: Flag = Field(
        default=False,
        description="Call compute_metrics batch by batch, so that memory does not grow with the data set.",
        examples=[True],
    )
