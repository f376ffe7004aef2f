"""Promise: a model that was compiled, in whole or in part, or wrapped for several devices is saved and resumed under
the names that its author gave, so that every one of these forms goes on from every other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.small_job import Make, Rows
from torch import Tensor, nn

from trainspec.training.checkpoint.model_files import WeightsMismatchError, model_artifacts, restore_model
from trainspec.training.model.names import bare, plain_state
from trainspec.training.trainer import Trainer


class Two(nn.Module):
    """Two layers, the second also under another name."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.inner = nn.Sequential(nn.Linear(4, 4, dtype=torch.float64), nn.Tanh())
        self.outer = nn.Linear(4, 1, dtype=torch.float64)
        self.tied = self.outer

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        output = self.outer(self.inner(inputs))
        return {"logits": output} if labels is None else {"loss": nn.functional.mse_loss(output, labels)}


def _compiled(module: nn.Module) -> Any:
    return torch.compile(module, backend="eager")


def _in_part() -> nn.Module:
    model = Two()
    model.inner = _compiled(model.inner)
    return model


def _in_depth() -> nn.Module:
    model = Two()
    model.inner[0] = _compiled(model.inner[0])
    model.inner = nn.DataParallel(model.inner)  # type: ignore[assignment]
    return model


FORMS: dict[str, Callable[[], nn.Module]] = {
    "plain": Two,
    "compiled": lambda: _compiled(Two()),
    "a part is compiled": _in_part,
    "data parallel": lambda: nn.DataParallel(Two()),
    "compiled data parallel": lambda: _compiled(nn.DataParallel(_in_part())),
    "in depth": _in_depth,
}
NAMES = {"inner.0.weight", "inner.0.bias", "outer.weight", "outer.bias"}
RUN: dict[str, Any] = {"save_strategy": "steps", "save_steps": 3, "remove_unused_columns": True, "max_steps": 6}


def _trainer(make_trainer: Make, form: str, **changes: Any) -> Trainer:
    rows = {"train_dataset": Rows(24, torch.float64), "eval_dataset": Rows(8, torch.float64)}
    return make_trainer(model=FORMS[form](), **rows, **RUN, **changes)


@pytest.mark.parametrize("form", FORMS)
def test_weights_and_optimizer_have_plain_names(make_trainer: Make, tmp_path: Path, form: str) -> None:
    trainer = _trainer(make_trainer, form)
    trainer.train()
    trainer.save_model(str(tmp_path / "alone"))
    for folder in (tmp_path / "out" / "checkpoint-6", tmp_path / "alone"):
        assert set(load_file(folder / "model.safetensors")) == NAMES
    optimizer = json.loads((tmp_path / "out" / "checkpoint-6" / "optimizer.json").read_text())
    assert set(optimizer["nest"]["state"]) == NAMES


@pytest.mark.parametrize("then, now", [*((name, "plain") for name in FORMS), *(("plain", name) for name in FORMS)])
def test_every_form_goes_on_from_every_other(make_trainer: Make, tmp_path: Path, then: str, now: str) -> None:
    whole = _trainer(make_trainer, "plain", output_dir=str(tmp_path / "whole"))
    whole.train()
    _trainer(make_trainer, then).train()
    resumed = _trainer(make_trainer, now)
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3"))
    expected = plain_state(whole.model)
    assert plain_state(resumed.model).keys() == expected.keys()
    for name, value in plain_state(resumed.model).items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("form", FORMS)
def test_the_best_model_is_loaded_into_every_form(make_trainer: Make, form: str) -> None:
    best = {"eval_strategy": "steps", "eval_steps": 3, "load_best_model_at_end": True, "greater_is_better": True}
    trainer = _trainer(make_trainer, form, metric_for_best_model="loss", **best)
    trainer.train()
    assert trainer.state.best_global_step == 3
    loaded = load_file(Path(str(trainer.state.best_model_checkpoint), "model.safetensors"))
    assert all(torch.equal(plain_state(trainer.model)[name], value) for name, value in loaded.items())


@pytest.mark.parametrize("named", ["_orig_mod.{}", "module.{}", "_orig_mod.module.{}", "part"])
@pytest.mark.parametrize("form", ["plain", "compiled", "a part is compiled", "data parallel"])
def test_files_that_name_the_wrappers_are_read(tmp_path: Path, named: str, form: str) -> None:
    saved = {name: value + 1 for name, value in plain_state(Two()).items() if not name.startswith("tied")}
    names = {
        name: name.replace("inner.", "inner._orig_mod.") if named == "part" else named.format(name) for name in saved
    }
    save_file({names[name]: value for name, value in saved.items()}, tmp_path / "model.safetensors")
    model = FORMS[form]()
    restore_model(model, lambda name: (tmp_path / name).read_bytes(), ["model.safetensors"])
    assert all(torch.equal(plain_state(model)[name], value) for name, value in saved.items())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", ["shape", "missing", "unexpected"])
def test_weights_that_do_not_fit_change_nothing(tmp_path: Path, form: str, fault: str) -> None:
    saved = {name: value + 1 for name, value in plain_state(Two()).items() if not name.startswith("tied")}
    if fault == "shape":
        saved["outer.weight"] = torch.zeros(2, 4, dtype=torch.float64)
    elif fault == "missing":
        del saved["outer.weight"]
    else:
        saved["more"] = torch.zeros(1)
    save_file(saved, tmp_path / "model.safetensors")
    model = FORMS[form]()
    with pytest.raises(WeightsMismatchError) as caught:
        restore_model(model, lambda name: (tmp_path / name).read_bytes(), ["model.safetensors"])
    assert "_orig_mod" not in str(caught.value)
    fresh = plain_state(Two())
    assert all(torch.equal(value, fresh[name]) for name, value in plain_state(model).items())


def test_a_module_of_ones_own_by_these_names_stays(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 1)

    model = Own()
    assert bare(model) is model
    assert set(plain_state(model)) == {"module.weight", "module.bias"}
    (content,) = model_artifacts(model).values()
    with (tmp_path / "model.safetensors").open("wb") as file:
        content.write(file)
    other = Own()
    restore_model(other, lambda name: (tmp_path / name).read_bytes(), ["model.safetensors"])
    assert torch.equal(other.module.weight, model.module.weight)
