"""The alphabet of a text, and rows of its characters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset


class Alphabet:
    """Characters as numbers, by their order in Unicode."""

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        self._numbers = {character: number for number, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        return torch.tensor([self._numbers[character] for character in text], dtype=torch.int64)


class Windows(Dataset[dict[str, Tensor]]):
    """Rows of `context` characters one after the other, each with the characters that follow as labels."""

    def __init__(self, characters: Tensor, context: int) -> None:
        self._characters = characters
        self._context = context

    def __len__(self) -> int:
        return max(len(self._characters) - 1, 0) // self._context

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = index * self._context
        row = self._characters[start : start + self._context + 1]
        return {"characters": row[:-1], "labels": row[1:]}
