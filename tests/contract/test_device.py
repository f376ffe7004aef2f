"""Where a run computes."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make
from torch import Tensor

from trainspec import SettingsWarning
from trainspec.training.preflight.preflight import PreflightError


class Placed(Line):
    def forward(self, inputs: Tensor, *rest: Any, **kwargs: Any) -> dict[str, Tensor]:
        self.where = {inputs.device.type, self.layer.weight.device.type}
        return super().forward(inputs, *rest, **kwargs)


@pytest.mark.parametrize("wanted", [True, False])
def test_use_cpu_computes_there_although_an_accelerator_is_there(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    # An accelerator that is there by name alone; nothing can be moved to it.
    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_available", lambda: True)
        if not wanted:
            with pytest.raises((RuntimeError, AssertionError), match="CUDA"):
                make_trainer(model=Placed(), use_cpu=False)
            return
        trainer = make_trainer(model=Placed(), use_cpu=True)
    trainer.train()
    assert trainer.model.where == {"cpu"}


def test_use_mps_device_is_accepted_and_changes_nothing(make_trainer: Make) -> None:
    with pytest.warns(SettingsWarning, match="use_mps_device"):
        trainer = make_trainer(model=Placed(), use_mps_device=True, use_cpu=False)
    plain = make_trainer(model=Placed(), use_cpu=False)
    assert trainer.parts.device == plain.parts.device
    trainer.train()
    plain.train()
    assert trainer.model.where == plain.model.where
    assert torch.equal(trainer.model.layer.weight, plain.model.layer.weight)


def test_tpu_num_cores_without_torch_xla_is_refused(make_trainer: Make) -> None:
    trainer = make_trainer(tpu_num_cores=8, use_cpu=False)
    with pytest.raises(PreflightError, match="RUN168") as caught:
        trainer.train()
    assert "torch_xla is not installed" in str(caught.value) and trainer.state.global_step == 0
