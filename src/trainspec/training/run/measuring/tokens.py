"""Counting the tokens that a model has read, on the host, before a batch goes to the device."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.model.inside import main_input_name
from trainspec.training.model.outputs import main_input

if TYPE_CHECKING:
    from torch import nn

    from trainspec.settings.arguments import TrainingArguments

logger = logging.getLogger(__name__)


class TokenCounter:
    """Counts the elements of the main input; under "non_padding", those that the attention mask lets through.

    Without a mask, padding is what equals the tokenizer's pad_token_id.
    """

    def __init__(
        self, args: TrainingArguments, model: nn.Module, processing_class: Any, label_names: list[str]
    ) -> None:
        wanted = args.include_num_input_tokens_seen
        self.is_logged = wanted not in (None, False, "no")
        self.is_wanted = self.is_logged or args.include_tokens_per_second
        self._only_real = wanted == "non_padding"
        self._input_name = main_input_name(model)
        self._labels = label_names
        self._padding = getattr(processing_class, "pad_token_id", None)

    def count(self, batch: Any) -> int:
        tokens = main_input(batch, self._input_name, self._labels)
        if not isinstance(tokens, Tensor):
            return 0
        if self._only_real:
            mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
            if mask is None and self._padding is not None:
                mask = tokens != self._padding
            if mask is not None:
                return int(mask.sum())
        return tokens.numel()
