"""What a forward pass keeps for the backward one, and what tensor parallelism sends: by a transformer's sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.plan.scale.model import Transformer


def activation_bytes(
    model: Transformer, rows: int, length: int, width: int, *, tensor: int = 1, split: int = 1, recomputed: bool = False
) -> int:
    """Bytes kept for `rows` sequences of `length` tokens, each divided among `split` ranks, in `width` bytes a number.

    Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4, told by token and layer: six times the hidden
    size for norms, projections and inputs, keys and values, and the perceptron twice (a gate adds two more); a byte for
    each mask of dropout. Attention is thought to be a fused kernel, which keeps no matrix of scores. `tensor` ranks
    divide what lies between the norms (their equation 2). With layers `recomputed`, their inputs are kept alone, and
    one layer is there while it is recomputed. Logits are kept once as they are and once in float32 for the loss.
    """
    tokens = rows * length / split
    outside = 4 * model.hidden
    inside = 2 * model.hidden + model.key_values + (4 if model.gated else 2) * model.inner
    layer = tokens * (width * (outside + inside / tensor) + (2 * model.hidden if model.dropout else 0))
    layers = tokens * model.hidden * width * model.layers + layer if recomputed else layer * model.layers
    return round(layers + tokens * model.vocabulary * (width + 4))


def tensor_parallel_bytes(model: Transformer, rows: int, length: int, width: int, tensor: int) -> int:
    """Bytes that a rank sends for a micro-batch: two all-reduces of the activations of every layer in each direction.

    Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3: four a layer, over a ring.
    """
    return round(4 * model.layers * 2 * (tensor - 1) / tensor * rows * length * model.hidden * width)


def sequence_parallel_bytes(model: Transformer, rows: int, length: int, width: int, sequence: int) -> int:
    """Bytes that a rank sends for a micro-batch: queries, keys, values and what attention makes of them, of its part of
    each sequence, by an all-to-all each; and their gradients.

    Jacobs et al. 2023, https://arxiv.org/abs/2309.14509, section 3.2; heads of keys are thought to be enough for all.
    """
    tokens = rows * length / sequence
    return round(2 * model.layers * (sequence - 1) / sequence * tokens * (2 * model.hidden + model.key_values) * width)


def expert_parallel_bytes(model: Transformer, tokens: float, width: int, expert: int) -> int:
    """Bytes that a rank sends for a micro-batch: an all-reduce of the output of every layer's experts, and one of the
    gradient of their input, over a ring. Every layer is thought to have experts.

    Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3: an expert is a block of features there.
    """
    return round(2 * model.layers * 2 * (expert - 1) / expert * tokens * model.hidden * width)
