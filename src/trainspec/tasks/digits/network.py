"""Two small classifiers of 8 x 8 images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from trainspec.tasks.digits.shapes import CLASSES, SIDE

if TYPE_CHECKING:
    from trainspec.tasks.digits.settings import DigitsSettings


class Classifier(nn.Module):
    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, pixels: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits: Tensor = self.layers(pixels)
        if labels is None:
            return {"logits": logits}
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def build_network(settings: DigitsSettings) -> Classifier:
    return Classifier(_BUILDERS[settings.model](settings))


def _perceptron(settings: DigitsSettings) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = SIDE * SIDE
    for _ in range(settings.depth):
        layers += [nn.Linear(inputs, settings.width), nn.LayerNorm(settings.width), nn.GELU()]
        layers += [nn.Dropout(settings.dropout)]
        inputs = settings.width
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


def _convolutions(settings: DigitsSettings) -> nn.Module:
    width = settings.width
    return nn.Sequential(
        nn.Unflatten(-1, (1, SIDE, SIDE)),
        nn.Conv2d(1, width, 3, padding=1),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Dropout(settings.dropout),
        nn.Linear((SIDE // 2) ** 2 * width, CLASSES),
    )


_BUILDERS = {"mlp": _perceptron, "cnn": _convolutions}
