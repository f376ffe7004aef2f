"""What a tracker is, what it is told about a run, and how often files may be written anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainspec.storage.local import LocalStore

if TYPE_CHECKING:
    from trainspec.storage import Store

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class ModelFacts:
    """The model in a few words: its class, its parameters, and the configuration it carries where it has one."""

    class_name: str
    parameters: int
    trainable: int
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFacts:
    """What a tracker is told about a run. Nothing in here is a secret; `run_facts` makes it from settings."""

    name: str
    output: Store
    project: str = "huggingface"
    project_is_said: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    logging_dir: str | None = None
    # None: Trackio keeps the run on this machine.
    trackio_space_id: str | None = None
    trackio_bucket_id: str | None = None
    trackio_static_space_id: str | None = None
    private: bool | None = None
    model: ModelFacts | None = None

    def parameters(self) -> dict[str, Any]:
        """One flat mapping for trackers that have one: the settings, under them the model's configuration."""
        if self.model is None:
            return dict(self.settings)
        described = {
            "model/class": self.model.class_name,
            "model/num_parameters": self.model.parameters,
            "model/num_trainable_parameters": self.model.trainable,
        }
        return {**self.model.config, **self.settings, **described}

    def project_for(self, variable: str) -> str:
        """The project: as the settings say, else as the tracker's environment variable says, else the default."""
        return self.project if self.project_is_said else os.environ.get(variable) or self.project

    def folder(self, name: str, variable: str = "") -> str | None:
        """A folder for a tracker's own files: the one its environment variable names, else one in output_dir.

        None where output_dir is remote: then the library's own place is as good as any.
        """
        said = os.environ.get(variable) if variable else None
        if said is None and isinstance(self.output, LocalStore):
            said = str(self.output.folder / name)
        if said is not None:
            Path(said).mkdir(parents=True, exist_ok=True)
        return said


class Pace:
    """Says when it is time to write a file anew, so that writing takes at most a twentieth of a run."""

    _SECONDS_BETWEEN = 1.0
    _TIMES_THE_COST = 20

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + max(self._SECONDS_BETWEEN, self._TIMES_THE_COST * (ended - began))


class Tracker:
    """One place that log entries go to. `name` is its value in report_to."""

    name = ""

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        """`history` holds the entries up to the checkpoint that a resumed run goes on from."""

    def log(self, entry: Entry) -> None: ...

    def best_checkpoint(self, url: str) -> None:
        """The checkpoint at `url` holds the best model so far."""

    def refresh(self) -> None:
        """Called after evaluations and checkpoints: a moment to bring files up to date, where that is cheap."""

    def flush(self) -> None:
        """Bring files up to date now. Training is over, but an evaluation may still follow."""

    def finish(self, *, failed: bool) -> None:
        """Nothing follows: close what is open. `failed`: the run ended before its last step."""
        self.flush()
