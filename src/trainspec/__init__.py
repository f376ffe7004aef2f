"""trainspec: one typed, validated TrainingArguments for torch training jobs, and the training it drives.

`import trainspec` is cheap: a name is imported when it is first used, and torch only by what trains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "trainspec.settings.arguments": ("TrainingArguments",),
    "trainspec.settings.base": ("Settings",),
    "trainspec.settings.rules.rule": ("Rule", "rule"),
    "trainspec.settings.rules": ("predicates",),
    "trainspec.settings.judgement": ("Verdict",),
    "trainspec.settings.loading": ("load", "validate", "diagnostics"),
    "trainspec.settings.parser": ("SettingsParser",),
    "trainspec.settings.diagnostics": (
        "Diagnostic",
        "SettingsWarning",
        "SettingsDeprecationWarning",
        "SourceError",
    ),
    "trainspec.settings.choices": (
        "DebugOption",
        "FSDPOption",
        "HubStrategy",
        "IntervalStrategy",
        "OptimizerNames",
        "ParallelMode",
        "SaveStrategy",
        "SchedulerType",
    ),
    "trainspec.settings.typed": ("TrainingArgumentsDict",),
    "trainspec.training.trainer": ("Trainer",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - names of the table above

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments as TrainingArguments
    from trainspec.settings.base import Settings as Settings
    from trainspec.settings.choices import DebugOption as DebugOption
    from trainspec.settings.choices import FSDPOption as FSDPOption
    from trainspec.settings.choices import HubStrategy as HubStrategy
    from trainspec.settings.choices import IntervalStrategy as IntervalStrategy
    from trainspec.settings.choices import OptimizerNames as OptimizerNames
    from trainspec.settings.choices import ParallelMode as ParallelMode
    from trainspec.settings.choices import SaveStrategy as SaveStrategy
    from trainspec.settings.choices import SchedulerType as SchedulerType
    from trainspec.settings.diagnostics import Diagnostic as Diagnostic
    from trainspec.settings.diagnostics import SettingsDeprecationWarning as SettingsDeprecationWarning
    from trainspec.settings.diagnostics import SettingsWarning as SettingsWarning
    from trainspec.settings.diagnostics import SourceError as SourceError
    from trainspec.settings.judgement import Verdict as Verdict
    from trainspec.settings.loading import diagnostics as diagnostics
    from trainspec.settings.loading import load as load
    from trainspec.settings.loading import validate as validate
    from trainspec.settings.parser import SettingsParser as SettingsParser
    from trainspec.settings.rules import predicates as predicates
    from trainspec.settings.rules.rule import Rule as Rule
    from trainspec.settings.rules.rule import rule as rule
    from trainspec.settings.typed import TrainingArgumentsDict as TrainingArgumentsDict
    from trainspec.training.trainer import Trainer as Trainer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
