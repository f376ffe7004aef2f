"""A run goes on with an optimizer whose parameters are in other groups, its schedule too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Line, Make
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR


@pytest.mark.parametrize("groups", [1, 2])
def test_a_schedule_by_factors_goes_on_with_the_groups_of_now(make_trainer: Make, tmp_path: Path, groups: int) -> None:
    """LambdaLR, as settings make it, has a first rate for each group."""

    def trainer(groups: int, out: str, **more: Any) -> Any:
        model = Line()
        each = [[*model.parameters()]] if groups == 1 else [[value] for value in model.parameters()]
        optimizer = SGD([{"params": values} for values in each], lr=0.1)
        schedule = LambdaLR(optimizer, lambda step: 1 / (step + 1))
        said = {"save_strategy": "epoch", "num_train_epochs": 2, "output_dir": str(tmp_path / out), **more}
        return make_trainer(model=model, optimizers=(optimizer, schedule), **said)

    whole = trainer(3 - groups, "whole")
    whole.train()
    trainer(3 - groups, "cut", num_train_epochs=1).train()
    onward = trainer(groups, "cut")
    onward.train(resume_from_checkpoint=True)
    assert onward.lr_scheduler.get_last_lr() == whole.lr_scheduler.get_last_lr()[:1] * groups
    assert onward.lr_scheduler.base_lrs == [0.1] * groups
