"""A checkpoint's weights into a model that several processes hold, each all of it or a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.model_files import (
    ADAPTER_TORCH_WEIGHTS,
    ADAPTER_WEIGHTS,
    WeightsMismatchError,
    restore_model,
)
from trainspec.training.checkpoint.ranks.reading import read_once
from trainspec.training.checkpoint.resume import AUTO, find_together, load_weights
from trainspec.training.checkpoint.shards import WEIGHT_FILES, read_state, weights_in
from trainspec.training.checkpoint.states.final_model import reader_of
from trainspec.training.errors import NoModelError
from trainspec.training.model.names import as_named_here, bare
from trainspec.training.parallel import State
from trainspec.training.parallel.agreement import together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.parallel import Strategy

MODEL_FILES = (*WEIGHT_FILES, ADAPTER_WEIGHTS, ADAPTER_TORCH_WEIGHTS)


def load_weights_of(checkpoint: Checkpoint, model: nn.Module, strategy: Strategy) -> None:
    """Every process calls; the files are read once. Raises WeightsMismatchError for those of another model."""
    if not strategy.is_sharded:
        load_weights(model, read_once(checkpoint, strategy.processes))
        return
    names = [file.name for file in checkpoint.manifest.files]
    once = checkpoint if strategy.loads_from_main else read_once(checkpoint, strategy.processes)
    _load_whole(once.read, names, redact_whole_url(checkpoint.url), model, strategy)


def load_trained_weights(model: nn.Module, args: TrainingArguments, output: Store, strategy: Strategy) -> None:
    """For a command that does not train: the weights of resume_from_checkpoint, else of the model in output_dir.

    `auto` is about where training goes on, and means what was trained.
    """
    processes, on_each_node = strategy.processes, args.save_on_each_node
    if args.resume_from_checkpoint and args.resume_from_checkpoint != AUTO:
        wanted = args.resume_from_checkpoint
        checkpoint = find_together(lambda: output, wanted, processes, on_each_node=on_each_node)
        load_weights_of(checkpoint, model, strategy)
        return
    with together(processes, "looking for the trained model"):
        names = [entry.name for entry in output.entries() if "/" not in entry.name]
        if not any(name in names for name in MODEL_FILES):
            raise NoModelError(
                f"do_train is false and there is no trained model: {redact_whole_url(output.url)} holds none of "
                f"{', '.join(MODEL_FILES)}; train first, or set resume_from_checkpoint"
            )
        read = reader_of(output)
    if strategy.is_sharded:
        _load_whole(read, names, redact_whole_url(output.url), model, strategy)
        return
    with together(processes, "loading the trained model"):
        restore_model(model, read, names, output.url)


def _load_whole(
    read: Callable[[str], bytes], names: Collection[str], where: str, model: nn.Module, strategy: Strategy
) -> None:
    state: dict[str, Any] = {}
    if strategy.loads_from_main:
        with together(strategy.processes, "reading the weights"):
            if strategy.processes.is_main:
                state = whole_state(read, names, where, model)
    else:
        state = whole_state(read, names, where, model)
    strategy.load_state(State(model=state))


def whole_state(read: Callable[[str], bytes], names: Collection[str], where: str, model: nn.Module) -> dict[str, Any]:
    """The state dict in files of these names, under all names that the model has for its weights.

    A file has a tied weight once. Raises WeightsMismatchError for less or others.
    """
    weights = weights_in(names)
    if weights is None:
        problem = "holds no whole weights, and a model that is dealt out to processes takes no others"
        raise WeightsMismatchError(f"{where} {problem}")
    state = as_named_here(model, read_state(weights, read, names, where))
    own = bare(model).state_dict()
    groups: dict[int, list[str]] = {}
    for name, value in bare(model).named_parameters(remove_duplicate=False):
        groups.setdefault(id(value), []).append(name)
    for tied in groups.values():
        kept = next((name for name in tied if name in state), None)
        if kept is not None:
            state |= {name: state[kept] for name in tied if name not in state}
    strange, missing = sorted(state.keys() - own.keys()), sorted(own.keys() - state.keys())
    if strange or missing:
        raise WeightsMismatchError(
            f"{where} does not fit the model: it lacks {', '.join(missing[:3]) or 'nothing'} and has beyond "
            f"the model {', '.join(strange[:3]) or 'nothing'}"
        )
    return state
