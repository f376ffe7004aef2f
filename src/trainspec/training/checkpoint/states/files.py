"""The files of a state: tensors as safetensors beside a document of all the rest, or a document alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.states.nests import DamagedNest, filled, outlined
from trainspec.training.checkpoint.tensor_files import SafetensorsFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.checkpoint.payload import Payload

_STATE = "nest"


def tensors_and_rest(
    state: Mapping[str, Any], tensors_name: str, document_name: str, what: str, **more: Any
) -> dict[str, Payload]:
    """Both files of a state, by name; `more` stands in the document, too. Raises UnsavableError."""
    tensors: dict[str, Tensor] = {}
    nest = outlined(dict(state), what, tensors)
    document = _json({**more, _STATE: nest})
    return {tensors_name: SafetensorsFile(tensors, {"format": "pt"}), document_name: Document(document)}


def document_alone(state: Any, what: str) -> Document:
    """The file of a state that holds numbers and no large tensors. Raises UnsavableError."""
    return Document(_json({_STATE: outlined(state, what)}))


def read_tensors_and_rest(
    checkpoint: Checkpoint, tensors_name: str, document_name: str, safe_types: Sequence[type] = ()
) -> Any:
    """The state in two files. Raises CheckpointError for what is missing, changed, or not of one piece."""
    document = _parsed(checkpoint, document_name)
    data = checkpoint.read(tensors_name)
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(checkpoint.url, f"{tensors_name} cannot be read ({error})") from None
    return _filled(checkpoint, document, tensors, document_name, safe_types)


def read_document(checkpoint: Checkpoint, name: str) -> Any:
    """The state in one document. Raises CheckpointError."""
    return _filled(checkpoint, _parsed(checkpoint, name), {}, name, ())


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n").encode()


def _parsed(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    data = checkpoint.read(name)
    try:
        document = parse_json(data, of_a_run=True)
    except ValueError as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged ({error})") from None
    if not isinstance(document, dict) or _STATE not in document:
        raise CheckpointError(checkpoint.url, f"{name} is damaged (it holds no state)")
    return document


def _filled(
    checkpoint: Checkpoint,
    document: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    name: str,
    safe_types: Sequence[type],
) -> Any:
    try:
        with torch.no_grad():
            return filled(document[_STATE], tensors, safe_types)
    except DamagedNest as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged ({error})") from None
