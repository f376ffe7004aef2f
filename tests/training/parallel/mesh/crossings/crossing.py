"""A model with heads and experts, which can be shared out in two ways at once, in any number format."""

from typing import Any, ClassVar

import torch
from tests.training.parallel.labelled import settings
from tests.training.parallel.mesh import mixing
from tests.training.parallel.mesh.attending import HEADS, WIDTH, Attending, alone_with, rows
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainspec import Trainer


class Both(Attending):
    tensor_parallel_plan: ClassVar[Any] = {
        "queries": "colwise",
        "keys": "colwise",
        "values": "colwise",
        "out": "rowwise",
    }
    expert_parallel_plan: ClassVar[Any] = {"experts": "experts"}

    def __init__(self, heads: int = HEADS) -> None:
        super().__init__(causal=True)
        self.num_heads, self.head_dim = heads, WIDTH // heads
        self.enter, self.out = nn.Linear(WIDTH, mixing.WIDTH), nn.Linear(WIDTH, WIDTH)
        self.router, self.experts = nn.Linear(mixing.WIDTH, mixing.EXPERTS), mixing.Routed()
        self.leave = nn.Linear(mixing.WIDTH, WIDTH)
        self.double()

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
        x = self.words(input_ids) + self.places(position_ids)
        parts = (self.queries(x), self.keys(x), self.values(x))
        q, k, v = (part.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for part in parts)
        x = x + self.out(self.attended(q, k, v).transpose(1, 2).flatten(2))
        inner = self.enter(x)
        weights, index = torch.softmax(self.router(inner), -1).topk(2, -1)
        logits = self.head(x + self.leave(self.experts(inner, index, weights)))
        if shift_labels is None:
            logits, shift_labels = logits[:, :-1], labels[:, 1:]
        return cross_entropy(logits.flatten(0, 1).to(torch.float64), shift_labels.flatten()), logits


def trained_each(cases: list[tuple[dict[str, int], dict[str, Any]]], out: str) -> list[dict[str, Any]]:
    """One after the other in the same processes; half precision is beside weights in single."""
    return [_trained(sizes, more, out) for sizes, more in cases]


def _trained(sizes: dict[str, int], more: dict[str, Any], out: str) -> dict[str, Any]:
    model = Both().float() if more.get("bf16") or more.get("fp16") else Both()
    args = settings(output_dir=out, use_cpu=True, parallelism_config=sizes, **more)
    trainer = Trainer(model, args, train_dataset=rows(), eval_dataset=rows())
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "evaluated": trainer.evaluate()["eval_loss"],
    }


def in_one_process() -> dict[str, Any]:
    """In double precision, by torch."""
    return alone_with(Both(), rows()) | {"begun": Both().state_dict()}
