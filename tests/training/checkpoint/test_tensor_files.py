"""Promise: what is written tensor by tensor is, byte for byte, what safetensors and torch write in one piece."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from tests.training.checkpoint.written import written

from trainspec.training.checkpoint.tensor_files import SafetensorsFile, TorchFile, dtype_name
from trainspec.training.checkpoint.weights import model_files, state_from_safetensors

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
EIGHT_BITS = [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz]
WHOLE = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64]
DTYPES = [*FLOATS, *EIGHT_BITS, *WHOLE, torch.bool, torch.complex64]
UNKNOWN = [torch.complex128, torch.float8_e8m0fnu]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = torch.Size(shape).numel()
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    size = torch.empty(0, dtype=dtype).element_size()
    content = torch.randint(2 if dtype is torch.bool else 256, (count * size,), generator=generator, dtype=torch.uint8)
    return content.view(dtype).reshape(shape)


NAMES = st.text(st.characters(codec="utf-8"), max_size=6).filter(lambda name: name != "__metadata__")
STATES = st.dictionaries(NAMES, tensors(), max_size=6)


@given(STATES, st.sampled_from([{}, {"format": "pt"}, {'ü\n"\\': "\x00\x7f☃"}]))
def test_the_bytes_are_those_of_safetensors(state: dict[str, Any], metadata: dict[str, str]) -> None:
    assert written(SafetensorsFile(state, metadata)) == save(state, metadata or None)


@given(STATES)
def test_a_state_dict_comes_back(state: dict[str, torch.Tensor]) -> None:
    data = written(model_files(state)["model.safetensors"])
    assert data == save(state, {"format": "pt"})
    back = state_from_safetensors(data, "x")
    assert back.keys() == state.keys()
    for name, value in state.items():
        assert (back[name].dtype, back[name].shape) == (value.dtype, value.shape)
        assert torch.equal(back[name].reshape(-1).view(torch.uint8), value.reshape(-1).view(torch.uint8))


BASE = torch.arange(24.0).reshape(4, 6)
VIEWS = {
    "transposed": BASE.t(),
    "strided": BASE[::2, 1::3],
    "expanded": torch.arange(3.0).expand(5, 3),
    "conjugated": torch.arange(4.0).to(torch.complex64).mul(1j).conj(),
    "negated": torch.arange(4.0).to(torch.complex64).mul(1j).conj().imag,
    "to be trained": torch.nn.Parameter(BASE),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_are_written_as_what_they_show(view: torch.Tensor) -> None:
    assert torch.equal(load(written(SafetensorsFile({"x": view}, {})))["x"], view)


def test_tied_tensors_are_written_once_and_always_in_the_same_order() -> None:
    state = dict.fromkeys(("z", "a", "m", "k"), BASE) | {"other": BASE[:1]}
    data = written(model_files(state)["model.safetensors"])
    assert data == written(model_files(dict(reversed(state.items())))["model.safetensors"])
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header == {
        "__metadata__": {"format": "pt", "k": "a", "m": "a", "z": "a"},
        "a": {"dtype": "F32", "shape": [4, 6], "data_offsets": [0, 96]},
        "other": {"dtype": "F32", "shape": [1, 6], "data_offsets": [96, 120]},
    }


@pytest.mark.parametrize("dtype", UNKNOWN)
def test_what_safetensors_does_not_give_back_is_refused(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=f"safetensors holds no {dtype}"):
        dtype_name(dtype)
    with pytest.raises(TypeError, match=f"x is of {dtype}.*save_safetensors: false"):
        model_files({"x": torch.empty(2, dtype=dtype)})


def test_sparse_tensors_are_refused() -> None:
    with pytest.raises(TypeError, match="x is a sparse tensor"):
        model_files({"x": torch.eye(2).to_sparse()})


def test_the_bytes_are_those_of_torch() -> None:
    value = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": BASE.t()}}, "param_groups": [{"lr": 0.1}]}
    buffer = io.BytesIO()
    torch.save(value, buffer)
    assert written(TorchFile(value)) == buffer.getvalue()
