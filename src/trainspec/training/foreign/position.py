"""How many batches of an epoch a run of transformers had seen, from the few numbers that it keeps."""

from __future__ import annotations

import math

# Epochs are written with all their digits; what differs in the last of them is rounding.
_ROUNDING = 1e-7


def batches_in_epoch(step: int, epoch: float, accumulation: int) -> tuple[int, int]:
    """The number of epochs that are over, and of batches seen in the next one, each of one process.

    `step` updates of `accumulation` batches (the last of an epoch may have less) were `epoch` epochs. How many batches
    an epoch has stands nowhere: it is the number with which both counts agree.
    """
    done = math.floor(epoch + _ROUNDING)
    part = epoch - done
    if part <= _ROUNDING or step <= 0:
        return done, 0
    if not done:
        return 0, step * accumulation
    # Were the last update of each epoch a full one, it would be this many; it lacks less than an update.
    near = round(step * accumulation / epoch)
    for length in range(near + 1, max(0, near - accumulation - 1), -1):
        updates = step - done * -(-length // accumulation)
        if updates > 0 and abs(updates * accumulation / length - part) < _ROUNDING:
            return done, updates * accumulation
    return done, round(part * near)
