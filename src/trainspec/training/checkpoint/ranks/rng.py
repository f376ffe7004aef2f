"""The state of every random generator as JSON, exact to the bit, so that nothing has to be unpickled."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainspec.training.checkpoint.manifest import CheckpointError


def rng_file(rank: int = 0, processes: int = 1) -> str:
    """The name of the file that holds the generators of one of so many processes."""
    return "rng_state.json" if processes == 1 else f"rng_state_{rank}.json"


def rng_bytes() -> bytes:
    """The state of this process's generators: python, numpy, torch on the CPU and on every CUDA device."""
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": _numpy_state(),
        "torch": _hex(torch.get_rng_state()),
        "cuda": [_hex(device) for device in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
    }
    return json.dumps(state).encode()


def restore_rng(data: bytes, where: str) -> None:
    """Put this process's generators into the state that `rng_bytes` described.

    Raises CheckpointError for a damaged description, or one of another number of CUDA devices.
    """
    try:
        state = json.loads(data)
        version, words, gauss = state["python"]
        on_cpu, on_cuda = _tensor(state["torch"]), [_tensor(text) for text in state["cuda"]]
        devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if on_cuda and len(on_cuda) != devices:
            raise CheckpointError(where, f"its random states are of {len(on_cuda)} CUDA devices, here are {devices}")
        random.setstate((version, tuple(words), gauss))
        _restore_numpy(state["numpy"])
        torch.set_rng_state(on_cpu)
        if on_cuda:
            torch.cuda.set_rng_state_all(on_cuda)
    except (ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CheckpointError(where, f"its random state is damaged ({error})") from None


def _numpy_state() -> dict[str, Any] | None:
    try:
        import numpy
    except ImportError:
        return None
    state: Mapping[str, Any] = numpy.random.get_state(legacy=False)
    return {key: _plain(value) for key, value in state.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _restore_numpy(state: dict[str, Any] | None) -> None:
    if state is None:
        return
    try:
        import numpy
    except ImportError:
        return
    if isinstance(state["state"].get("key"), list):
        state = {
            **state,
            "state": {**state["state"], "key": numpy.array(state["state"]["key"], dtype=numpy.uint32)},
        }
    numpy.random.set_state(state)


def _hex(state: Tensor) -> str:
    return bytes(state.tolist()).hex()


def _tensor(text: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)
