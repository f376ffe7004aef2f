"""Valid settings against the facts of this machine and this job, before anything is written. All findings at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.diagnostics import Diagnostic, errors_of
from trainspec.settings.targets.machines import check_target, judge_world
from trainspec.training.data.row_needs import (
    find_missing_labels,
    find_no_loss,
    find_ungroupable_rows,
    find_unreadable_rows,
    find_unused_columns,
)
from trainspec.training.data.sharing.needs import find_sharing_needs
from trainspec.training.data.workers import find_no_start_method
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.hub import find_hub_needs
from trainspec.training.model.activation_checkpointing import find_nothing_to_recompute
from trainspec.training.model.caching import find_no_key_cache
from trainspec.training.model.compilation import find_uncompilable
from trainspec.training.model.devices import find_missing_tpu, supports_bf16, supports_tf32
from trainspec.training.model.liger import find_no_liger
from trainspec.training.model.neftune import find_no_embeddings
from trainspec.training.optimizers.coverage import find_given_optimizer
from trainspec.training.optimizers.optimizer_needs import find_optimizer_needs
from trainspec.training.parallel.contact.joining import find_no_configured_state
from trainspec.training.parallel.contact.launch_needs import find_other_local_rank
from trainspec.training.parallel.deepspeed_engine.needs import find_deepspeed_needs
from trainspec.training.parallel.fsdp.needs import find_sharding_needs
from trainspec.training.parallel.mesh.needs import find_mesh_needs
from trainspec.training.precision.precision import find_apex, find_lost_epsilon, find_number_formats
from trainspec.training.preflight import job_needs
from trainspec.training.preflight.disk_space import find_full_disk
from trainspec.training.preflight.named_files import find_missing_files
from trainspec.training.preflight.output_folder import find_unwritable
from trainspec.training.preflight.together import together
from trainspec.training.run.measuring.memory import find_no_cache, find_unmeasurable_memory
from trainspec.training.schedules.plateau import find_plateau_needs
from trainspec.training.trackers.preflight import find_missing_trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.findings.facts import Need
    from trainspec.training.parallel.processes import Processes

logger = logging.getLogger(__name__)

__all__ = ["Job", "Machine", "PreflightError", "check", "examine", "look_around"]


GENERAL: tuple[Need, ...] = (
    job_needs.find_metrics_by_batch,
    find_sharing_needs,
    find_no_configured_state,
    find_other_local_rank,
    find_missing_files,
    find_deepspeed_needs,
    find_number_formats,
    find_apex,
    find_missing_tpu,
    find_missing_trackers,
    find_hub_needs,
    find_unmeasurable_memory,
    find_uncompilable,
    find_no_liger,
    find_sharding_needs,
)
TRAINING: tuple[Need, ...] = (
    job_needs.find_no_signals,
    job_needs.find_own_writers,
    job_needs.find_unsavable_model,
    job_needs.find_nothing_to_train,
    job_needs.find_training_data,
    job_needs.find_evaluation_data,
    job_needs.find_unknown_metric,
    find_unreadable_rows,
    find_unused_columns,
    find_ungroupable_rows,
    find_missing_labels,
    find_no_loss,
    find_optimizer_needs,
    find_given_optimizer,
    find_mesh_needs,
    find_plateau_needs,
    find_lost_epsilon,
    find_nothing_to_recompute,
    find_no_embeddings,
    find_no_key_cache,
    find_no_start_method,
    find_no_cache,
    find_full_disk,
)


class PreflightError(Exception):
    """The run cannot do what the settings say here; `diagnostics` holds every finding."""

    def __init__(self, diagnostics: Iterable[Diagnostic], *, agreed: bool = False) -> None:
        self.diagnostics = tuple(diagnostics)
        # Of several processes that raise the same, the main one tells it.
        self.agreed = agreed
        super().__init__("\n\n".join((self._in_short(), *(item.render() for item in self.diagnostics))))

    def _in_short(self) -> str:
        """What a traceback shows beside the name of the class: how much is wrong, and with what."""
        things = [(next(filter(None, item.fields), item.name), item.code) for item in errors_of(self.diagnostics)]
        return f"stopped before it began: {', '.join(f'{thing} ({code})' for thing, code in things)}"


# By the name that people import it by: a traceback shows it in the line that they read.
PreflightError.__module__ = "trainspec"


def look_around(device: torch.device) -> Machine:
    return Machine(
        device=device,
        world_size=Launch.of_this_process().world_size,
        bf16=supports_bf16(device),
        tf32=supports_tf32(device),
    )


def examine(args: TrainingArguments, machine: Machine, job: Job, *, trains: bool = True) -> list[Diagnostic]:
    needs = [found for need in GENERAL for found in need(args, machine, job)]
    needs += _find_world_needs(args, machine, job, trains=trains)
    if trains:
        needs += [found for need in TRAINING for found in need(args, machine, job)]
    return [*needs, *find_unwritable(args)]


def _find_world_needs(args: TrainingArguments, machine: Machine, job: Job, *, trains: bool) -> list[Diagnostic]:
    """What `validate --world-size` says of so many processes; local_rank is compared with the launcher's elsewhere."""
    if machine.world_size == 1:
        # Settings may be tried out by one process, but layers that are to be split are not.
        return [item for item in check_target(args, None, 1) if item.code == "TGT108" and trains]
    own_optimizer = not trains or job.has_an_optimizer or job.optimizer is not None
    local = Launch.of_this_process().local_world_size
    judged = judge_world(args, machine.world_size, local, own_optimizer=own_optimizer)
    return [item for item in judged if item.fields != ("local_rank",)]


def check(findings: Iterable[Diagnostic], processes: Processes | None = None) -> None:
    """Raise PreflightError where there is an error among the findings; warnings are logged, by the main process.

    With `processes`, all of them check at once, and an error in any is one in all.
    """
    found = list(findings)
    if processes is not None and processes.world_size > 1:
        found = together(found, processes)
    if errors_of(found):
        raise PreflightError(found, agreed=processes is not None)
    if Launch.of_this_process().rank == 0:
        for item in found:
            # As it is: who shows it may tell it in another language.
            logger.warning("%s", item)
