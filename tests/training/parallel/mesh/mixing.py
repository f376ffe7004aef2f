"""Models with stacked experts, trained by processes with some of them each, and by a bare loop in one."""

from typing import Any, ClassVar

import torch
from tests.training.parallel.labelled import CLIP, RATE, settings
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.functional import cross_entropy, softmax

from trainspec import Trainer

WORDS, WIDTH, INNER, EXPERTS, LENGTH, COUNT = 7, 8, 6, 4, 5, 8
IGNORED = -100


class Dense(nn.Module):
    """Every expert sees every token; weights are of shape (..., experts), with zeros where a token is not routed."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.randn(EXPERTS, WIDTH, INNER) / 3)
        self.down = nn.Parameter(torch.randn(EXPERTS, INNER, WIDTH) / 3)
        self.bias = nn.Parameter(torch.zeros(EXPERTS))

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        found = torch.einsum("btw,ewi,eio->bteo", x, self.up, self.down).tanh() + self.bias[:, None]
        return (found * weights[..., None]).sum(-2)


class Routed(nn.Module):
    """An expert sees the tokens that are routed to it. An index that is `num_experts` is that of no expert."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_experts, self.dropout = EXPERTS, dropout
        self.up = nn.Parameter(torch.randn(EXPERTS, WIDTH, INNER) / 3)
        self.down = nn.Parameter(torch.randn(EXPERTS, INNER, WIDTH) / 3)

    def forward(self, x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        found = torch.zeros_like(x)
        for expert in range(self.num_experts):
            *places, slot = torch.where(index == expert)
            if not len(slot):
                continue
            inner = nn.functional.dropout(x[*places] @ self.up[expert], self.dropout, self.training)
            made = inner.tanh() @ self.down[expert] * weights[*places, slot][:, None]
            found = found.index_put(tuple(places), made.to(found), accumulate=True)
        return found


class Expert(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)
        self.gain, self.dropout = nn.Parameter(torch.tensor(1.5)), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.down(self.dropout(self.up(x)).tanh()) * self.gain
        return mixed


class Several(nn.ModuleList):
    """As transformers had it at last before it stacked them: a list that routes."""

    def __init__(self) -> None:
        super().__init__(Expert() for _ in range(EXPERTS))

    def forward(self, x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        found = torch.zeros_like(x)
        for expert in index.unique().tolist():
            *places, slot = torch.where(index == expert)
            made = self[expert](x[*places]) * weights[*places, slot][:, None]
            found = found.index_put(tuple(places), made, accumulate=True)
        return found


class Sparse(nn.Module):
    """As transformers had it before: the block routes and calls every expert, also one that gets no token; and here it
    has a shared expert, and gives scores away.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate, self.shared = nn.Linear(WIDTH, EXPERTS), Expert()
        self.experts = nn.ModuleList(Expert(dropout) for _ in range(EXPERTS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        tokens, scores = x.view(-1, WIDTH), self.gate(x)
        weights, index = softmax(scores.view(-1, EXPERTS), -1).topk(2, -1)
        found = torch.zeros_like(tokens)
        mask = nn.functional.one_hot(index, EXPERTS).permute(2, 1, 0)
        for number, expert in enumerate(self.experts):
            slot, places = torch.where(mask[number])
            made = expert(tokens[None, places].reshape(-1, WIDTH)) * weights[places, slot, None]
            found.index_add_(0, places, made.to(x.dtype))
        return found.view(x.shape) + self.shared(x), scores


class Normed(Sparse):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found, scores = super().forward(x)
        return nn.functional.layer_norm(found, (WIDTH,)), scores


class Blocks(nn.Module):
    """Of sparse blocks, in whose scores the loss is interested too."""

    expert_parallel_plan: ClassVar[Any] = {"blocks.*.experts": "experts"}

    def __init__(self, block: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.head = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS)
        self.blocks = nn.ModuleList(block() for _ in range(2))
        self.end = nn.Dropout(0.0)
        self.double()
        self.seen: list[float] = []

    def forward(self, input_ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        x, squares = self.words(input_ids), torch.zeros((), dtype=torch.float64)
        for block in self.blocks:
            made, scores = block(x)
            x, squares = x + made, squares + scores[labels.ne(IGNORED)].square().sum() * 1e-3
        x = self.end(x)
        self.seen.append(x.sum().item())
        logits = self.head(x)
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        return (loss + squares) / labels.ne(IGNORED).sum(), logits


class Layer(nn.Module):
    def __init__(self, experts: nn.Module) -> None:
        super().__init__()
        self.router, self.experts = nn.Linear(WIDTH, EXPERTS), experts


class Mixture(nn.Module):
    expert_parallel_plan: ClassVar[Any] = {"blocks.*.experts": "experts"}

    def __init__(self, experts: Any, k: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.k = k
        self.words, self.head = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS)
        self.blocks = nn.ModuleList(Layer(experts()) for _ in range(2))
        self.end = nn.Dropout(0.0)
        self.double()
        self.seen: list[float] = []

    def forward(self, input_ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.words(input_ids)
        for block in self.blocks:
            assert isinstance(block, Layer)
            weights, index = softmax(block.router(x), -1).topk(self.k, -1)
            if isinstance(block.experts, Dense):
                x = x + block.experts(x, torch.zeros(*x.shape[:-1], EXPERTS).to(x).scatter(-1, index, weights))
            else:
                x = x + block.experts(x, index=index, weights=weights)
        x = self.end(x)
        self.seen.append(x.sum().item())
        logits = self.head(x)
        return cross_entropy(logits.flatten(0, 1), labels.flatten()), logits


def mixtral() -> nn.Module:
    import transformers
    from transformers.models.mixtral import modeling_mixtral

    torch.manual_seed(0)
    config: Any = transformers.MixtralConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, num_local_experts=EXPERTS, num_experts_per_tok=2, use_cache=False,
        attn_implementation="sdpa", experts_implementation="eager",
    )  # fmt: skip
    model: Any = transformers.MixtralForCausalLM(config)
    for module in model.modules():
        # Both are in single precision there.
        if isinstance(module, modeling_mixtral.MixtralRMSNorm):
            module.forward = nn.RMSNorm(WIDTH, eps=module.variance_epsilon).double().forward
        if isinstance(module, modeling_mixtral.MixtralTopKRouter):
            module.forward = _router(module)
    model.loss_function = _double_loss
    return model.double()  # type: ignore[no-any-return]


def _router(module: Any) -> Any:
    def forward(hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = nn.functional.linear(hidden.reshape(-1, WIDTH), module.weight)
        scores, index = softmax(logits, -1).topk(module.top_k, -1)
        return logits, scores / scores.sum(-1, keepdim=True), index

    return forward


def _double_loss(logits: Tensor, labels: Any, vocab_size: int, **_: Any) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), nn.functional.pad(labels, (0, 1), value=IGNORED)[:, 1:].flatten())


MODELS: dict[str, Any] = {
    "dense": lambda: Mixture(Dense),
    "routed": lambda: Mixture(Routed),
    "to one": lambda: Mixture(Routed, k=1),
    "dropping": lambda: Mixture(lambda: Routed(0.5)),
    "mixtral": mixtral,
    "several": lambda: Mixture(Several),
    "sparse": lambda: Blocks(Sparse),
    "sparse, dropping": lambda: Blocks(lambda: Sparse(0.5)),
    "normed": lambda: Blocks(Normed),
}


def rows() -> list[dict[str, Tensor]]:
    """Of unequal numbers of labels; one has none. The last are of one token, which goes to some of the experts only."""
    generator = torch.Generator().manual_seed(5)
    tokens, labels = (torch.randint(1, WORDS, (COUNT, LENGTH), generator=generator) for _ in range(2))
    labels[1, 2:] = labels[2] = IGNORED
    tokens[4:] = 3
    return [{"input_ids": tokens[place], "labels": labels[place]} for place in range(COUNT)]


def run(sizes: dict[str, int], name: str, more: dict[str, Any], out: str) -> dict[str, Any]:
    model = MODELS[name]()
    args = settings(output_dir=out, use_cpu=True, parallelism_config=sizes, **more)
    trainer = Trainer(model, args, train_dataset=rows(), eval_dataset=rows())
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    parts = {key: value for key, value in model.named_parameters() if ".experts." in key}
    return {
        "weights": {key: value.clone() for key, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "held": {key: value.to_local().numel() if isinstance(value, DTensor) else 0 for key, value in parts.items()},
        "seen": getattr(model, "seen", [])[: 2 * args.max_steps],
        "evaluated": trainer.evaluate()["eval_loss"],
    }


def cut_in_two(name: str, out: str) -> list[dict[str, Any]]:
    """What this process has after three updates at once, and after two and one more."""
    found = []
    for folder, last in (("whole", 3), ("cut", 2), ("cut", 3)):
        args = settings(
            output_dir=f"{out}/{folder}", use_cpu=True, parallelism_config={"ep_size": 2}, max_steps=last, save_steps=2,
            save_strategy="steps", optim="adamw_torch", per_device_train_batch_size=2,
        )  # fmt: skip
        trainer = Trainer(MODELS[name](), args, train_dataset=rows())
        trainer.train(resume_from_checkpoint="latest" if (folder, last) == ("cut", 3) else None)
        state = trainer.parts.strategy.state("sharded")
        found.append({"weights": dict(state.model), "optimizer": (state.optimizer or {})["state"]})
    return [found[0], found[2]]


def alone(name: str) -> dict[str, Any]:
    """By torch, two rows an update."""
    model, every = MODELS[name](), rows()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses, norms = [], []
    for update in range(3):
        batch = {key: torch.stack([row[key] for row in every[2 * update : 2 * update + 2]]) for key in every[0]}
        loss = model(**batch)[0]
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    evaluated = model.eval()(**{key: torch.stack([row[key] for row in every]) for key in every[0]})[0].item()
    return {"weights": model.state_dict(), "losses": losses, "norms": norms, "evaluated": evaluated}
