"""The best checkpoint of a run: where it is now, and its weights at the end."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from trainspec.storage import StorageError, Store, open_store
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.contents import TRAINER_STATE
from trainspec.training.checkpoint.load import Checkpoint, folder_name, step_of
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.ranks.loading import load_weights_of
from trainspec.training.foreign.finding import open_any
from trainspec.training.parallel import Alone
from trainspec.training.parallel.agreement import on_main, together
from trainspec.training.state import parse_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel import Processes, Strategy
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


def find_best(
    args: TrainingArguments,
    state: TrainerState,
    output: Store,
    resumed: Checkpoint,
    processes: Processes = Alone(),  # noqa: B008 - it has nothing to change
) -> None:
    """Name the best checkpoint by where it is now: folders are renamed, copied and mounted elsewhere between runs.

    It is named by its full URL, of which files hold no credentials, and as the main process sees it. Where it is
    nowhere, none is named.
    """
    recorded = state.best_model_checkpoint
    step = state.best_global_step if recorded is None else step_of(recorded) or state.best_global_step
    if step is None:
        return

    def look() -> str | None:
        found = resumed if step == resumed.step else _first_of_run(_places(step, recorded, output, resumed), state)
        return None if found is None else found.url

    known = state.best_model_checkpoint = on_main(processes, "looking for the best checkpoint", look)
    if known is None and recorded is not None and args.load_best_model_at_end:
        logger.warning(
            "the best checkpoint so far, %s of this run, is neither in output_dir (%s) nor at %s: unless a later one "
            "is better, the last weights are kept at the end",
            folder_name(step),
            redact_whole_url(output.url),
            redact_whole_url(recorded),
        )


def _places(step: int, recorded: str | None, output: Store, resumed: Checkpoint) -> Iterator[Store]:
    name = folder_name(step)
    parent = re.sub(r"[/\\][^/\\]*$", "", resumed.url.rstrip("/\\"))
    # What was copied together stays together.
    if parent and resumed.url != output.child(folder_name(resumed.step)).url:
        yield open_store(parent).child(name)
    yield output.child(name)
    if recorded is not None:
        yield open_store(recorded)


def _first_of_run(places: Iterator[Store], state: TrainerState) -> Checkpoint | None:
    for place in places:
        try:
            found = open_any(place)
            if _is_of_run(found, state):
                return found
        except (CheckpointError, StorageError):
            continue
    return None


def _is_of_run(checkpoint: Checkpoint, state: TrainerState) -> bool:
    """Whether it was saved on the way here: another run's may have the same number."""
    try:
        history = parse_state(checkpoint.read(TRAINER_STATE)).get("log_history") or []
    except (ValueError, RecursionError):
        return False
    # As text, because nan equals nothing.
    return repr(history) == repr(state.log_history[: len(history)])


def load_best(state: TrainerState, model: nn.Module, strategy: Strategy) -> bool:
    """The best checkpoint's weights into the model; whether they are in it.

    Every process calls, and in all or none they are. The run is done: whatever goes wrong here is told, and the last
    weights stay.
    """
    if state.best_global_step is None:
        return False
    if state.best_model_checkpoint is None:
        logger.warning(
            "the best model is not loaded, the last one stays: there is no checkpoint of update %d, the best one",
            state.best_global_step,
        )
        return False
    try:
        with together(strategy.processes, "opening the best checkpoint"):
            best = open_any(state.best_model_checkpoint)
        load_weights_of(best, model, strategy)
    # Models load in ways of their own, and none of their errors is worth a finished run.
    except Exception as error:
        logger.warning("the best model is not loaded, the last one stays: %s", error)
        return False
    return True
