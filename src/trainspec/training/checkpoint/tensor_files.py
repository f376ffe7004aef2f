"""Files of tensors, written tensor by tensor, and copies of the tensors for a file that is written later."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from trainspec.training.model.nests import map_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The order of tensors in a file of safetensors: large elements first, which aligns all of them.
_ORDER = (
    *("U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16"),
    *("F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"),
)
_ALIGNMENT = 8


@dataclass(frozen=True)
class TorchFile:
    """A value as torch saves it."""

    value: Any

    def write(self, file: BinaryIO) -> None:
        torch.save(self.value, file)

    def copied(self, copy: Callable[[Tensor], Tensor]) -> TorchFile:
        return TorchFile(map_tensors(self.value, copy))


@dataclass(frozen=True)
class SafetensorsFile:
    """Tensors, and texts about them, as safetensors: the bytes that `safetensors.torch.save` gives."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    def write(self, file: BinaryIO) -> None:
        ordered = sorted(self.tensors.items(), key=lambda item: (_ORDER.index(dtype_name(item[1].dtype)), item[0]))
        header = self._header(ordered)
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for _, tensor in ordered:
            if tensor.numel():
                file.write(_content(tensor))

    @property
    def described(self) -> dict[str, str]:
        """The dtype and shape of each tensor, for a person or a program that reads the manifest."""
        return {name: f"{dtype_name(value.dtype)}{[*value.shape]}" for name, value in sorted(self.tensors.items())}

    def copied(self, copy: Callable[[Tensor], Tensor]) -> SafetensorsFile:
        return SafetensorsFile({name: copy(tensor) for name, tensor in self.tensors.items()}, self.metadata)

    def _header(self, ordered: list[tuple[str, Tensor]]) -> bytes:
        described: dict[str, Any] = {"__metadata__": dict(self.metadata)} if self.metadata else {}
        end = 0
        for name, tensor in ordered:
            start, end = end, end + tensor.numel() * tensor.element_size()
            described[name] = {
                "dtype": dtype_name(tensor.dtype),
                "shape": list(tensor.shape),
                "data_offsets": [start, end],
            }
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()
        return text + b" " * (-len(text) % _ALIGNMENT)


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """What safetensors calls a dtype. Raises TypeError for one that it cannot hold, or not give back."""
    try:
        data = save({"x": torch.empty(0, dtype=dtype)})
        name: str = json.loads(data[8:])["x"]["dtype"]
        if name in _ORDER and load(data)["x"].dtype == dtype:
            return name
    except LookupError:
        pass
    raise TypeError(f"safetensors holds no {dtype}")


def _content(tensor: Tensor) -> memoryview:
    plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().data


class TensorCopies:
    """Copies on the CPU; tensors that share memory share it in the copy, so that it takes no more room on the disk.

    Kept from one save to the next, the copies of that one go into the memory of those before, where as much is wanted
    again: fresh memory would have to be found, and filled with zeros by the system, at every save.
    """

    def __init__(self) -> None:
        self._storages: dict[tuple[torch.device, int], torch.UntypedStorage] = {}
        # By size in bytes, and whether a device copies into it by itself.
        self._free: dict[tuple[int, bool], list[torch.UntypedStorage]] = {}
        self._used: dict[tuple[int, bool], list[torch.UntypedStorage]] = {}
        self._devices: set[torch.device] = set()

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Around the copies of one moment. Those of the moment before must not be read any more."""
        self._free, self._used = self._used, {}
        try:
            yield
            for device in self._devices:
                torch.cuda.synchronize(device)
        finally:
            # What was copied may move meanwhile; what nobody wanted again is let go.
            self._storages, self._devices, self._free = {}, set(), {}

    def __call__(self, tensor: Tensor) -> Tensor:
        if type(tensor) not in (Tensor, nn.Parameter):
            return tensor.detach().clone().cpu()
        storage = tensor.untyped_storage()
        place = (tensor.device, storage.data_ptr())
        if place not in self._storages:
            self._storages[place] = self._copied(storage)
        copy = torch.empty(0, dtype=tensor.dtype)
        return copy.set_(self._storages[place], tensor.storage_offset(), tensor.shape, tensor.stride())

    def _copied(self, storage: torch.UntypedStorage) -> torch.UntypedStorage:
        from_cuda = storage.device.type == "cuda"
        kind = storage.nbytes(), from_cuda
        free = self._free.get(kind)
        # In their order: the same tensors of a run come to the same place at every save.
        if free:
            copy = free.pop(0)
        else:
            copy = torch.empty(storage.nbytes(), dtype=torch.uint8, pin_memory=from_cuda).untyped_storage()
        self._used.setdefault(kind, []).append(copy)
        if from_cuda:
            self._devices.add(storage.device)
        _bytes_of(copy).copy_(_bytes_of(storage), non_blocking=from_cuda)
        return copy


def _bytes_of(storage: torch.UntypedStorage) -> Tensor:
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage, 0, (storage.nbytes(),), (1,))
