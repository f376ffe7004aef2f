"""TrainingArguments: the 118 settings people know, flat, with derived values read under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainspec.settings.base import Settings
from trainspec.settings.derived import DERIVATIONS, Derivation
from trainspec.settings.groups.advanced import AdvancedSettings
from trainspec.settings.groups.batch import BatchSettings
from trainspec.settings.groups.best_model import BestModelSettings
from trainspec.settings.groups.checkpoint import CheckpointSettings
from trainspec.settings.groups.data import DataSettings
from trainspec.settings.groups.debug import DebugSettings
from trainspec.settings.groups.device import DeviceSettings
from trainspec.settings.groups.distributed import DistributedSettings
from trainspec.settings.groups.evaluation import EvaluationSettings
from trainspec.settings.groups.hub import HubSettings
from trainspec.settings.groups.logging import LoggingSettings
from trainspec.settings.groups.metrics import MetricsSettings
from trainspec.settings.groups.optimizer import OptimizerSettings
from trainspec.settings.groups.output import OutputSettings
from trainspec.settings.groups.performance import PerformanceSettings
from trainspec.settings.groups.precision import PrecisionSettings
from trainspec.settings.groups.randomness import RandomnessSettings
from trainspec.settings.groups.run import RunSettings
from trainspec.settings.groups.schedule import ScheduleSettings
from trainspec.settings.groups.tracking import TrackingSettings
from trainspec.settings.process_view import ProcessView
from trainspec.settings.rules.registry import ALL_RULES
from trainspec.settings.rules.rule import Rule
from trainspec.settings.setters import Setters


# Last base first: pydantic orders fields by walking the bases backwards.
class TrainingArguments(
    Setters,
    ProcessView,
    TrackingSettings,
    AdvancedSettings,
    MetricsSettings,
    DebugSettings,
    HubSettings,
    BestModelSettings,
    RandomnessSettings,
    DeviceSettings,
    DistributedSettings,
    PrecisionSettings,
    PerformanceSettings,
    DataSettings,
    CheckpointSettings,
    LoggingSettings,
    ScheduleSettings,
    OptimizerSettings,
    EvaluationSettings,
    BatchSettings,
    RunSettings,
    OutputSettings,
    Settings,
):
    """The settings of one training run: Hugging Face's names, types and defaults, validated together.

    `TrainingArguments("out", learning_rate=3e-4)` reads TRAINSPEC_* variables below its own arguments; `from_dict`,
    `from_json` and `from_yaml` read the document alone. Raises pydantic's ValidationError with every fault found.
    """

    positional: ClassVar[tuple[str, ...]] = ("output_dir",)
    own_rules: ClassVar[tuple[Rule, ...]] = ALL_RULES


GROUPS = tuple(base for base in reversed(TrainingArguments.__mro__) if base.__name__.endswith("Settings"))[1:]


class _Derived:
    """Reads a setting as what follows from what the user said; the stored value stays as said.

    On the class it is absent, as pydantic wants fields to be.
    """

    __slots__ = ("derivation", "name")

    def __init__(self, name: str, derivation: Derivation) -> None:
        self.name = name
        self.derivation = derivation

    def __get__(self, settings: TrainingArguments | None, owner: type) -> Any:
        if settings is None:
            raise AttributeError(self.name)
        return self.derivation.compute(settings, settings.__dict__[self.name])

    def __set__(self, settings: TrainingArguments, value: Any) -> None:
        settings._become({self.name: value})


class _Resolved(_Derived):
    """Reads a setting that names a file, or whose arguments another setting types, as the typed model it stands for."""

    __slots__ = ()

    def __get__(self, settings: TrainingArguments | None, owner: type) -> Any:
        said = super().__get__(settings, owner)
        origin = settings.origin if settings is not None else None
        return origin.resolved.get(self.name, said) if origin is not None else said


if not TYPE_CHECKING:
    for _name, _derivation in DERIVATIONS.items():
        setattr(TrainingArguments, _name, _Derived(_name, _derivation))
    for _name in ("fsdp_config", "deepspeed", "accelerator_config", "optim_args", "lr_scheduler_kwargs"):
        _stored = DERIVATIONS.get(_name, Derivation(lambda settings, said: said, ()))
        setattr(TrainingArguments, _name, _Resolved(_name, _stored))
