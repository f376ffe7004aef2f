"""Models that are split, with their plans, and the rows that they learn: small, and in double precision."""

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import ColwiseParallel
from torch.nn import functional

VOCABULARY, WIDTH, HEADS, LENGTH, ROWS = 12, 8, 4, 6, 24
IGNORED = -100


class Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.head_dim = WIDTH // heads
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.inner_dropout = 0.0

    def forward(self, x: Tensor) -> Tensor:
        # By the size of a head, for there are fewer of them where the layers are split.
        q, k, v = (f(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for f in (self.q, self.k, self.v))
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        return self.out(functional.dropout(found, self.inner_dropout, self.training))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention(heads)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.down(functional.gelu(self.up(self.norm2(x)))))  # type: ignore[no-any-return]


class Language(nn.Module):
    """Predicts the label of every token; its embedding may be its head, too."""

    tensor_parallel_plan: ClassVar[Any] = {
        "blocks.*.attention.q": "colwise",
        "blocks.*.attention.k": "colwise",
        "blocks.*.attention.v": "colwise",
        "blocks.*.attention.out": "rowwise",
        "blocks.*.up": "colwise",
        "blocks.*.down": "rowwise",
        "norm": "sequence",
    }

    def __init__(self, *, tied: bool = False, heads: int = HEADS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block(heads) for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


class Tied(Language):
    tensor_parallel_plan: ClassVar[Any] = {
        **Language.tensor_parallel_plan,
        "embedding": "embedding_rowwise",
        "head": "colwise_gather_output",
    }

    def __init__(self) -> None:
        super().__init__(tied=True)


class SplitStream(Language):
    """What lies between attention and perceptrons is split by the sequence."""

    tensor_parallel_plan: ClassVar[Any] = {
        "embedding": "embedding_rowwise_sequence",
        "blocks.*.norm1": "sequence_parallel",
        "blocks.*.norm2": "sequence_parallel",
        "blocks.*.attention.q": "sequence_colwise",
        "blocks.*.attention.k": "sequence_colwise",
        "blocks.*.attention.v": "sequence_colwise",
        "blocks.*.attention.out": "rowwise_sequence",
        "blocks.*.up": "sequence_colwise",
        "blocks.*.down": "rowwise_sequence",
        "norm": "sequence_parallel",
        "head": "sequence_colwise_gather_output",
    }


class HeadNorms(Language):
    """Heads are normalised by weights that every process has whole, though it has some of the heads only."""

    def __init__(self) -> None:
        super().__init__()
        for block in self.blocks:
            block.attention.q = nn.Sequential(nn.Linear(WIDTH, WIDTH), _PerHead(WIDTH // HEADS))  # type: ignore[union-attr]

    def tensor_parallel_plan(self) -> dict[str, Any]:  # type: ignore[override]
        plan = {f"blocks.*.attention.{name}": "colwise" for name in ("q.0", "k", "v")}
        torchs = ColwiseParallel(output_layouts=Replicate())
        return plan | {
            "blocks.*.attention.out": "rowwise",
            "blocks.*.attention.q.1": "replicated_with_grad_allreduce",
            "head": torchs,
        }


class _PerHead(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.weight = nn.Parameter(torch.linspace(0.5, 2.0, size))
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        parts = x.unflatten(-1, (-1, self.size))
        return (functional.layer_norm(parts, (self.size,)) * self.weight).flatten(-2)


def llama(*, tied: bool = False) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        use_cache=False,
    )
    config.attn_implementation = "eager"
    return LlamaForCausalLM(config)  # type: ignore[no-any-return, no-untyped-call]


MODELS: dict[str, Any] = {
    "plain": Language,
    "tied": Tied,
    "split stream": SplitStream,
    "norms of heads": HeadNorms,
    "llama": llama,
    "tied llama": lambda: llama(tied=True),
}


def build(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return MODELS[name]().double()  # type: ignore[no-any-return]


class Batch(NamedTuple):
    tokens: Tensor
    labels: Tensor


def rows() -> Batch:
    """Of unequal numbers of labels; some have none."""
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(VOCABULARY, (3 * ROWS, LENGTH), generator=generator)
    labels = torch.randint(VOCABULARY, (3 * ROWS, LENGTH), generator=generator)
    keep = torch.randint(LENGTH + 1, (3 * ROWS, 1), generator=generator)
    return Batch(tokens, torch.where(torch.arange(LENGTH) < keep, labels, IGNORED))


def summed_loss(model: Any, batch: Batch) -> Tensor:
    found = model(batch.tokens)
    logits = found if isinstance(found, Tensor) else found.logits
    return functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum")


def items(batch: Batch) -> Tensor:
    return (batch.labels != IGNORED).sum()
