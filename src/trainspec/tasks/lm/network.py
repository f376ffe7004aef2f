"""A small transformer that predicts the next character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from trainspec.tasks.lm.settings import LanguageModelSettings


class Block(nn.Module):
    """Attention to what came before, then a perceptron; each is added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm_attention = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self._attend(self.norm_attention(hidden))
        perceived: Tensor = self.perceptron(hidden)
        return hidden + perceived

    def _attend(self, hidden: Tensor) -> Tensor:
        query, key, value = self.attention(hidden).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropped = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropped, is_causal=True)
        projected: Tensor = self.projection(mixed.transpose(1, 2).flatten(-2))
        return projected


class CharacterModel(nn.Module):
    def __init__(self, alphabet: int, settings: LanguageModelSettings) -> None:
        super().__init__()
        width = settings.width
        self.embedding = nn.Embedding(alphabet, width)
        self.position = nn.Embedding(settings.context, width)
        # torch's own start, with a deviation of 1, drowns what the blocks add.
        for table in (self.embedding, self.position):
            nn.init.normal_(table.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(width, settings.heads, settings.dropout) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, alphabet)

    def forward(self, characters: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        places = torch.arange(characters.shape[-1], device=characters.device)
        hidden = self.embedding(characters) + self.position(places)
        for block in self.blocks:
            hidden = block(hidden)
        logits: Tensor = self.head(self.norm(hidden))
        if labels is None:
            return {"logits": logits}
        return {"loss": functional.cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}
