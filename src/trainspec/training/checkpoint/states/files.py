"""The files of a state: tensors as safetensors beside a document of all the rest, or a document alone."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_safetensors

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.payload import Document
from trainspec.training.checkpoint.states.nests import DamagedNest, filled, outlined
from trainspec.training.checkpoint.tensor_files import SafetensorsFile, dtype_name
from trainspec.training.parallel.contact.arriving import Later

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.checkpoint.payload import Payload

_STATE = "nest"
# Of these even an empty tensor warns.
_EXPERIMENTAL = ("complex32", "q")
_MADE = '"$made":'


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


@contextmanager
def opened_tensors_and_rest(
    checkpoint: Checkpoint, tensors_name: str, document_name: str
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The same with what is read later in the place of tensors of more than one element; and the document.

    The files are compared with their checksums, and stay open inside. Raises CheckpointError as the other.
    """
    document = _parsed(checkpoint, document_name)
    if _MADE in json.dumps(document[_STATE]):
        raise CheckpointError(checkpoint.url, f"{tensors_name} holds tensors that are made of others")
    with checkpoint.local_file(tensors_name) as path, ExitStack() as stack:
        try:
            file: Any = stack.enter_context(safe_open(path, "pt"))
            tensors = {name: _later(file, name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError, OSError) as error:
            raise CheckpointError(checkpoint.url, f"{tensors_name} cannot be read ({error})") from None
        yield _filled(checkpoint, document, tensors, document_name, ()), document


def _later(file: Any, name: str) -> Any:
    described = file.get_slice(name)
    shape = tuple(described.get_shape())
    if torch.Size(shape).numel() <= 1:
        return file.get_tensor(name)
    return Later(shape, _dtypes()[described.get_dtype()], lambda: file.get_tensor(name))


@cache
def _dtypes() -> dict[str, torch.dtype]:
    """By the names that safetensors has for them."""
    found = {}
    for value in {value for value in vars(torch).values() if isinstance(value, torch.dtype)}:
        if str(value).removeprefix("torch.").startswith(_EXPERIMENTAL):
            continue
        with suppress(TypeError):
            found[dtype_name(value)] = value
    return found


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
    tensors: Mapping[str, Tensor | Later],
    name: str,
    safe_types: Sequence[type],
) -> Any:
    try:
        with torch.no_grad():
            return filled(document[_STATE], tensors, safe_types)
    except DamagedNest as error:
        raise CheckpointError(checkpoint.url, f"{name} is damaged ({error})") from None
