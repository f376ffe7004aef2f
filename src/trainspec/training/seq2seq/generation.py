"""How a model generates: which configuration holds, how long a row may get, and rows filled up to that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.storage import open_store
from trainspec.storage.errors import StorageError
from trainspec.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments

FILE = "generation_config.json"
# What generate() goes by where neither the model nor the caller says a length.
_USUAL_LENGTH = 20


class GenerationError(TrainingError, ValueError):
    """A generation_config that cannot be had, or that contradicts itself."""


def load_generation_config(said: Any) -> Any:
    """A GenerationConfig of transformers from what the setting says. Raises GenerationError.

    That is a mapping, the path or URL of a file or of a folder with a generation_config.json, or the name of a model
    on the hub. An object is taken as it is, as a copy.
    """
    try:
        from transformers import GenerationConfig
    except ImportError as error:
        raise GenerationError("generation_config is read by transformers: pip install transformers") from error
    try:
        config = GenerationConfig.from_dict(_document(said, GenerationConfig))
        config.validate(strict=True)
    except (ValueError, TypeError, OSError, StorageError) as error:
        # A configuration that warns now could not be saved with the model at the end.
        raise GenerationError(f"{type(error).__name__}: {error}") from error
    return config


def _document(said: Any, hub: Any) -> dict[str, Any]:
    if isinstance(said, Mapping):
        return dict(said)
    if hasattr(said, "to_dict"):
        return dict(said.to_dict())
    place = str(said)
    path = Path(place)
    if path.is_dir():
        return _read_json((path / FILE).read_bytes(), f"{place}/{FILE}")
    if path.is_file():
        return _read_json(path.read_bytes(), place)
    if "://" in place:
        folder, _, name = place.rpartition("/")
        folder, name = (folder, name) if name.endswith(".json") else (place, FILE)
        return _read_json(open_store(folder).read_bytes(name), place)
    if path.suffix == ".json" or path.is_absolute():
        raise FileNotFoundError(f"there is no file {place}")
    return dict(hub.from_pretrained(place).to_dict())


def _read_json(content: bytes, place: str) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise TypeError(f"{place} holds no mapping")
    return found


def asked_for(args: Seq2SeqTrainingArguments, said: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of generate(): what the caller says, over the settings; None says nothing."""
    asked = {name: value for name, value in said.items() if value is not None}
    if not asked.keys() & {"max_length", "max_new_tokens"} and args.generation_max_length is not None:
        asked["max_length"] = args.generation_max_length
    if args.generation_num_beams is not None:
        asked.setdefault("num_beams", args.generation_num_beams)
    return asked


def inputs_to_generate_from(inputs: Any, label_names: Iterable[str]) -> dict[str, Any]:
    """A batch without its labels, and without the decoder's inputs where a collator made them of the labels: else the
    model would go on writing behind the answer.
    """
    names = list(label_names)
    kept = {name: value for name, value in inputs.items() if name not in names}
    answer, start = inputs.get("labels"), kept.get("decoder_input_ids")
    if answer is not None and start is not None and answer.shape == start.shape:
        kept = {name: value for name, value in kept.items() if not name.startswith("decoder_")}
    return kept


def width(model: nn.Module, asked: Mapping[str, Any], prompt: int) -> int:
    """The most tokens that a row of this evaluation can have: batches filled up to it join without a gap."""
    config: Any = getattr(model, "generation_config", None)
    usual = getattr(config, "max_length", None) or _USUAL_LENGTH
    new = asked.get("max_new_tokens") or getattr(config, "max_new_tokens", None)
    is_encoder_decoder = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    # A decoder alone gives its prompt back before what it writes; any other begins with one token of its own.
    after = (1 if is_encoder_decoder else prompt) + new if new else 0
    return max(usual, asked.get("max_length") or 0, after)


def filled(tokens: Tensor, length: int, with_token: int) -> Tensor:
    """Rows of token ids (rows x tokens), filled up on the right."""
    missing = length - tokens.shape[-1]
    return tokens if missing <= 0 else torch.nn.functional.pad(tokens, (0, missing), value=with_token)


def padding_token(processing_class: Any, model: nn.Module) -> int:
    """The id that fills rows up: the tokenizer's, else its end of text, else the model's. Raises GenerationError."""
    config = getattr(model, "config", None)
    for holder, names in ((processing_class, ("pad_token_id", "eos_token_id")), (config, ("pad_token_id",))):
        for name in names:
            token = getattr(holder, name, None)
            if isinstance(token, int):
                return token
    raise GenerationError(
        "rows that are generated differ in length, and nothing says how to fill them up: give the Trainer a "
        "processing_class with a pad_token, or the model's configuration a pad_token_id"
    )
