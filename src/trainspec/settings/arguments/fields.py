"""All settings: the groups composed. Type checkers read `fields.pyi` in place of this: what each takes and reads as."""

from __future__ import annotations

from trainspec.settings.base import Settings
from trainspec.settings.groups.advanced import AdvancedSettings
from trainspec.settings.groups.batch import BatchSettings
from trainspec.settings.groups.best_model import BestModelSettings
from trainspec.settings.groups.checkpoint import CheckpointSettings
from trainspec.settings.groups.data import DataSettings
from trainspec.settings.groups.debug import DebugSettings
from trainspec.settings.groups.device import DeviceSettings
from trainspec.settings.groups.distributed import DistributedSettings
from trainspec.settings.groups.evaluation import EvaluationSettings
from trainspec.settings.groups.extensions import ExtensionSettings
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
from trainspec.settings.groups.survival import SurvivalSettings
from trainspec.settings.groups.tracking import TrackingSettings


# Last base first: pydantic orders fields by walking the bases backwards.
class Fields(
    SurvivalSettings,
    ExtensionSettings,
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
):
    """The fields of TrainingArguments."""


# Apart from `Fields` for type checkers alone.
PluginFields = Settings
