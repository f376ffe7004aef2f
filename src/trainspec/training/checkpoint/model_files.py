"""The files that hold a model, and the model back from them bit by bit.

A plain module is its weights. A model with a Hugging Face config is what `from_pretrained` reads. A model with PEFT
adapters is the adapters alone, and whatever else of it is trained or changes in training.
"""

from __future__ import annotations

import copy
import logging
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.shards import read_state, weights_in
from trainspec.training.checkpoint.weights import (
    SAFETENSORS,
    TORCH_WEIGHTS,
    dealt_model_files,
    model_files,
    not_in_safetensors,
)
from trainspec.training.errors import TrainingError
from trainspec.training.model.names import as_named_here, bare, misfits, open_to_copies, plain_name_of, plain_state

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.parallel.dealing import DealtWeights

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_TORCH_WEIGHTS = "adapter_model.bin"
# What is trained outside of adapters: the same two formats as the whole model.
TRAINED_BASE = {SAFETENSORS: "trained_base.safetensors", TORCH_WEIGHTS: "trained_base.bin"}
_PEFT_PREFIX = "base_model.model."
_SHOWN = 3
_ONLY_COMPUTED = "holds the prompts that the adapter"


class WeightsMismatchError(TrainingError, ValueError):
    """Saved weights that are not those of this model."""


def model_artifacts(
    model: nn.Module,
    *,
    save_safetensors: bool = True,
    processing_class: Any = None,
    state_dict: Mapping[str, Any] | None = None,
) -> dict[str, Payload]:
    """The files of a model, and of the tokenizer or processor beside it, by name.

    `state_dict`, under plain names, stands for the model's own, where it had to be gathered. Raises TypeError for
    weights that safetensors cannot hold.
    """
    state = plain_state(model) if state_dict is None else dict(state_dict)
    model = bare(model)
    files = _processing_files(processing_class)
    if _adapters(model):
        return files | _adapter_files(model, state, save_safetensors)
    if _is_pretrained(model):
        files |= _config_files(model)
        state = _without_ties(model, _without_ignored(model, state))
    return files | model_files(state, save_safetensors=save_safetensors)


def unsavable(model: nn.Module) -> list[str]:
    """What safetensors cannot hold of what `model_artifacts` would write, told in words."""
    if _adapters(bare(model)):
        return []
    state = plain_state(model)
    return [*not_in_safetensors(_without_ignored(bare(model), state) if _is_pretrained(bare(model)) else state)]


def dealt_artifacts(
    model: nn.Module, dealt: DealtWeights, rank: int, *, with_others: bool, processing_class: Any = None
) -> dict[str, Payload]:
    """What one process writes of a model whose tensors are dealt out; one of them writes all that is no tensor, too.

    For models that `is_dealt_out` allows. Raises TypeError as `model_artifacts`.
    """
    model = bare(model)
    state = dict(dealt.tensors)
    files = _processing_files(processing_class) if with_others else {}
    if _is_pretrained(model):
        files |= _config_files(model) if with_others else {}
        state = _without_ties(model, _without_ignored(model, state))
    return files | dealt_model_files(state, dealt.writers, rank, with_index=with_others)


def is_dealt_out(model: nn.Module) -> bool:
    """Whether processes may write shards of it: not where PEFT writes some of it itself."""
    return not _adapters(bare(model))


def restore_model(
    model: nn.Module, read: Callable[[str], bytes], names: Collection[str], where: str = "the saved model"
) -> None:
    """Put into the model what `model_artifacts` saved: `read` gives the content of each of the `names`.

    Raises WeightsMismatchError where the files hold less or other weights than the model has, CheckpointError for one
    that cannot be read.
    """
    where, model = redact_whole_url(where), bare(model)
    weights = weights_in(names)
    if weights is not None:
        _load(model, read_state(weights, read, names, where), where, may_lack=_ignored(model))
        return
    adapters = _adapters(model)
    if not adapters:
        saved = "a PEFT adapter, and the model has none" if ADAPTER_CONFIG in names else "no weights of a model"
        raise WeightsMismatchError(f"{where} holds {saved}")
    beside = [name for name in TRAINED_BASE.values() if name in names]
    for adapter in adapters:
        if not computed(model, adapter):
            _load_adapter(model, adapter, read, names, where)
        elif not beside:
            raise WeightsMismatchError(f"{where} {_ONLY_COMPUTED} {adapter!r} made, and not its weights")
    for name in beside:
        _load(model, read_state(name, read, names, where), where, may_lack=model.state_dict().keys())


def _load(model: nn.Module, state: Mapping[str, Any], where: str, may_lack: Collection[str]) -> None:
    state = as_named_here(model, state)
    # Before anything is written: a model must not be left half of one and half of another.
    wrong = misfits(model, state)
    if wrong:
        raise WeightsMismatchError(f"{where} does not fit the model: {'; '.join(wrong[:_SHOWN])}")
    if not _renames_on_loading(model):
        own = model.state_dict()
        _refuse_names(model, where, may_lack, own, state, own.keys() - state.keys(), state.keys() - own.keys())
    open_to_copies(model)
    try:
        result = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsMismatchError(f"{where} does not fit the model: {error}") from None
    _refuse_names(model, where, may_lack, model.state_dict(), state, result.missing_keys, result.unexpected_keys)


def _refuse_names(
    model: nn.Module,
    where: str,
    may_lack: Collection[str],
    own: Mapping[str, Any],
    state: Mapping[str, Any],
    missing: Collection[str],
    unexpected: Collection[str],
) -> None:
    plain = plain_name_of(model)
    present = {_place(own[name]) for name in state if name in own}
    # A tied tensor is there when it came under any of its names; torch itself makes up for a count of batches.
    lacking = [
        plain(name)
        for name in missing
        if plain(name) not in may_lack
        and _place(own.get(name)) not in present
        and not name.endswith("num_batches_tracked")
    ]
    _refuse(where, lacking, [plain(name) for name in unexpected])


def _renames_on_loading(model: nn.Module) -> bool:
    """Whether a module takes names of its own making, which only loading itself can judge."""
    usual = nn.Module._load_from_state_dict
    return type(model).load_state_dict is not nn.Module.load_state_dict or any(
        module._load_state_dict_pre_hooks
        or (type(module)._load_from_state_dict is not usual and not type(module).__module__.startswith("torch.nn."))
        for module in model.modules()
    )


def _refuse(where: str, missing: Collection[str], unexpected: Collection[str]) -> None:
    said = {"lacks": missing, "has beyond the model": unexpected}
    parts = [f"{verb} {_listed(names)}" for verb, names in said.items() if names]
    if parts:
        raise WeightsMismatchError(f"{where} does not fit the model: it {' and '.join(parts)}")


def _listed(names: Collection[str]) -> str:
    first = ", ".join(sorted(names)[:_SHOWN])
    return first if len(names) <= _SHOWN else f"{first} and {len(names) - _SHOWN} more"


def _place(value: Any) -> Any:
    # What another process has is on the meta device, and nowhere.
    is_here = isinstance(value, Tensor) and value.numel() and not value.is_meta
    return (value.data_ptr(), tuple(value.shape)) if is_here else id(value)


# Hugging Face models


def _is_pretrained(model: nn.Module) -> bool:
    config = getattr(model, "config", None)
    return callable(getattr(model, "save_pretrained", None)) and callable(getattr(config, "save_pretrained", None))


def _ignored(model: nn.Module) -> Collection[str]:
    return frozenset(getattr(model, "_keys_to_ignore_on_save", None) or ())


def _without_ignored(model: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    ignored = _ignored(model)
    return {name: value for name, value in state.items() if name not in ignored}


def _without_ties(model: nn.Module, state: dict[str, Any]) -> dict[str, Any]:
    """Tied weights under the name from which `from_pretrained` ties the others again."""
    ties = getattr(model, "all_tied_weights_keys", None)
    if not isinstance(ties, dict):
        return state
    tied = {
        name
        for name, source in ties.items()
        if name in state and source in state and _place(state[name]) == _place(state[source])
    }
    return {name: value for name, value in state.items() if name not in tied}


def _config_files(model: Any) -> dict[str, Payload]:
    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]
    if hasattr(config, "dtype"):
        config.dtype = str(model.dtype).removeprefix("torch.")

    def save(folder: str) -> None:
        if getattr(model, "_auto_class", None) is not None:
            from transformers.dynamic_module_utils import custom_object_save

            # A model of a script's own class can only be loaded with the source of that class beside it.
            custom_object_save(model, folder, config=config)
        config.save_pretrained(folder)
        generation = getattr(model, "generation_config", None)
        if generation is not None and model.can_generate():
            generation.save_pretrained(folder)

    return _saved_by(save)


def _processing_files(processing_class: Any) -> dict[str, Payload]:
    save = getattr(processing_class, "save_pretrained", None)
    return {} if save is None else _saved_by(save)


def _saved_by(save: Callable[[str], Any]) -> dict[str, Payload]:
    """What `save` writes into a folder, by relative name."""
    with tempfile.TemporaryDirectory(prefix="trainspec-") as folder, _without_talk():
        save(folder)
        found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): Document(path.read_bytes()) for path in found}


@contextmanager
def _without_talk() -> Iterator[None]:
    """Nothing below a warning: transformers names each file that it writes, here in a folder that is soon gone."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)


# PEFT


def _adapters(model: nn.Module) -> list[str]:
    """The names of a model's adapters; a model can only have some once its program has imported peft."""
    if "peft" not in sys.modules or not (_is_peft(model) or getattr(model, "_hf_peft_config_loaded", False)):
        return []
    return list(model.peft_config)  # type: ignore[arg-type]


def _is_peft(model: nn.Module) -> bool:
    return isinstance(model, sys.modules["peft"].PeftModel)


def _adapter_files(model: Any, state: Mapping[str, Any], save_safetensors: bool) -> dict[str, Payload]:
    covered = {_place(value) for name in _adapters(model) for value in _adapter_state(model, name, state).values()}
    if _is_peft(model):
        files = _saved_by(lambda folder: model.save_pretrained(folder, save_safetensors, state_dict=dict(state)))
        # PEFT's own card describes nothing yet, and would pass for one that a person wrote.
        files.pop("README.md", None)
    else:
        files = _injected_files(model, state, save_safetensors)
    rest = {name: value for name, value in state.items() if name in _changing(model) and _place(value) not in covered}
    if rest:
        files |= {TRAINED_BASE[n]: c for n, c in model_files(rest, save_safetensors=save_safetensors).items()}
    return files


def _changing(model: nn.Module) -> set[str]:
    """Trained parameters, and the buffers that a state dict holds (running means of batches among them)."""
    frozen = {name for name, value in model.named_parameters(remove_duplicate=False) if not value.requires_grad}
    return set(model.state_dict().keys()) - frozen


def _adapter_state(model: Any, adapter: str, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    from peft import get_peft_model_state_dict

    found: dict[str, Any] = get_peft_model_state_dict(
        model,
        state_dict=None if state is None else dict(state),
        adapter_name=adapter,
        save_embedding_layers=False,
    )
    return found


def _injected_files(model: Any, state: Mapping[str, Any], save_safetensors: bool) -> dict[str, Payload]:
    """The adapters of a Hugging Face model that got them by `add_adapter`, named as PEFT's own models name them."""
    files: dict[str, Payload] = {}
    for adapter in _adapters(model):
        found = {f"{_PEFT_PREFIX}{name}": value for name, value in _adapter_state(model, adapter, state).items()}
        content = model_files(found, save_safetensors=save_safetensors)
        files[_inside(adapter, _weights_name(save_safetensors))] = next(iter(content.values()))
        configured = _saved_by(model.peft_config[adapter].save_pretrained)
        files |= {_inside(adapter, name): data for name, data in configured.items()}
    return files


def _weights_name(save_safetensors: bool) -> str:
    return ADAPTER_WEIGHTS if save_safetensors else ADAPTER_TORCH_WEIGHTS


def _inside(adapter: str, name: str) -> str:
    """PEFT keeps its default adapter in the folder itself, every other one in a folder of its name."""
    return name if adapter == "default" else f"{adapter}/{name}"


def _load_adapter(model: Any, adapter: str, read: Callable[[str], bytes], names: Collection[str], where: str) -> None:
    from peft import set_peft_model_state_dict

    candidates = [_inside(adapter, _weights_name(safe)) for safe in (True, False)]
    name = next((name for name in candidates if name in names), None)
    if name is None:
        raise WeightsMismatchError(f"{where} holds no weights of the model's adapter {adapter!r}")
    state = read_state(name, read, names, where)
    expected = _adapter_state(model, adapter).keys()
    if not _is_peft(model):
        state = {key.removeprefix(_PEFT_PREFIX): value for key, value in state.items()}
    # Embeddings that PEFT stores beside an adapter, without being asked, belong to the base model.
    unexpected = [key for key in state if key not in expected and key not in _base_names(model)]
    _refuse(where, [key for key in expected if key not in state], unexpected)
    try:
        set_peft_model_state_dict(model, state, adapter_name=adapter)
    except RuntimeError as error:
        raise WeightsMismatchError(f"{where} does not fit the model: {error}") from None


def _base_names(model: nn.Module) -> set[str]:
    names = model.state_dict().keys()
    return {name.replace(".base_layer.", ".") for name in names} | set(names)


def computed(model: nn.Module, adapter: str) -> bool:
    """Whether PEFT saves what the adapter's weights make of something, and not the weights: prompts that go through a
    projection or an encoder. Nothing can be trained on from them.
    """
    own = {_place(value) for value in model.state_dict().values()}
    return any(_place(value) not in own for value in _adapter_state(model, adapter).values())


def computed_adapters(model: nn.Module) -> list[str]:
    """The adapters of the model that PEFT cannot load into it again."""
    return [adapter for adapter in _adapters(model) if computed(model, adapter)]
