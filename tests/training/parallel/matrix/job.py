"""One small run of the Trainer under any strategy, number format, optimizer and accumulation, and what came of it."""

from typing import Any, NamedTuple

import torch
from tests.training.parallel.mesh.models import IGNORED, LENGTH, VOCABULARY, Language
from torch import Tensor
from torch.nn import functional

from trainspec import Trainer, TrainingArguments
from trainspec.training.parallel.deepspeed_engine import needs
from trainspec.training.preflight.preflight import PreflightError

# The rows of an update, whatever deals them out; the last of three has half of them.
WINDOW, COUNT = 12, 30


class Way(NamedTuple):
    """Settings, so many processes, and how many rows of a window each of them reads."""

    processes: int
    share: int
    changes: dict[str, Any]


def _zero(stage: int) -> Way:
    return Way(2, WINDOW // 2, {"deepspeed": {"zero_optimization": {"stage": stage}}})


def _mesh(processes: int, shares: int, **sizes: int) -> Way:
    return Way(processes, WINDOW // shares, {"parallelism_config": sizes})


STRATEGIES = {
    "ddp": Way(2, WINDOW // 2, {}),
    **{
        name: Way(2, WINDOW // 2, {"fsdp": f"{name} auto_wrap"}) for name in ("full_shard", "shard_grad_op", "no_shard")
    },
    "hybrid_shard": Way(
        4,
        WINDOW // 4,
        {"fsdp": "hybrid_shard auto_wrap", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}},
    ),
    **{f"zero {stage}": _zero(stage) for stage in range(4)},
    "layers": _mesh(2, 1, tp_size=2),
    "layers and copies": _mesh(4, 2, tp_size=2, dp_replicate_size=2),
    "layers and shards": _mesh(4, 2, tp_size=2, dp_shard_size=2),
}


class Labelled(Language):
    def forward(self, tokens: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        scores = super().forward(tokens)
        return functional.cross_entropy(scores.flatten(0, 1).float(), labels.flatten()), scores


def made() -> Labelled:
    torch.manual_seed(5)
    return Labelled()


def rows() -> list[dict[str, Tensor]]:
    """With labels in unequal number; every seventh row has none that counts."""
    generator = torch.Generator().manual_seed(3)
    found = []
    for number in range(COUNT):
        tokens, labels = torch.randint(VOCABULARY, (2, LENGTH), generator=generator)
        count = 0 if number % 7 == 0 else 1 + number % LENGTH
        found.append({"tokens": tokens, "labels": labels.masked_fill(torch.arange(LENGTH) >= count, IGNORED)})
    return found


def settings(out: str, share: int, accumulation: int, changes: dict[str, Any]) -> TrainingArguments:
    usual: dict[str, Any] = {
        "output_dir": out,
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        "max_steps": 3,
        "learning_rate": 0.01,
        "lr_scheduler_type": "constant",
        "train_sampling_strategy": "sequential",
        "per_device_train_batch_size": share // accumulation,
        "gradient_accumulation_steps": accumulation,
    }
    return TrainingArguments(**usual | changes)


def run(out: str, share: int, accumulation: int, changes: dict[str, Any]) -> dict[str, Any]:
    """`weights`, as they are on the main process, and the `losses` and `norms` of the log; or the codes of what is
    `refused`.
    """
    trainer = Trainer(made(), settings(out, share, accumulation, changes), train_dataset=rows())
    try:
        trainer.train()
    except PreflightError as error:
        return {"refused": sorted({item.code for item in error.diagnostics if item.severity == "error"})}
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
    }


def several(out: str, share: int, runs: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """One after the other in the same processes: of accumulation and settings."""
    if any("deepspeed" in changes for _, changes in runs):
        from tests.training.parallel.deepspeed_engine.ranks import with_float16

        with_float16()
        needs._cpu_has_float16 = lambda: True
    return [run(out, share, accumulation, changes) for accumulation, changes in runs]


def far(found: dict[str, Tensor], wanted: dict[str, Tensor], rounded: float = 0.0) -> float:
    """How far apart they ended, as a part of the way that training went; `rounded` is what weights may have been off
    when it began, as a part of each.

    The bias of keys has no gradient but rounding, which some optimizers blow up.
    """
    begun = made().state_dict()
    names = [name for name in wanted if not name.endswith(".k.bias")]
    apart, way = (
        torch.cat([(one[name].float() - wanted[name].float()).flatten() for name in names]).norm()
        for one in (found, begun)
    )
    allowed = rounded * torch.cat([begun[name].flatten() for name in names]).norm()
    return float((apart - allowed).clamp(min=0) / way)
