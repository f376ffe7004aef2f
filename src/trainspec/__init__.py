"""trainspec: one typed, validated TrainingArguments for torch training jobs, and the training it drives.

`import trainspec` is cheap: a name is imported when it is first used, and torch only by what trains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "trainspec.settings.arguments": ("TrainingArguments",),
    "trainspec.settings.arguments.seq2seq": ("Seq2SeqTrainingArguments",),
    "trainspec.settings.base": ("Settings",),
    "trainspec.settings.rules.rule": ("Rule", "rule"),
    "trainspec.settings.rules": ("predicates",),
    "trainspec.settings.judging.judgement": ("Verdict",),
    "trainspec.settings.loading": ("load", "validate", "diagnostics"),
    "trainspec.settings.parser": ("HfArgumentParser", "SettingsParser"),
    "trainspec.settings.diagnostics": (
        "Diagnostic",
        "SettingsWarning",
        "SettingsDeprecationWarning",
        "SourceError",
    ),
    "trainspec.settings.values.choices": (
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
    "trainspec.plan.run": ("RunPlan", "plan_run"),
    "trainspec.training.trainer.trainer": ("Trainer",),
    "trainspec.training.trainer.replacing": ("replace_transformers_trainer",),
    "trainspec.training.seq2seq": ("Seq2SeqTrainer",),
    "trainspec.training.preflight.preflight": ("PreflightError",),
    "trainspec.training.callbacks": (
        "DEFAULT_CALLBACKS",
        "DefaultFlowCallback",
        "EarlyStoppingCallback",
        "ExportableState",
        "NotebookProgressCallback",
        "PrinterCallback",
        "ProfilerCallback",
        "ProgressCallback",
        "StopOnNonFinite",
        "TrainerCallback",
        "TrainerControl",
    ),
    "trainspec.training.state": (
        "TRAINER_STATE_NAME",
        "TrainerState",
    ),
    "trainspec.training.evaluation.results": (
        "EvalLoopOutput",
        "EvalPrediction",
        "PredictionOutput",
        "TrainOutput",
    ),
    "trainspec.training.data": (
        "DataCollatorWithPadding",
        "LengthGroupedSampler",
        "default_data_collator",
    ),
    "trainspec.training.data.collator": (
        "DataCollatorForLanguageModeling",
        "DataCollatorForMultipleChoice",
        "DataCollatorForSeq2Seq",
        "DataCollatorForTokenClassification",
        "DataCollatorWithFlattening",
        "DefaultDataCollator",
    ),
    "trainspec.training.model.debugging": ("DebugUnderflowOverflow",),
    "trainspec.training.search": ("BestRun",),
    "trainspec.training.loss.label_smoothing": ("LabelSmoother",),
    "trainspec.training.run.batch_size": ("find_executable_batch_size",),
    "trainspec.training.run.seeding": (
        "enable_full_determinism",
        "set_seed",
    ),
    "trainspec.training.checkpoint.load": (
        "PREFIX_CHECKPOINT_DIR",
        "get_last_checkpoint",
    ),
    "trainspec.training.schedules": (
        "get_constant_schedule",
        "get_constant_schedule_with_warmup",
        "get_cosine_schedule_with_warmup",
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        "get_cosine_with_min_lr_schedule_with_warmup",
        "get_inverse_sqrt_schedule",
        "get_linear_schedule_with_warmup",
        "get_polynomial_decay_schedule_with_warmup",
        "get_reduce_on_plateau_schedule",
        "get_scheduler",
        "get_wsd_schedule",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - names of the table above

if TYPE_CHECKING:
    from transformers import DataCollatorForLanguageModeling as DataCollatorForLanguageModeling
    from transformers import DataCollatorForMultipleChoice as DataCollatorForMultipleChoice
    from transformers import DataCollatorForSeq2Seq as DataCollatorForSeq2Seq
    from transformers import DataCollatorForTokenClassification as DataCollatorForTokenClassification
    from transformers import DataCollatorWithFlattening as DataCollatorWithFlattening
    from transformers import DefaultDataCollator as DefaultDataCollator

    from trainspec.plan.run import RunPlan as RunPlan
    from trainspec.plan.run import plan_run as plan_run
    from trainspec.settings.arguments import TrainingArguments as TrainingArguments
    from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments as Seq2SeqTrainingArguments
    from trainspec.settings.base import Settings as Settings
    from trainspec.settings.diagnostics import Diagnostic as Diagnostic
    from trainspec.settings.diagnostics import SettingsDeprecationWarning as SettingsDeprecationWarning
    from trainspec.settings.diagnostics import SettingsWarning as SettingsWarning
    from trainspec.settings.diagnostics import SourceError as SourceError
    from trainspec.settings.judging.judgement import Verdict as Verdict
    from trainspec.settings.loading import diagnostics as diagnostics
    from trainspec.settings.loading import load as load
    from trainspec.settings.loading import validate as validate
    from trainspec.settings.parser import HfArgumentParser as HfArgumentParser
    from trainspec.settings.parser import SettingsParser as SettingsParser
    from trainspec.settings.rules import predicates as predicates
    from trainspec.settings.rules.rule import Rule as Rule
    from trainspec.settings.rules.rule import rule as rule
    from trainspec.settings.typed import TrainingArgumentsDict as TrainingArgumentsDict
    from trainspec.settings.values.choices import DebugOption as DebugOption
    from trainspec.settings.values.choices import FSDPOption as FSDPOption
    from trainspec.settings.values.choices import HubStrategy as HubStrategy
    from trainspec.settings.values.choices import IntervalStrategy as IntervalStrategy
    from trainspec.settings.values.choices import OptimizerNames as OptimizerNames
    from trainspec.settings.values.choices import ParallelMode as ParallelMode
    from trainspec.settings.values.choices import SaveStrategy as SaveStrategy
    from trainspec.settings.values.choices import SchedulerType as SchedulerType
    from trainspec.training.callbacks import DEFAULT_CALLBACKS as DEFAULT_CALLBACKS
    from trainspec.training.callbacks import DefaultFlowCallback as DefaultFlowCallback
    from trainspec.training.callbacks import EarlyStoppingCallback as EarlyStoppingCallback
    from trainspec.training.callbacks import ExportableState as ExportableState
    from trainspec.training.callbacks import NotebookProgressCallback as NotebookProgressCallback
    from trainspec.training.callbacks import PrinterCallback as PrinterCallback
    from trainspec.training.callbacks import ProfilerCallback as ProfilerCallback
    from trainspec.training.callbacks import ProgressCallback as ProgressCallback
    from trainspec.training.callbacks import StopOnNonFinite as StopOnNonFinite
    from trainspec.training.callbacks import TrainerCallback as TrainerCallback
    from trainspec.training.callbacks import TrainerControl as TrainerControl
    from trainspec.training.checkpoint.load import PREFIX_CHECKPOINT_DIR as PREFIX_CHECKPOINT_DIR
    from trainspec.training.checkpoint.load import get_last_checkpoint as get_last_checkpoint
    from trainspec.training.data import DataCollatorWithPadding as DataCollatorWithPadding
    from trainspec.training.data import LengthGroupedSampler as LengthGroupedSampler
    from trainspec.training.data import default_data_collator as default_data_collator
    from trainspec.training.evaluation.results import EvalLoopOutput as EvalLoopOutput
    from trainspec.training.evaluation.results import EvalPrediction as EvalPrediction
    from trainspec.training.evaluation.results import PredictionOutput as PredictionOutput
    from trainspec.training.evaluation.results import TrainOutput as TrainOutput
    from trainspec.training.loss.label_smoothing import LabelSmoother as LabelSmoother
    from trainspec.training.model.debugging import DebugUnderflowOverflow as DebugUnderflowOverflow
    from trainspec.training.preflight.preflight import PreflightError as PreflightError
    from trainspec.training.run.batch_size import find_executable_batch_size as find_executable_batch_size
    from trainspec.training.run.seeding import enable_full_determinism as enable_full_determinism
    from trainspec.training.run.seeding import set_seed as set_seed
    from trainspec.training.schedules import get_constant_schedule as get_constant_schedule
    from trainspec.training.schedules import get_constant_schedule_with_warmup as get_constant_schedule_with_warmup
    from trainspec.training.schedules import get_cosine_schedule_with_warmup as get_cosine_schedule_with_warmup
    from trainspec.training.schedules import (
        get_cosine_with_hard_restarts_schedule_with_warmup as get_cosine_with_hard_restarts_schedule_with_warmup,
    )
    from trainspec.training.schedules import (
        get_cosine_with_min_lr_schedule_with_warmup as get_cosine_with_min_lr_schedule_with_warmup,
    )
    from trainspec.training.schedules import get_inverse_sqrt_schedule as get_inverse_sqrt_schedule
    from trainspec.training.schedules import get_linear_schedule_with_warmup as get_linear_schedule_with_warmup
    from trainspec.training.schedules import (
        get_polynomial_decay_schedule_with_warmup as get_polynomial_decay_schedule_with_warmup,
    )
    from trainspec.training.schedules import get_reduce_on_plateau_schedule as get_reduce_on_plateau_schedule
    from trainspec.training.schedules import get_scheduler as get_scheduler
    from trainspec.training.schedules import get_wsd_schedule as get_wsd_schedule
    from trainspec.training.search import BestRun as BestRun
    from trainspec.training.seq2seq import Seq2SeqTrainer as Seq2SeqTrainer
    from trainspec.training.state import TRAINER_STATE_NAME as TRAINER_STATE_NAME
    from trainspec.training.state import TrainerState as TrainerState
    from trainspec.training.trainer import Trainer as Trainer
    from trainspec.training.trainer.replacing import replace_transformers_trainer as replace_transformers_trainer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
