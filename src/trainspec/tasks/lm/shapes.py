"""The parameters of the model, without it: for plans where no torch is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.tasks.lm.reading import text_at

if TYPE_CHECKING:
    from trainspec.tasks.lm.settings import LanguageModelSettings


def parameter_shapes(settings: LanguageModelSettings) -> dict[str, tuple[int, ...]]:
    """Name -> shape, in the model's order. Reads the text, whose alphabet decides about both ends; raises TaskError."""
    width, alphabet = settings.width, len(set(text_at(settings.text)))
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (alphabet, width),
        "position.weight": (settings.context, width),
    }
    for block in range(settings.depth):
        for name, inputs, outputs in _BLOCK:
            # A norm has a weight for each number.
            shape = (outputs * width, inputs * width) if inputs else (width,)
            shapes[f"blocks.{block}.{name}.weight"] = shape
            shapes[f"blocks.{block}.{name}.bias"] = shape[:1]
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    return shapes | {"head.weight": (alphabet, width), "head.bias": (alphabet,)}


# Name, inputs and outputs in widths; a norm has neither.
_BLOCK = (
    ("norm_attention", 0, 0),
    ("attention", 1, 3),
    ("projection", 1, 1),
    ("perceptron.0", 0, 0),
    ("perceptron.1", 1, 4),
    ("perceptron.3", 4, 1),
)
