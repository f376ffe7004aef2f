"""Which tracker each name in `report_to` builds, what it needs, and whether it can do without a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trainspec.training.trackers.azure_ml import AzureMLTracker, why_not_azure
from trainspec.training.trackers.base import Tracker
from trainspec.training.trackers.clearml import ClearMLTracker
from trainspec.training.trackers.codecarbon import CodeCarbonTracker
from trainspec.training.trackers.comet_ml import CometTracker
from trainspec.training.trackers.dagshub import DagsHubTracker, why_not_dagshub
from trainspec.training.trackers.dvclive import DVCLiveTracker
from trainspec.training.trackers.flyte import FlyteTracker, why_not_flyte
from trainspec.training.trackers.group import TrackerGroup
from trainspec.training.trackers.jsonl import JsonLinesTracker
from trainspec.training.trackers.mlflow import MlflowTracker
from trainspec.training.trackers.neptune import NeptuneTracker
from trainspec.training.trackers.plot import PlotTracker
from trainspec.training.trackers.swanlab import SwanLabTracker
from trainspec.training.trackers.tensorboard import TensorBoardTracker
from trainspec.training.trackers.trackio import TrackioTracker
from trainspec.training.trackers.wandb import WandbTracker

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def _switched_off(variable: str) -> Callable[[], str | None]:
    """People's scripts set such variables to keep a library that is installed out of their runs."""

    def why_not() -> str | None:
        value = os.environ.get(variable, "")
        return f"{variable} is {value}" if value.lower() in {"1", "true", "yes", "on"} else None

    return why_not


@dataclass(frozen=True)
class TrackerKind:
    """`package` is what pip installs, `modules` what is imported then. `why_not` says what else is missing here."""

    build: Callable[[], Tracker]
    package: str | None = None
    modules: tuple[str, ...] = ()
    works_offline: bool = True
    why_not: Callable[[], str | None] = lambda: None

    def is_installed(self) -> bool:
        """Found out without importing, which takes seconds for some."""
        return all(_is_there(module) for module in self.modules)

    @property
    def install_command(self) -> str:
        return f"pip install {self.package}"


TRACKERS: dict[str, TrackerKind] = {
    "jsonl": TrackerKind(JsonLinesTracker),
    "plot": TrackerKind(PlotTracker, "matplotlib", ("matplotlib",)),
    "tensorboard": TrackerKind(TensorBoardTracker, "tensorboard", ("tensorboard",)),
    "wandb": TrackerKind(WandbTracker, "wandb", ("wandb",), why_not=_switched_off("WANDB_DISABLED")),
    "mlflow": TrackerKind(MlflowTracker, "mlflow", ("mlflow",), why_not=_switched_off("DISABLE_MLFLOW_INTEGRATION")),
    "trackio": TrackerKind(TrackioTracker, "trackio", ("trackio",)),
    "comet_ml": TrackerKind(CometTracker, "comet-ml", ("comet_ml",)),
    "clearml": TrackerKind(ClearMLTracker, "clearml", ("clearml",)),
    "dvclive": TrackerKind(DVCLiveTracker, "dvclive", ("dvclive",)),
    "codecarbon": TrackerKind(CodeCarbonTracker, "codecarbon", ("codecarbon",)),
    "swanlab": TrackerKind(SwanLabTracker, "swanlab", ("swanlab",)),
    "neptune": TrackerKind(NeptuneTracker, "'neptune<2'", ("neptune",)),
    "azure_ml": TrackerKind(AzureMLTracker, "azureml-mlflow", ("mlflow", "azureml.mlflow"), False, why_not_azure),
    "flyte": TrackerKind(FlyteTracker, "flytekit", ("flytekit",), False, why_not_flyte),
    "dagshub": TrackerKind(DagsHubTracker, "dagshub mlflow", ("mlflow", "dagshub"), False, why_not_dagshub),
}
# They share one connection in a process, so two of them would tell one run everything twice.
THROUGH_MLFLOW = ("azure_ml", "dagshub", "mlflow")


def chosen_trackers(args: TrainingArguments) -> list[str]:
    """The names that report_to means: "all" is everything installed that can be used here, "none" is nothing."""
    names = [str(name) for name in args.report_to]
    if "all" not in names:
        return [name for name in dict.fromkeys(names) if name != "none"]
    usable = [name for name, kind in TRACKERS.items() if kind.is_installed() and kind.why_not() is None]
    spare = [name for name in THROUGH_MLFLOW if name in usable][1:]
    return [name for name in usable if name not in spare]


def build_trackers(args: TrainingArguments) -> TrackerGroup:
    return TrackerGroup(TRACKERS[name].build() for name in chosen_trackers(args))


def _is_there(module: str) -> bool:
    """A folder of runs, which is often named after its library, is not the library."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None
