"""How large a model is: its number of parameters, and as much of its shape as is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any


@dataclass(frozen=True, slots=True)
class Transformer:
    """Sizes that decide about activations and about what tensor parallelism sends; `inner` of the perceptron.

    `gated`: it has a gate beside it. `key_values` is the width of keys and of values together with all their heads.
    """

    layers: int
    hidden: int
    inner: int
    key_values: int
    vocabulary: int
    gated: bool = False
    dropout: bool = False
    tied: bool = True


@dataclass(frozen=True, slots=True)
class ModelSize:
    """`source` says in words where it is from; `about`: by a formula, not by counting.

    `experts` of the parameters are those of experts, as far as that is known.
    """

    parameters: int
    source: str
    about: bool = False
    shapes: Mapping[str, Sequence[int]] | None = None
    transformer: Transformer | None = None
    sequence: int | None = None
    experts: int = 0

    def with_sequence(self, length: int | None) -> ModelSize:
        """The same, computing on sequences of that length."""
        return self if length is None else replace(self, sequence=length)

    def to_dict(self) -> dict[str, Any]:
        return {
            "parameters": self.parameters,
            "source": self.source,
            "approximate": self.about,
            "expert_parameters": self.experts or None,
            "tensors": len(self.shapes) if self.shapes is not None else None,
            "sequence_length": self.sequence,
        }


def of_number(parameters: int, experts: int = 0) -> ModelSize:
    """`experts` of them are those of experts."""
    return ModelSize(parameters, "as given", experts=experts)


def of_shapes(shapes: Mapping[str, Sequence[int]], source: str, transformer: Transformer | None = None) -> ModelSize:
    return ModelSize(sum(prod(shape) for shape in shapes.values()), source, False, shapes, transformer)


def of_config(config: Mapping[str, Any], source: str) -> ModelSize | None:
    """From a model's config.json, as transformers writes it; None where it is none of a transformer with one stack.

    Attention has four matrices, the perceptron two, or three with a gate; biases and norms are in it with what they
    usually are, a thousandth of the whole. Experts are counted, each with a perceptron of its own.
    """
    hidden = _number(config, "hidden_size", "n_embd", "d_model", "dim")
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    vocabulary = _number(config, "vocab_size")
    if not (hidden and layers and vocabulary) or config.get("is_encoder_decoder"):
        return None
    heads = _number(config, "num_attention_heads", "n_head", "n_heads") or 1
    width = _number(config, "head_dim") or hidden // heads
    key_values = 2 * width * (_number(config, "num_key_value_heads") or heads)
    inner = _number(config, "intermediate_size", "n_inner", "hidden_dim", "d_ff") or 4 * hidden
    gated = str(config.get("hidden_act", config.get("activation_function", ""))).startswith(("silu", "swiglu")) or (
        "mlp_bias" in config
    )
    experts = _number(config, "num_local_experts", "num_experts", "n_routed_experts") or 1
    expert_inner = (_number(config, "moe_intermediate_size") or inner) if experts > 1 else inner
    tied = bool(config.get("tie_word_embeddings", True))
    transformer = Transformer(layers, hidden, inner, key_values, vocabulary, gated, _drops(config), tied)
    attention = hidden * (2 * width * heads + key_values)
    made = experts * hidden * expert_inner * (3 if gated else 2)
    perceptron = made + (hidden * experts if experts > 1 else 0)
    positions = (
        0
        if "rope_theta" in config or "rope_parameters" in config
        else _number(config, "max_position_embeddings", "n_positions")
    )
    small = layers * hidden * (2 if gated else 13) + hidden
    total = layers * (attention + perceptron) + small + hidden * (vocabulary * (1 if tied else 2) + (positions or 0))
    return ModelSize(total, source, True, None, transformer, experts=layers * made if experts > 1 else 0)


def _number(config: Mapping[str, Any], *names: str) -> int:
    found = next((config[name] for name in names if isinstance(config.get(name), int)), 0)
    return int(found)


def _drops(config: Mapping[str, Any]) -> bool:
    names = ("resid_pdrop", "hidden_dropout_prob", "dropout", "hidden_dropout", "residual_dropout")
    return any(isinstance(config.get(name), float) and config[name] > 0 for name in names)


_WORDS = {"k": 3, "m": 6, "b": 9, "g": 9, "t": 12}


def number_in_words(text: str) -> int | None:
    """A number of parameters as people write it: 7e9, 7B, 1.5b, 350M, 6,738,415,616; None for anything else."""
    plain = text.strip().replace(",", "").replace("_", "").lower()
    power = _WORDS.get(plain[-1:], 0)
    try:
        number = float(plain[:-1] if power else plain) * 10**power
    except ValueError:
        return None
    return round(number) if 1 <= number < 1e18 else None
