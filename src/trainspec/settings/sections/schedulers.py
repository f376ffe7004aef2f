"""`lr_scheduler_kwargs`: the arguments of each schedule.

Which of them a schedule cannot do without is a rule (`rules/schedule.py`), since it also holds when nothing
is given.
"""

from typing import Literal

from trainspec.settings.sections.keys import key
from trainspec.settings.sections.section import Section
from trainspec.settings.values.choices import SchedulerType
from trainspec.settings.values.types import NonNegative, NonNegativeNumber, Number, Positive, Probability


class NoScheduleArguments(Section):
    """A schedule that is wholly described by the other settings."""


class CosineArguments(Section):
    num_cycles: Number = key(0.5, "Waves of the cosine; 0.5: from the top to 0 once.", 0.5, gt=0)


class RestartArguments(Section):
    num_cycles: Positive = key(1, "Cosine decays, each of which restarts at the top.", 3)


class PolynomialArguments(Section):
    lr_end: NonNegativeNumber = key(1e-7, "Learning rate at the end; must be below learning_rate.", 1e-7)
    power: Number = key(1.0, "Exponent of the decay; 1: a line.", 2.0, gt=0)


class InverseSqrtArguments(Section):
    timescale: Positive | None = key(None, "Updates over which the decay stretches; unset: those of the warmup.", 10000)


class CosineMinArguments(CosineArguments):
    min_lr: NonNegativeNumber | None = key(None, "Learning rate at the end; this or min_lr_rate.", 1e-6)
    min_lr_rate: Probability | None = key(None, "The same as a share of learning_rate.", 0.1)


class CosineWarmupMinArguments(CosineMinArguments):
    warmup_lr_rate: Probability | None = key(
        None,
        "Where the warmup starts, as a share of learning_rate; unset: one over the warmup's updates.",
        0.01,
    )


class StableDecayArguments(Section):
    num_decay_steps: Positive | None = key(None, "Updates of the decay at the end; required.", 1000)
    num_stable_steps: NonNegative | None = key(None, "Updates at the top; unset: those left over.", 8000)
    warmup_type: Literal["linear", "cosine", "1-sqrt"] = key("linear", "Shape of the warmup.", "linear")
    decay_type: Literal["linear", "cosine", "1-sqrt"] = key("cosine", "Shape of the decay.", "1-sqrt")
    min_lr_ratio: Probability = key(0.0, "Learning rate before and after, as a share of learning_rate.", 0.1)
    num_cycles: Number = key(0.5, "Waves of a cosine decay.", 0.5, gt=0)


class PlateauArguments(Section):
    mode: Literal["min", "max"] | None = key(
        None, "Whether the metric should fall or rise; unset: as greater_is_better says.", "min"
    )
    factor: Number = key(0.1, "What the learning rate is multiplied by.", 0.5, gt=0, lt=1)
    patience: NonNegative = key(10, "Evaluations without improvement that are let pass.", 3)
    threshold: NonNegativeNumber = key(1e-4, "How much better counts as better.", 1e-3)
    threshold_mode: Literal["rel", "abs"] = key("rel", "Whether threshold is relative.", "abs")
    cooldown: NonNegative = key(0, "Evaluations to wait after a reduction.", 1)
    min_lr: NonNegativeNumber | list[NonNegativeNumber] = key(
        0.0, "Lower bound of the learning rate, for all parameter groups or each.", 1e-6
    )
    eps: NonNegativeNumber = key(1e-8, "Smallest reduction that is made.", 1e-8)


SCHEDULER_ARGUMENTS: dict[SchedulerType, type[Section]] = {
    SchedulerType.LINEAR: NoScheduleArguments,
    SchedulerType.COSINE: CosineArguments,
    SchedulerType.COSINE_WITH_RESTARTS: RestartArguments,
    SchedulerType.POLYNOMIAL: PolynomialArguments,
    SchedulerType.CONSTANT: NoScheduleArguments,
    SchedulerType.CONSTANT_WITH_WARMUP: NoScheduleArguments,
    SchedulerType.INVERSE_SQRT: InverseSqrtArguments,
    SchedulerType.REDUCE_ON_PLATEAU: PlateauArguments,
    SchedulerType.COSINE_WITH_MIN_LR: CosineMinArguments,
    SchedulerType.COSINE_WARMUP_WITH_MIN_LR: CosineWarmupMinArguments,
    SchedulerType.WARMUP_STABLE_DECAY: StableDecayArguments,
}
