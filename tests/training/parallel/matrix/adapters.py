"""A frozen model with adapters that train: runs of a Trainer in one process and in several."""

from typing import Any

import torch
from tests.training.small_job import Rows
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer

ROWS = 16


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(12, 20), nn.Linear(20, 12)

    def forward(self, hidden: Tensor) -> Tensor:
        changed: Tensor = hidden + self.down(self.up(hidden).tanh())
        return changed


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(4, 12)
        self.layers = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(12, 1)

    def forward(self, inputs: Tensor, labels: Tensor, number: Any = None) -> dict[str, Tensor]:
        hidden = self.enter(inputs)
        for layer in self.layers:
            hidden = layer(hidden)
        logits = self.head(hidden)
        return {"loss": nn.functional.mse_loss(logits, labels), "logits": logits}


def adapted() -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(5)
    return get_peft_model(Base(), LoraConfig(r=3, target_modules=["up", "down"], init_lora_weights=False))


def trained(output: str, changes: dict[str, Any], batch: int) -> dict[str, Any]:
    """Of four updates, of all rows each: whatever number of processes shares them."""
    usual: dict[str, Any] = {
        "output_dir": output,
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "max_steps": 4,
        "logging_steps": 1,
        "disable_tqdm": True,
        "per_device_train_batch_size": batch,
        "learning_rate": 0.01,
        "weight_decay": 0.1,
    }
    model = adapted()
    begun = {name: value.detach().clone() for name, value in model.state_dict().items()}
    trainer = Trainer(model, TrainingArguments(**{**usual, **changes}), train_dataset=Rows(ROWS))
    trainer.train()
    strategy = trainer.parts.strategy
    parts = {name: here(value) for name, value in trainer.model.named_parameters() if not value.requires_grad}
    return {
        "begun": begun,
        "weights": {name: value.clone() for name, value in strategy.weights().items()},
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "frozen": sum(parts.values()),
        "stepped": sum(len(group["params"]) for group in trainer.optimizer.param_groups),
    }


def here(value: Any) -> int:
    """The elements of a parameter that this process holds."""
    local = value.to_local() if hasattr(value, "to_local") else getattr(value, "ds_tensor", value)
    return int(local.numel())
