"""When training breaks off: the last finished update is saved, or it is said where the newest checkpoint is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.load import folder_name
from trainspec.training.checkpoint.resume import goes_on_by_itself
from trainspec.training.errors import NonFiniteError
from trainspec.training.parallel.contact.roll_call import is_of_others, waited_in_vain
from trainspec.training.run.batch_size import is_out_of_memory

if TYPE_CHECKING:
    from trainspec.training.face import TrainerFace
    from trainspec.training.run.loop import TrainingLoop
    from trainspec.training.run.parts import Training

logger = logging.getLogger(__name__)


def rescue(
    trainer: TrainerFace, training: Training, loop: TrainingLoop, error: BaseException, first_step: int, *, last: bool
) -> None:
    """Lose nothing that was trained, and raise nothing: the error is what the caller has to hear of.

    `first_step` is the update that this run began after; `last` says that the model holds the weights of the last
    update, and not those of the best.
    """
    whole = _wait_for_thread(trainer, training, loop)
    if trainer.parts.state.is_hyper_param_search or _starts_again(trainer, error):
        return
    try:
        saved = last and whole and _save(trainer, training, loop, error, first_step)
        if trainer.parts.state.global_step > first_step and trainer.parts.strategy.processes.is_main:
            _tell(trainer, training, error, saved=saved)
    except BaseException as failed:
        logger.error("training broke off, and saving its last update failed: %s: %s", type(failed).__name__, failed)


def _wait_for_thread(trainer: TrainerFace, training: Training, loop: TrainingLoop) -> bool:
    """Whether a save that is in flight, if one is, has become a checkpoint. The others may be anywhere: nobody is told
    of a failure but whoever reads the log.
    """
    keeper = training.keeper
    flight = keeper.in_flight
    if flight is None:
        return True
    name = folder_name(flight.step)
    try:
        keeper.finish(trainer.parts.state)
    except Exception as failed:
        if not is_of_others(failed):
            logger.error("%s could not be saved: %s: %s", name, type(failed).__name__, failed)
        return False
    except BaseException as failed:
        logger.error("saving %s was broken off: %s", name, type(failed).__name__)
        return False
    try:
        loop.tell_of_saved(flight.step)
    except BaseException as failed:
        logger.error("%s is saved, but what follows a save failed: %s: %s", name, type(failed).__name__, failed)
    return True


def _starts_again(trainer: TrainerFace, error: BaseException) -> bool:
    args = trainer.args
    return args.auto_find_batch_size and args.per_device_train_batch_size > 1 and is_out_of_memory(error)


def _save(trainer: TrainerFace, training: Training, loop: TrainingLoop, error: BaseException, first_step: int) -> bool:
    """Whether the last update is saved now. Weights that are not finite, or were changing, are no use to anybody."""
    parts, newest = trainer.parts, training.keeper.newest
    # Others may be anywhere, unless all have ended here.
    alone = training.agreement.needs_nobody or loop.ends_together
    # After a save that failed the next one would fail too, or wait for a store that is not there.
    wanted = alone and trainer.args.save_strategy != "no" and not isinstance(error, NonFiniteError) and loop.settle()
    if not wanted or parts.state.global_step <= first_step:
        return False
    if newest is not None and newest.step == parts.state.global_step:
        return False
    try:
        loop.save_last()
    except Exception as failed:
        logger.error("the last update could not be saved: %s: %s", type(failed).__name__, failed)
        return False
    except BaseException as failed:
        logger.error("saving the last update was broken off: %s", type(failed).__name__)
        return False
    return True


def _tell(trainer: TrainerFace, training: Training, error: BaseException, *, saved: bool) -> None:
    why = "another process ended" if is_of_others(error) else type(error).__name__
    broke_off = f"training broke off after update {trainer.parts.state.global_step:,} ({why})"
    if waited_in_vain(error):
        # The error itself names who did not come, and in which update.
        broke_off = "training broke off"
    newest = training.keeper.newest
    if newest is None:
        reason = "save_strategy is no" if trainer.args.save_strategy == "no" else "none had been written"
        logger.error("%s, and there is no checkpoint: %s", broke_off, reason)
        return
    where, how = redact_whole_url(newest.url), '; resume_from_checkpoint="latest" goes on from there'
    if goes_on_by_itself(trainer.args):
        # Nothing needs to be set.
        how = ""
    if saved and trainer.args.save_only_model:
        logger.error("%s; its weights are saved in %s", broke_off, where)
    elif saved:
        logger.error("%s; it is saved in %s%s", broke_off, where, how)
    else:
        logger.error("%s; the newest checkpoint is %s, of update %s%s", broke_off, where, f"{newest.step:,}", how)
