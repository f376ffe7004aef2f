"""Parts of sequences: what each process of a group trains on of a batch that all of them read.

Of a context-parallel group (cp), a row is cut into twice as many pieces as there are processes; the first of them takes
the first piece and the last one, the second process the second and the last but one, so that causal attention is as
much work for each. It is how torch's `context_parallel` cuts what it is given. Attention itself goes around: each
process computes with its queries, and with keys and values of all (Ring Attention, Liu et al. 2023,
https://arxiv.org/abs/2310.01889). How one of sequence parallelism (sp) cuts and attends is in ulysses.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from trainspec.training.errors import TrainingError
from trainspec.training.loss.items import MicroBatchItems
from trainspec.training.model.counting import IGNORED_LABEL, labels_that_count
from trainspec.training.parallel.windows import SharedWindows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn
    from torch.distributed.device_mesh import DeviceMesh

    from trainspec.training.parallel.strategy import Strategy
    from trainspec.training.parallel.windows import Counting

_MASK, _PLACES, _SHIFTED = "attention_mask", "position_ids", "shift_labels"


class Sequences:
    """Cuts batches for the process at `place` of `size`. `shifted`: the model takes its loss one label on.

    `main` is the entry of a batch that has the tokens, of shape (rows, length) or (rows, length, features).
    """

    setting = "cp_size"

    def __init__(
        self, place: int, size: int, *, main: str, label_names: Callable[[], Sequence[str]], shifted: bool
    ) -> None:
        self._place, self._size = place, size
        self._main, self._label_names, self._shifted = main, label_names, shifted

    def part(self, batch: Any) -> dict[str, Any]:
        """Every entry of shape (rows, length, ...) by its part, of length / size, with where its tokens are in the row.

        Rows that do not come out even are made longer, by tokens that are attended by none of the others and whose
        labels do not count. Raises TrainingError for what cannot be cut.
        """
        rows, length, entries = self._read(batch)
        names = [name for name, value in entries.items() if _is_sequence(value, rows, length)]
        longer = self._longer_by(length)
        labels = {_SHIFTED, *self._label_names()}
        for name in names:
            filling = IGNORED_LABEL if name in labels else 0
            entries[name] = self._pieces(_longer(entries[name], longer, filling))
        places = torch.arange(length + longer, device=entries[self._main].device)[None]
        entries[_PLACES] = self._pieces(places).expand(rows, -1)
        return entries

    def items(self, batch: Any) -> Tensor:
        """How many labels of the batch this process's part of it has: a whole number without dimension."""
        part = self.part(batch)
        if self._shifted:
            shifted: Tensor = part[_SHIFTED]
            return (shifted != IGNORED_LABEL).sum()
        return torch.stack([mask.sum() for mask in labels_that_count(part, self._label_names())]).sum()

    def _read(self, batch: Any) -> tuple[int, int, dict[str, Any]]:
        tokens = batch.get(self._main) if isinstance(batch, Mapping) else None
        if not isinstance(tokens, Tensor) or tokens.dim() < 2:
            raise TrainingError(
                f"{self.setting}: a batch has no {self._main} of shape (rows, length) that could be cut"
            )
        rows, length = tokens.shape[:2]
        entries = {name: value for name, value in batch.items() if name != _PLACES}
        self._check_places(batch.get(_PLACES), length)
        if _MASK in entries:
            self._check_mask(entries[_MASK], rows, length)
            # Of a causal model no token attends those that fill a row up at its end.
            entries[_MASK] = torch.ones_like(entries[_MASK])
        there = [batch[name] for name in self._label_names() if batch.get(name) is not None]
        if not there or not all(_is_sequence(value, rows, length) and _are_classes(value) for value in there):
            raise TrainingError(f"{self.setting}: labels must be a class for each token, of shape (rows, length)")
        if self._shifted and _SHIFTED not in entries:
            if len(there) > 1:
                raise TrainingError(f"{self.setting}: a model that shifts its labels has one column of them")
            # The label of the last token of a piece is the first one of another.
            entries[_SHIFTED] = _longer(there[0][:, 1:], 1, IGNORED_LABEL)
        return rows, length, entries

    def _check_places(self, places: Tensor | None, length: int) -> None:
        if places is not None and not bool((places == torch.arange(length, device=places.device)).all()):
            raise TrainingError(
                f"{self.setting}: position_ids begin anew within a row, or not at 0: pass one sequence in each row"
            )

    def _check_mask(self, mask: Any, rows: int, length: int) -> None:
        if not _is_sequence(mask, rows, length) or mask.dim() != 2:
            raise TrainingError(f"{self.setting}: attention_mask must be of shape (rows, length), of who is no filling")
        if bool((mask[:, 1:] > mask[:, :-1]).any()):
            raise TrainingError(f'{self.setting}: rows are filled up at their beginning: set padding_side = "right"')

    def _longer_by(self, length: int) -> int:
        """How many tokens make up a length that can be cut."""
        return -length % (2 * self._size)

    def _pieces(self, value: Tensor) -> Tensor:
        pieces = value.chunk(2 * self._size, dim=1)
        return torch.cat((pieces[self._place], pieces[-1 - self._place]), dim=1)


def _is_sequence(value: Any, rows: int, length: int) -> bool:
    return isinstance(value, Tensor) and value.shape[:2] == (rows, length)


def _are_classes(value: Tensor) -> bool:
    return not value.is_floating_point() and value.dim() == 2


def _longer(value: Tensor, by: int, filling: int) -> Tensor:
    return pad(value, (*(0, 0) * (value.dim() - 2), 0, by), value=filling)


class WindowsOfParts(SharedWindows):
    """Of processes that have parts of the same rows: each of their losses counts by the labels of its own part."""

    def __init__(self, counting: Counting, strategy: Strategy, size: int, sequences: Sequences, **more: Any) -> None:
        super().__init__(counting, strategy, size, **more)
        self._sequences = sequences

    def items(self, window: list[Any]) -> list[MicroBatchItems] | None:
        whole = super().items(window)
        assert whole is not None, "those of a window of several processes"
        return [self._here(batch, items) for batch, items in zip(window, whole, strict=True)]

    def _here(self, batch: Any, items: MicroBatchItems) -> MicroBatchItems:
        if items.is_empty:
            return items
        here, there = self._sequences.items(batch), self._in_all(batch)
        # The same, unless somebody else has said how much a micro-batch counts.
        return MicroBatchItems(here, items.total if items.count == there else items.total * there // items.count)

    def _in_all(self, batch: Any) -> Tensor:
        masks = labels_that_count(batch, self._counting.label_names(), shifted=self._counting.shifted)
        return torch.stack([mask.sum() for mask in masks]).sum()


def without_masks(model: nn.Module, are_in_parts: Callable[[], bool]) -> None:
    """Have the causal attention of transformers say so to torch, instead of by a mask of its own part's tokens."""

    def before(module: nn.Module, args: Any, kwargs: Any) -> Any:
        return (args, {**kwargs, _MASK: None}) if are_in_parts() and _MASK in kwargs else None

    for module in model.modules():
        if getattr(module, "is_causal", False) is True and hasattr(module, "config"):
            module.register_forward_pre_hook(before, with_kwargs=True)


@contextmanager
def attention_around(mesh: DeviceMesh, device: torch.device) -> Iterator[None]:
    """Inside, F.scaled_dot_product_attention of causal attention takes each process's part and sees the whole rows.

    Around forward and backward passes. Only kernels that torch can do this with are let through: flash, memory
    efficient and cuDNN attention.
    """
    from torch.distributed.tensor.experimental import context_parallel
    from torch.nn.attention import SDPBackend, sdpa_kernel

    # Batches are cut already; of its length torch sees that both ends of a row go together.
    told = torch.zeros(2 * mesh.size(), device=device)
    kernels = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION]
    with (
        context_parallel(mesh, buffers=[told], buffer_seq_dims=[0], no_restore_buffers={told}),
        sdpa_kernel(kernels),
    ):
        yield
