"""The state of every random generator as JSON, exact to the bit, so that nothing has to be unpickled."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainspec.text.bounded_json import parse_json
from trainspec.training.checkpoint.manifest import CheckpointError

_WORD, _LONG, _LONGEST = 2**32 - 1, 2**64 - 1, 2**128 - 1


def rng_file(rank: int = 0, processes: int = 1) -> str:
    """The name of the file that holds the generators of one of so many processes."""
    return "rng_state.json" if processes == 1 else f"rng_state_{rank}.json"


def rng_bytes() -> bytes:
    """The state of this process's generators: python, numpy, torch on the CPU and on every CUDA device."""
    state: dict[str, Any] = {
        **draws_document(random.getstate(), _numpy_state(), torch.get_rng_state()),
        "cuda": [_hex(device) for device in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
    }
    return json.dumps(state).encode()


def draws_document(in_python: Any, in_numpy: Any, in_torch: Any) -> dict[str, Any]:
    """The states of three generators as JSON, each as its library gives it; torch's is bytes in a tensor or array."""
    version, words, gauss = in_python
    if isinstance(in_numpy, tuple):
        kind, key, place, has_gauss, kept = in_numpy
        in_numpy = {"bit_generator": kind, "state": {"key": key, "pos": place}, "has_gauss": has_gauss, "gauss": kept}
    return {"python": [version, list(words), gauss], "numpy": _plain(in_numpy), "torch": _hex(in_torch)}


def checked_draws(document: Any) -> tuple[Any, Any, Any]:
    """The states in a `draws_document`, which each library takes. Raises ValueError for a damaged one."""
    try:
        in_numpy, on_cpu = _checked_numpy(document["numpy"]), _tensor(document["torch"])
        if in_numpy is None:
            raise ValueError("numpy's generator is missing")
        _refuse_length(on_cpu, torch.get_rng_state(), "of torch")
        in_python = _checked_python(*document["python"])
        # Both look into a state themselves.
        torch.Generator().set_state(on_cpu)
        random.Random().setstate(in_python)
        return in_python, _for_numpy(in_numpy), on_cpu
    except (ValueError, LookupError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
        raise ValueError(f"a random state is damaged ({error})") from None


def restore_rng(data: bytes, where: str) -> None:
    """Put this process's generators into the state that `rng_bytes` described.

    Raises CheckpointError for a damaged description, or one of another number of CUDA devices.
    """
    try:
        state = parse_json(data)
        in_python = _checked_python(*state["python"])
        in_numpy = _checked_numpy(state["numpy"])
        on_cpu, on_cuda = _tensor(state["torch"]), [_tensor(text) for text in state["cuda"]]
        _refuse_length(on_cpu, torch.get_rng_state(), "of torch")
        devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if on_cuda and len(on_cuda) != devices:
            raise CheckpointError(where, f"its random states are of {len(on_cuda)} CUDA devices, here are {devices}")
        for device, on_device in enumerate(on_cuda):
            _refuse_length(on_device, torch.cuda.get_rng_state(device), f"of CUDA device {device}")
        # torch looks into its own; after that nothing can go wrong, and all are of one moment.
        torch.set_rng_state(on_cpu)
        random.setstate(in_python)
        if in_numpy is not None:
            _set_numpy(in_numpy)
        if on_cuda:
            torch.cuda.set_rng_state_all(on_cuda)
    except (ValueError, LookupError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
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


def _checked_python(version: Any, words: Any, gauss: Any) -> tuple[Any, tuple[int, ...], float | None]:
    """Of random.getstate(): 624 words of 32 bits, and the place among them."""
    _, here, _ = random.getstate()
    *key, place = words
    if len(words) != len(here) or not all(_is_whole(word, _WORD) for word in key) or not _is_whole(place, len(key)):
        raise ValueError("python's generator has other words")
    if gauss is not None and (not isinstance(gauss, float) or not math.isfinite(gauss)):
        raise ValueError("python's generator keeps what is no number")
    return version, tuple(words), gauss


def _checked_numpy(state: Any) -> Any:
    """In the form of this process's own, the place within its words: numpy reads whatever lies at it."""
    here = _numpy_state()
    if state is None or here is None:
        return None
    if not _has_form(state, here):
        raise ValueError(f"numpy's generator is no {here['bit_generator']} as it is here")
    inner = state["state"]
    most = {
        "pos": len(inner.get("key", ())),
        "buffer_pos": len(state.get("buffer", ())),
        "has_gauss": 1,
        "has_uint32": 1,
    }
    for name, value in (*inner.items(), *state.items()):
        if name in most and not _is_whole(value, most[name]):
            raise ValueError(f"{name} of numpy's generator is {value!r:.60}, it is at most {most[name]}")
    return state


def _has_form(value: Any, here: Any) -> bool:
    if isinstance(here, dict):
        return (
            isinstance(value, dict) and value.keys() == here.keys() and all(_has_form(value[k], here[k]) for k in here)
        )
    if isinstance(here, list):
        return isinstance(value, list) and len(value) == len(here) and all(_is_whole(entry, _LONG) for entry in value)
    if isinstance(here, str):
        return bool(value == here)
    if isinstance(here, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return _is_whole(value, _LONGEST)


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _set_numpy(state: dict[str, Any]) -> None:
    import numpy

    numpy.random.set_state(_for_numpy(state))


def _for_numpy(state: dict[str, Any]) -> dict[str, Any]:
    import numpy

    if isinstance(state["state"].get("key"), list):
        kind = numpy.uint32 if state["bit_generator"] == "MT19937" else numpy.uint64
        state = {**state, "state": {**state["state"], "key": numpy.array(state["state"]["key"], dtype=kind)}}
    return state


def _refuse_length(state: Tensor, here: Tensor, whose: str) -> None:
    if state.shape != here.shape:
        raise ValueError(f"the generator {whose} has {len(state):,} bytes, here it has {len(here):,}")


def _hex(state: Tensor) -> str:
    return bytes(state.tolist()).hex()


def _tensor(text: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)
