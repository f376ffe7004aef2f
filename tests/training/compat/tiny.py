"""Models made from configurations, tokenizers of a few words and rows that can be learnt, all without a network."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

WORDS = [f"w{number}" for number in range(40)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, **_NO_DROPOUT}


def tokenizer(*, pair: bool = True) -> PreTrainedTokenizerFast:
    """Words to ids; with `pair` a row begins with [CLS] and ends with [SEP], else it ends with [SEP] alone."""
    words = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]")
    )
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    first = "[CLS] $A [SEP]" if pair else "$A [SEP]"
    marks = [("[CLS]", SPECIAL.index("[CLS]")), ("[SEP]", SPECIAL.index("[SEP]"))]
    words.post_processor = processors.TemplateProcessing(first, f"{first} $B:1 [SEP]:1", marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        eos_token="[SEP]",
        bos_token="[CLS]",
        model_max_length=64,
    )


def bert(head: Any = BertForSequenceClassification, **more: Any) -> Any:
    return _seeded(head, BertConfig(vocab_size=len(SPECIAL + WORDS), max_position_embeddings=64, **_SMALL, **more))


def gpt2(**more: Any) -> Any:
    ends = SPECIAL.index("[SEP]")
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": ends, "eos_token_id": ends}
    dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return _seeded(GPT2LMHeadModel, GPT2Config(vocab_size=len(SPECIAL + WORDS), **shape, **dropout, **more))


def t5() -> Any:
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0}
    ends = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": SPECIAL.index("[SEP]")}
    return _seeded(T5ForConditionalGeneration, T5Config(vocab_size=len(SPECIAL + WORDS), **shape, **ends))


def vit() -> Any:
    shape = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_labels": 2}
    return _seeded(ViTForImageClassification, ViTConfig(**_SMALL, **shape))


def _seeded(cls: Any, config: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return cls(config)


MODELS: dict[str, Any] = {
    "text_classification": bert,
    "masked_lm": lambda: bert(BertForMaskedLM),
    "token_classification": lambda: bert(BertForTokenClassification, num_labels=3),
    "multiple_choice": lambda: bert(BertForMultipleChoice),
    "question_answering": lambda: bert(BertForQuestionAnswering),
    "causal_lm": gpt2,
    "sequence_to_sequence": t5,
    "image_classification": vit,
}


def save_model(name: str, folder: Path) -> None:
    MODELS[name]().save_pretrained(folder)
    tokenizer(pair=name not in ("causal_lm", "sequence_to_sequence")).save_pretrained(folder)


def rows(name: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of a script's task, in which what is asked for follows from what is given."""
    draw = random.Random(f"{name} {seed}")
    return [_ROW[name](draw) for _ in range(count)]


def write_rows(name: str, count: int, seed: int, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(name, count, seed)))


def _sentence(draw: random.Random, shortest: int = 4, longest: int = 12) -> list[str]:
    return [draw.choice(WORDS) for _ in range(draw.randint(shortest, longest))]


def _even(word: str) -> bool:
    return int(word[1:]) % 2 == 0


def _classified(draw: random.Random) -> dict[str, Any]:
    words = _sentence(draw)
    return {"sentence": " ".join(words), "label": "even" if _even(words[0]) else "odd"}


def _counted(draw: random.Random) -> dict[str, Any]:
    start = draw.randrange(len(WORDS))
    return {"sentence": " ".join(WORDS[(start + step) % len(WORDS)] for step in range(draw.randint(6, 12)))}


def _tagged(draw: random.Random) -> dict[str, Any]:
    words = _sentence(draw)
    return {
        "words": words,
        "tags": [("B" if int(word[1:]) % 3 == 0 else "I") if _even(word) else "O" for word in words],
    }


def _chosen(draw: random.Random) -> dict[str, Any]:
    right, words = draw.randrange(4), _sentence(draw, 2, 4)
    endings = {f"ending{place}": words[0] if place == right else draw.choice(WORDS) for place in range(4)}
    return {"sent1": " ".join(words), **endings, "label": right}


def _answered(draw: random.Random) -> dict[str, Any]:
    context = draw.sample(WORDS, 6)
    place = draw.randrange(6)
    return {"question": context[place], "context": " ".join(context), "answer_word": place}


def _summed_up(draw: random.Random) -> dict[str, Any]:
    words = _sentence(draw)
    return {"text": " ".join(words), "summary": " ".join(words[:3])}


def _drawn(draw: random.Random) -> dict[str, Any]:
    bright = draw.randrange(2)
    return {"image": [[draw.randrange(128) + 127 * bright for _ in range(8)] for _ in range(8)], "label": bright}


_ROW: dict[str, Any] = {
    "text_classification": _classified,
    "masked_lm": _counted,
    "causal_lm": _counted,
    "token_classification": _tagged,
    "multiple_choice": _chosen,
    "question_answering": _answered,
    "sequence_to_sequence": _summed_up,
    "image_classification": _drawn,
}
