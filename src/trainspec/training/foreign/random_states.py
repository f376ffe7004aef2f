"""rng_state.pth of transformers as our own description of random generators, without unpickling more than arrays."""

from __future__ import annotations

import json
from typing import Any

import numpy
import torch
from torch import Tensor

from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.weights import load_torch_bytes


def safe_globals() -> list[Any]:
    """What an array or number of numpy is made of in a pickle, under the names of numpy 1 and 2."""
    multiarray: Any = numpy._core.multiarray  # type: ignore[attr-defined]
    made = [
        (getattr(multiarray, name), f"numpy.{place}.multiarray.{name}")
        for name in ("_reconstruct", "scalar")
        for place in ("core", "_core")
    ]
    kinds = [type(numpy.dtype(kind)) for kind in ("uint32", "int64", "float64", "float32", "int32", "bool")]
    return [*made, numpy.ndarray, numpy.dtype, *kinds, (_encoded, "_codecs.encode")]


def _encoded(text: str, encoding: str) -> bytes:
    """How old pickles spell bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError("bytes are written in latin1")
    return text.encode("latin1")


def translated(data: bytes, name: str, where: str) -> bytes:
    """The states as `restore_rng` takes them. Raises CheckpointError for what is no such file."""
    with torch.serialization.safe_globals(safe_globals()):
        states = load_torch_bytes(data, name, where)
    try:
        version, words, gauss = states["python"]
        kind, key, place, has_gauss, kept = states["numpy"]
        cuda = states.get("cuda", [])
        on_cuda = [cuda] if isinstance(cuda, Tensor) else list(cuda)
        document = {
            "python": [int(version), [int(word) for word in words], None if gauss is None else float(gauss)],
            "numpy": {
                "bit_generator": str(kind),
                "state": {"key": [int(word) for word in key], "pos": int(place)},
                "has_gauss": int(has_gauss),
                "gauss": float(kept),
            },
            "torch": _hex(states["cpu"]),
            "cuda": [_hex(state) for state in on_cuda],
        }
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(where, f"{name} holds no random states ({error})") from None
    return json.dumps(document).encode()


def _hex(state: Tensor) -> str:
    return bytes(state.to(torch.uint8).tolist()).hex()
