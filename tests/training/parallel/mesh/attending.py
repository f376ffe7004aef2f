"""Models that attend by torch's function, trained by processes with parts of rows, and by a bare loop in one."""

from typing import Any

import torch
from tests.training.parallel.labelled import CLIP, RATE, settings
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from trainspec import Trainer
from trainspec.training.parallel.fsdp.pieces import local_of

WORDS, HEADS, WIDTH, LENGTH, COUNT = 7, 4, 16, 11, 6
IGNORED = -100
Sizes = dict[str, int]


class Attending(nn.Module):
    """Attends by torch's function, taken by its name; keys and values may have fewer heads than queries."""

    def __init__(self, *, causal: bool, kept: int = HEADS, shifts: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.causal, self.kept, self.shifts_labels = causal, kept, shifts
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(16, WIDTH)
        self.queries, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WORDS)
        self.keys, self.values = (nn.Linear(WIDTH, kept * WIDTH // HEADS) for _ in range(2))
        self.double()
        self.lengths: set[int] = set()

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return scaled_dot_product_attention(q, k, v, is_causal=self.causal, enable_gqa=self.kept != HEADS)

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        position_ids: Any = None,
        shift_labels: Any = None,
        attention_mask: Any = None,
    ) -> Any:
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1])[None]
        if self.training and torch.is_grad_enabled():
            self.lengths.add(input_ids.shape[1])
        x = self.words(input_ids) + self.places(position_ids)
        parts = (self.queries(x), self.keys(x), self.values(x))
        q, k, v = (part.unflatten(-1, (-1, WIDTH // HEADS)).transpose(1, 2) for part in parts)
        logits = self.head(x + self.attended(q, k, v).transpose(1, 2).flatten(2))
        if self.shifts_labels and shift_labels is None:
            logits, shift_labels = logits[:, :-1], labels[:, 1:]
        wanted = labels if shift_labels is None else shift_labels
        return cross_entropy(logits.flatten(0, 1), wanted.flatten()), logits


class ByHand(Attending):
    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.transpose(-1, -2)).softmax(-1) @ v


class Masked(Attending):
    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
        return scaled_dot_product_attention(q, k, v, attn_mask=seen)


def double_loss(logits: Tensor, labels: Any, vocab_size: int, shift_labels: Any = None, **_: Any) -> Tensor:
    """That of transformers for causal models, which is in single precision there."""
    if shift_labels is None:
        shift_labels = nn.functional.pad(labels, (0, 1), value=IGNORED)[:, 1:]
    return cross_entropy(logits.flatten(0, 1), shift_labels.flatten())


def of_transformers(kind: str) -> nn.Module:
    import transformers

    torch.manual_seed(0)
    if kind == "gpt2":
        config: Any = transformers.GPT2Config(
            vocab_size=WORDS, n_positions=16, n_embd=WIDTH, n_layer=2, n_head=HEADS, attn_pdrop=0.0,
            resid_pdrop=0.0, embd_pdrop=0.0, use_cache=False, attn_implementation="sdpa",
        )  # fmt: skip
        model: Any = transformers.GPT2LMHeadModel(config)
    else:
        config = transformers.LlamaConfig(
            vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=2, use_cache=False,
            num_attention_heads=HEADS, num_key_value_heads=1, attn_implementation="sdpa",
        )  # fmt: skip
        model = transformers.LlamaForCausalLM(config)
        for module in [each for each in model.modules() if type(each).__name__ == "LlamaRMSNorm"]:
            # In single precision there.
            module.forward = nn.RMSNorm(WIDTH, eps=module.variance_epsilon).double().forward
    model.loss_function = double_loss
    model.generation_config.pad_token_id = 0
    return model.double()  # type: ignore[no-any-return]


MODELS: dict[str, Any] = {
    "causal": lambda: Attending(causal=True),
    "two heads of keys": lambda: Attending(causal=True, kept=2),
    "one head of keys": lambda: Attending(causal=True, kept=1),
    "both ways": lambda: Attending(causal=False, shifts=False),
    "gpt2": lambda: of_transformers("gpt2"),
    "llama": lambda: of_transformers("llama"),
    "by hand": lambda: ByHand(causal=False),
    "masked": lambda: Masked(causal=True),
}


def rows(length: int = LENGTH, *, filled: bool = False) -> list[dict[str, Tensor]]:
    """Of the third, the first process has no label that counts; of the fourth, nobody has. The fifth is a short one."""
    generator = torch.Generator().manual_seed(5)
    tokens, labels = (torch.randint(1, WORDS, (COUNT, length), generator=generator) for _ in range(2))
    labels[2, : length // 2 + 1] = labels[3] = labels[4, 5:] = IGNORED
    mask = torch.ones(COUNT, length, dtype=torch.long)
    mask[4, 5:] = 0
    masks = [{"attention_mask": each} if filled else {} for each in mask]
    return [{"input_ids": tokens[place], "labels": labels[place], **masks[place]} for place in range(COUNT)]


def trained(sizes: Sizes, name: str, more: dict[str, Any], out: str, data: dict[str, Any]) -> dict[str, Any]:
    model = MODELS[name]()
    args = settings(output_dir=out, use_cpu=True, parallelism_config=sizes, **more)
    trainer = Trainer(model, args, train_dataset=rows(**data), eval_dataset=rows(**data))
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "lengths": getattr(model, "lengths", None),
        "held": sum(local_of(value).numel() for value in model.parameters()),
        "evaluated": trainer.evaluate()["eval_loss"],
        "random": trainer.parts.strategy.random_rank,
    }


def alone(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return alone_with(MODELS[name](), rows(**data))


def alone_with(model: nn.Module, every: list[dict[str, Tensor]]) -> dict[str, Any]:
    """By torch, two rows an update."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses, norms = [], []
    for update in range(3):
        batch = {key: torch.stack([row[key] for row in every[2 * update : 2 * update + 2]]) for key in every[0]}
        loss = loss_of(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    every_row = {key: torch.stack([row[key] for row in every]) for key in every[0]}
    evaluated = loss_of(model.eval(), every_row).item()
    return {"weights": model.state_dict(), "losses": losses, "norms": norms, "evaluated": evaluated}


def loss_of(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    found: Tensor = model(**batch)[0]
    return found
