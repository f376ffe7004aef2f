"""The shapes that a task tells for plans are those of the model that it makes."""

from __future__ import annotations

from typing import Any

import pytest

from trainspec.tasks.digits import DigitsSettings, digits
from trainspec.tasks.lm import LanguageModelSettings, lm

pytest.importorskip("torch")


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.named_parameters()}


@pytest.mark.parametrize(
    "said", [{}, {"depth": 1, "width": 5}, {"model": "cnn", "width": 3}, {"model": "cnn", "depth": 7}]
)
def test_digits(said: dict[str, Any]) -> None:
    from trainspec.tasks.digits.network import build_network

    settings = DigitsSettings(**said)
    told: Any = digits
    assert list(told.parameter_shapes(settings).items()) == list(shapes_of(build_network(settings)).items())


@pytest.mark.parametrize("said", [{}, {"depth": 3, "width": 12, "context": 7}])
def test_lm(said: dict[str, Any]) -> None:
    from trainspec.tasks.lm.network import CharacterModel
    from trainspec.tasks.lm.reading import text_at

    settings = LanguageModelSettings(**said)
    told: Any = lm
    model = CharacterModel(len(set(text_at(None))), settings)
    assert list(told.parameter_shapes(settings).items()) == list(shapes_of(model).items())
