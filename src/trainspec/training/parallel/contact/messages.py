"""Values as bytes that processes send each other, and back: JSON for what is small, tensors as they are. No pickles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from trainspec.training.parallel.contact.forms import Form, Leaf, form_of, objects_among, outline, tensors
from trainspec.training.parallel.processes import ProcessesError


def described(value: Any) -> dict[str, Any]:
    return form_of(value) if isinstance(value, Tensor) else {"value": value}


def encoded(content: dict[str, Any]) -> Tensor:
    """As bytes of JSON. What JSON cannot hold is told to all, who would otherwise wait for it."""
    try:
        text = json.dumps(content)
    except (TypeError, ValueError) as error:
        text = json.dumps({"problem": f"{error}; only tensors and what JSON holds can be told to other processes"})
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def understood(messages: list[Tensor], kind: type[ProcessesError] = ProcessesError) -> list[Any]:
    contents = [json.loads(message.numpy().tobytes()) for message in messages]
    problems = [f"rank {rank}: {entry['problem']}" for rank, entry in enumerate(contents) if "problem" in entry]
    if problems:
        raise kind("; ".join(problems))
    return contents


def in_order(form: Form, found: Iterator[Tensor], objects: list[Tensor]) -> list[Tensor]:
    """The tensors and the pickles of a nest, as `leaves` names them."""
    pickles = iter(objects)
    return [next(pickles) if is_object else next(found) for is_object in objects_among(form)]


def cut(needed: list[Leaf], data: dict[str, Tensor], everywhere: str | None = None) -> Iterator[Tensor]:
    """The tensors that stand one behind the other in the bytes of each device."""
    places = dict.fromkeys(data, 0)
    for leaf in needed:
        device = everywhere or leaf.device
        start = places[device]
        places[device] += leaf.size
        # A view of other numbers begins where they may begin: a copy always does.
        yield leaf.read(data[device][start : places[device]].clone())


def as_bytes(nest: Any, length: int) -> Tensor:
    data = torch.zeros(length, dtype=torch.uint8)
    place = 0
    for tensor in tensors(nest):
        piece = bytes_of(tensor).cpu()
        data[place : place + piece.numel()] = piece
        place += piece.numel()
    return data


def bytes_of(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def refuse_different_forms(forms: dict[int, Form]) -> None:
    outlines = {rank: json.dumps(outline(form)) for rank, form in forms.items()}
    first = next(iter(outlines))
    differing = [rank for rank, text in outlines.items() if text != outlines[first]]
    if differing:
        raise ProcessesError(
            f"rank {first} gathers {outlines[first]}, but "
            + ", ".join(f"rank {rank} {outlines[rank]}" for rank in differing)
        )
