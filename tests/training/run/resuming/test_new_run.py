"""Promise: where a checkpoint cannot go on, what is said of a new run with its weights works as it is said."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, load_model
from tests.training.small_job import Line, Make, Rows
from torch import Tensor

from trainspec import Trainer, TrainerCallback
from trainspec.settings.diagnostics.stepping_codes import NEW_RUN
from trainspec.training.preflight.preflight import PreflightError

FIRST: dict[str, Any] = {"save_strategy": "epoch", "num_train_epochs": 1, "optim": "adamw_torch"}
OTHER: dict[str, Any] = {**FIRST, "num_train_epochs": 2, "optim": "sgd"}


class Beginning(TrainerCallback):
    weights: dict[str, Tensor]

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.weights = {name: value.clone() for name, value in kwargs["model"].state_dict().items()}


def test_another_optimizer_trains_from_the_weights_of_a_checkpoint(make_trainer: Make, tmp_path: Path) -> None:
    first = make_trainer(**FIRST)
    first.train()
    with pytest.raises(PreflightError) as refused:
        make_trainer(**OTHER).train(resume_from_checkpoint=True)
    (found,) = refused.value.diagnostics
    assert found.code == "RUN241" and NEW_RUN in str(found.remedy)
    assert "safetensors.torch.load_model(model" in NEW_RUN and "CHECKPOINT/model.safetensors" in NEW_RUN
    file = Path(str(first.args.output_dir), "checkpoint-6", "model.safetensors")
    model, beginning = Line(), Beginning()
    load_model(model, file)
    elsewhere = make_trainer(**{**OTHER, "output_dir": str(tmp_path / "elsewhere")}).args
    again = Trainer(model, elsewhere, train_dataset=Rows(), callbacks=[beginning])
    again.train()
    assert again.state.global_step == 12 and list((tmp_path / "elsewhere").glob("checkpoint-12"))
    saved = load_file(file)
    assert beginning.weights.keys() == saved.keys()
    assert all(torch.equal(beginning.weights[name], saved[name]) for name in saved)
