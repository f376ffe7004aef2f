"""The parameters of the networks, without them: for plans where no torch is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.tasks.digits.settings import DigitsSettings

SIDE = 8
CLASSES = 10


def parameter_shapes(settings: DigitsSettings) -> dict[str, tuple[int, ...]]:
    """Name -> shape, in the network's order."""
    layers = _perceptron(settings) if settings.model == "mlp" else _convolutions(settings)
    shapes: dict[str, tuple[int, ...]] = {}
    for number, shape in layers:
        shapes[f"layers.{number}.weight"] = shape
        shapes[f"layers.{number}.bias"] = shape[:1]
    return shapes


def _perceptron(settings: DigitsSettings) -> list[tuple[int, tuple[int, ...]]]:
    layers: list[tuple[int, tuple[int, ...]]] = []
    inputs, width = SIDE * SIDE, settings.width
    for depth in range(settings.depth):
        # A linear layer and its norm, then what has no parameters.
        layers += [(4 * depth, (width, inputs)), (4 * depth + 1, (width,))]
        inputs = width
    return [*layers, (4 * settings.depth, (CLASSES, inputs))]


def _convolutions(settings: DigitsSettings) -> list[tuple[int, tuple[int, ...]]]:
    width = settings.width
    return [(1, (width, 1, 3, 3)), (4, (width, width, 3, 3)), (8, (CLASSES, (SIDE // 2) ** 2 * width))]
