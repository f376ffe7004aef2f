"""What scripts read from settings about the process they run in. None of it is part of the document.

Ranks come from the launcher's variables when read, never stored. `device` and `n_gpu` import torch when first read.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, cast

from trainspec.settings.base import Settings
from trainspec.settings.values.choices import LogLevel, ParallelMode
from trainspec.settings.views.derived import warmup_updates

if TYPE_CHECKING:
    import torch

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.arguments.launch import Launch

_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.CRITICAL: logging.CRITICAL,
}


def _launch() -> Launch:
    # Few programs that read settings ask where they run: starting them does not wait for it.
    from trainspec.settings.arguments.launch import Launch

    return Launch.of_this_process()


class ProcessView(Settings):
    """Properties of this process, under the names that scripts read."""

    @property
    def _args(self) -> TrainingArguments:
        return cast("TrainingArguments", self)

    @property
    def framework(self) -> str:
        """Always `pt`."""
        return "pt"

    @property
    def world_size(self) -> int:
        """Processes of the whole job."""
        return _launch().world_size

    @property
    def process_index(self) -> int:
        """Rank of this process in the whole job."""
        return _launch().rank

    @property
    def local_process_index(self) -> int:
        """Rank of this process on its node."""
        told = _launch().local_rank
        return max(0, self._args.local_rank if told is None else told)

    @property
    def device(self) -> torch.device:
        """The device this process computes on: the CPU where asked for, else the accelerator that is there."""
        import torch

        if self._args.use_cpu:
            return torch.device("cpu")
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_process_index)
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")

    @property
    def n_gpu(self) -> int:
        """Accelerators this process drives: 1, or 0 on the CPU."""
        return int(self.device.type != "cpu")

    @property
    def parallel_mode(self) -> ParallelMode:
        """Whether this is one process of several."""
        return ParallelMode.DISTRIBUTED if self.world_size > 1 else ParallelMode.NOT_PARALLEL

    @property
    def train_batch_size(self) -> int:
        """Training rows in a micro-batch of this process."""
        return self._args.per_device_train_batch_size

    @property
    def eval_batch_size(self) -> int:
        """Evaluation rows in a batch of this process."""
        return self._args.per_device_eval_batch_size

    @property
    def ddp_timeout_delta(self) -> timedelta:
        """The process-group timeout."""
        return timedelta(seconds=self._args.ddp_timeout)

    @property
    def place_model_on_device(self) -> bool:
        """Always true: the model is moved to `device`."""
        return True

    @property
    def should_log(self) -> bool:
        """Whether this process logs as a main process: of its node, or of the whole job."""
        rank = self.local_process_index if self._args.log_on_each_node else self.process_index
        return rank == 0

    @property
    def should_save(self) -> bool:
        """Whether this process writes checkpoints: the first of its node, or of the whole job."""
        rank = self.local_process_index if self._args.save_on_each_node else self.process_index
        return rank == 0

    def get_process_log_level(self) -> int:
        """The level for loggers in this process, as a number of `logging`.

        Passive is what the application has chosen: for this package's logger, else for transformers' where a script has
        imported it (`set_verbosity_info()` ...), else for all.
        """
        chosen = self._args.log_level if self.should_log else self._args.log_level_replica
        return _LEVELS[chosen] if chosen in _LEVELS else _level_of_the_application()

    def get_warmup_steps(self, num_training_steps: int) -> int:
        """Warmup in updates, of `num_training_steps` updates in all."""
        return warmup_updates(self._args.warmup_steps, self._args.warmup_ratio, num_training_steps)

    @contextmanager
    def main_process_first(self, local: bool = True, desc: str = "work") -> Iterator[None]:
        """Let the main process (of each node, if `local`) run the block before the others, who then find its results.

        `desc` names the block in the log.
        """
        if self.world_size == 1:
            yield
            return
        # Scripts come here before they make a Trainer: the processes are joined here, then.
        joining = import_module("trainspec.training.parallel.contact.joining")
        processes = joining.joined(self._args, self.device)
        first = (self.local_process_index if local else self.process_index) == 0
        logging.getLogger("trainspec").debug("%s: the main process goes first (%s)", desc, first)
        if not first:
            processes.barrier()
        try:
            yield
        finally:
            if first:
                processes.barrier()


def _level_of_the_application() -> int:
    own = logging.getLogger("trainspec")
    if own.level == logging.NOTSET and "transformers" in sys.modules:
        return logging.getLogger("transformers").getEffectiveLevel()
    return own.getEffectiveLevel()
