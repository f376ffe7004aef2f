"""Sequence parallelism by heads: each process has a part of every sequence, and in attention whole ones of some heads.

Before F.scaled_dot_product_attention an all-to-all gives each process queries, keys and values of whole sequences for
its 1 / size of the heads; after it, another one gives back all heads of its own part (DeepSpeed Ulysses, Jacobs et al.
2023, https://arxiv.org/abs/2309.14509, section 3.1). Everything else of a model acts on each token by itself. So any
kernel of torch's does, on every device; nothing is approximated.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch.autograd.graph import get_gradient_edge
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from trainspec.training.errors import TrainingError
from trainspec.training.parallel.mesh.sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

# A part of one token would look like a step of generation, which is not causal, to models of transformers.
_SHORTEST = 2


class Slices(Sequences):
    """Cuts each row into as many pieces as there are processes, one after the other.

    Of the batch that was cut last: `length` before it was made longer, `each` of a piece, and `has_filling` where its
    attention_mask tells of tokens that are none.
    """

    setting = "sp_size"
    length = each = 0
    has_filling = False

    @property
    def size(self) -> int:
        return self._size

    def _longer_by(self, length: int) -> int:
        self.length, self.each = length, max(_SHORTEST, -(-length // self._size))
        return self.each * self._size - length

    def _check_mask(self, mask: Any, rows: int, length: int) -> None:
        super()._check_mask(mask, rows, length)
        self.has_filling = not bool(mask.all())

    def part(self, batch: Any) -> dict[str, Any]:
        self.has_filling = False
        return super().part(batch)

    def _pieces(self, value: Tensor) -> Tensor:
        # What models do to labels takes contiguous ones.
        return value.narrow(1, self._place * self.each, self.each).contiguous()


@contextmanager
def attention_by_heads(slices: Slices, group: Any) -> Iterator[None]:
    """Around the forward and backward passes of one batch that was cut: attention is over whole rows inside.

    Raises TrainingError where a model does not attend by F.scaled_dot_product_attention, or not to its own sequence.
    """
    with _Attention(slices, group) as attention:
        yield
    if not attention.calls:
        raise TrainingError(
            "sp_size: the model has not called torch.nn.functional.scaled_dot_product_attention, and each process has "
            "seen its own part of a sequence only: leave sp_size out, or attend by that function"
        )


class _Attention(TorchFunctionMode):
    def __init__(self, slices: Slices, group: Any) -> None:
        super().__init__()
        self._slices, self._group = slices, group
        self.calls = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is scaled_dot_product_attention:
            self.calls += 1
            return self._attended(*args, **(kwargs or {}))
        if function is torch.autograd.backward or function is torch.Tensor.backward:
            return self._backward(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))

    def _backward(self, losses: Any, *more: Any, **how: Any) -> None:
        """While a mode answers a call it is off, and within this one activations may be recomputed.

        From the losses' places in the graph, since torch asks modes again where it is given tensors.
        """
        edges = [get_gradient_edge(loss) for loss in (losses if isinstance(losses, tuple | list) else [losses])]
        with self:
            torch.autograd.backward(edges, *more, **how)

    def _attended(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, **how: Any
    ) -> Tensor:
        self._check(query, key, attn_mask, how)
        length, size = self._slices.length, self._slices.size
        heads = query.shape[-3]
        if how.get("enable_gqa"):
            key, value = (_enough_heads(kept, heads, size) for kept in (key, value))
        # What made rows longer is attended by nothing.
        q, k, v = (_whole_rows(part, self._group, size)[..., :length, :] for part in (query, key, value))
        found = scaled_dot_product_attention(q, k, v, None, dropout_p, **how)
        found = pad(found, (0, 0, 0, self._slices.each * size - length))
        return _all_heads(found, self._group, size)

    def _check(self, query: Tensor, key: Tensor, mask: Any, how: Any) -> None:
        size, each = self._slices.size, self._slices.each
        problem = ""
        if query.dim() < 4:
            problem = f"attention is of shape {tuple(query.shape)}, without heads that processes could share"
        elif query.shape[-2] != each or key.shape[-2] != each:
            problem = (
                f"attention is of {query.shape[-2]} to {key.shape[-2]} tokens, and a part of the batch has {each}: "
                "only attention of a sequence to itself is done"
            )
        elif mask is not None:
            problem = "attention has a mask, made of a part of the sequence: say is_causal=True, or pass none"
        elif self._slices.has_filling and not how.get("is_causal"):
            problem = "rows are filled up, and attention that is not causal would attend to the filling"
        elif query.shape[-3] % size:
            problem = f"attention has {query.shape[-3]} heads, which {size} does not divide"
        if problem:
            raise TrainingError(f"sp_size: {problem}")


def _enough_heads(value: Tensor, heads: int, size: int) -> Tensor:
    """Of keys or values: each process gets as many, of those that its queries attend to."""
    kept = value.shape[-3]
    if kept % size == 0:
        return value
    return value.repeat_interleave((size if size % kept == 0 else heads) // kept, dim=-3)


def _whole_rows(value: Tensor, group: Any, size: int) -> Tensor:
    """(..., heads, length / size, features) to (..., heads / size, length, features)."""
    by_heads = torch.unflatten(value, -3, (size, -1)).movedim(-4, 0)
    return _exchanged(by_heads, group).movedim(0, -3).flatten(-3, -2)


def _all_heads(value: Tensor, group: Any, size: int) -> Tensor:
    """And back."""
    by_tokens = torch.unflatten(value, -2, (size, -1)).movedim(-3, 0)
    return _exchanged(by_tokens, group).movedim(0, -4).flatten(-4, -3)


def _exchanged(value: Tensor, group: Any) -> Tensor:
    return cast("Callable[..., Tensor]", _Exchange.apply)(value, group)


class _Exchange(torch.autograd.Function):
    """Entry number i of the first dimension goes to process i, which has it at the sender's number."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return _sent(value, group)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _sent(gradient, ctx.group), None


def _sent(value: Tensor, group: Any) -> Tensor:
    value = value.contiguous()
    found = torch.empty_like(value)
    dist.all_to_all_single(found, value, group=group)
    return found
