"""Promise: files of safetensors are read and joined byte by byte, and what cannot be true of one is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.answers.checkpoints.made import safetensors

from trainspec.answers.checkpoints.tensors import DamagedTensors, tensors_in, write_joined

NUMBERS = st.lists(st.floats(width=32, allow_nan=False), max_size=6)
NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__")


@given(st.lists(st.dictionaries(NAMES, NUMBERS, max_size=3), max_size=3))
def test_what_lay_in_several_files_is_in_one(
    tmp_path_factory: pytest.TempPathFactory, parts: list[dict[str, list[float]]]
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    joined, expected = {}, {}
    for number, part in enumerate(parts):
        file = folder / f"{number}.safetensors"
        file.write_bytes(safetensors(part))
        joined |= tensors_in(file)[0]
        expected |= part
    written = io.BytesIO()
    write_joined(joined, {"tied": "to this"}, written)
    whole = folder / "whole.safetensors"
    whole.write_bytes(written.getvalue())
    tensors, texts = tensors_in(whole)
    assert texts == {"format": "pt", "tied": "to this"}
    assert {name: b"".join(one.pieces()) for name, one in tensors.items()} == {
        name: safetensors({"": values})[8 + len(_header(values)) :] for name, values in expected.items()
    }
    assert all(one.start % 8 == 0 or one.dtype == "F32" for one in tensors.values())


def _header(values: list[float]) -> bytes:
    data = safetensors({"": values})
    return data[8 : 8 + int.from_bytes(data[:8], "little")]


def test_the_library_reads_what_was_joined(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    kinds = (torch.float64, torch.bfloat16, torch.bool, torch.int8, torch.float8_e4m3fn)
    parts = [{f"{kind}": torch.ones(3, 2).to(kind)} for kind in kinds] + [
        {"empty": torch.empty(0, 4), "one": torch.tensor(7)}
    ]
    joined = {}
    for number, part in enumerate(parts):
        save_file(part, tmp_path / f"{number}.safetensors")
        joined |= tensors_in(tmp_path / f"{number}.safetensors")[0]
    with (tmp_path / "whole.safetensors").open("wb") as file:
        write_joined(joined, {}, file)
    loaded = load_file(tmp_path / "whole.safetensors")
    expected = {name: tensor for part in parts for name, tensor in part.items()}
    assert loaded.keys() == expected.keys()
    for name, tensor in expected.items():
        same = loaded[name].view(torch.uint8) if tensor.dim() else loaded[name]
        assert loaded[name].dtype == tensor.dtype and torch.equal(
            same, tensor.view(torch.uint8) if tensor.dim() else tensor
        )


SAID = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGE = {
    "an end beyond the file": SAID | {"shape": [4], "data_offsets": [0, 16]},
    "an end before its start": SAID | {"data_offsets": [8, 0]},
    "a negative start": SAID | {"data_offsets": [-8, 0]},
    "other bytes than numbers": SAID | {"shape": [3]},
    "no offsets": {"dtype": "F32", "shape": [2]},
    "three offsets": SAID | {"data_offsets": [0, 4, 8]},
    "a shape of texts": SAID | {"shape": ["2"]},
    "a shape of true": SAID | {"shape": [True, 2]},
    "no mapping": [0, 8],
}


@pytest.mark.parametrize("said", DAMAGE.values(), ids=DAMAGE)
def test_what_cannot_be_true_is_refused(tmp_path: Path, said: object) -> None:
    text = json.dumps({"x": said}).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(DamagedTensors, match="x"):
        tensors_in(file)


@pytest.mark.parametrize(
    "data", [b"", b"1234567", (1 << 60).to_bytes(8, "little"), b"\x02" + bytes(7) + b"{]", b"\x02" + bytes(7) + b"[]"]
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(DamagedTensors):
        tensors_in(file)


@given(st.binary(max_size=200), st.integers(0, 100))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    file = tmp_path_factory.mktemp("bytes") / "x.safetensors"
    whole = safetensors({"a": [1.0], "b": [2.0, 3.0]})
    file.write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        tensors, _ = tensors_in(file)
        assert all(len(b"".join(one.pieces())) == one.size for one in tensors.values())
    except DamagedTensors:
        pass
