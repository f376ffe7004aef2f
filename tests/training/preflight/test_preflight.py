"""What keeps a run from working is found before it starts, all at once."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Make, Rows
from torch import nn

from trainspec import Trainer, TrainingArguments
from trainspec.storage import open_store
from trainspec.training.preflight.preflight import Job, Machine, PreflightError, check, examine

LAPTOP = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
OLD_GPU = Machine(torch.device("cuda"), world_size=1, bf16=False, tf32=False)


def _codes(trainer: Any, machine: Machine = LAPTOP) -> list[str]:
    job = Job(trainer.model, trainer.train_dataset, trainer.eval_dataset, trainer.compute_metrics)
    return sorted(item.code for item in examine(trainer.args, machine, job))


def _frozen() -> nn.Module:
    return Line().requires_grad_(False)


class Counting(Line):
    def get_extra_state(self) -> dict[str, int]:
        return {"seen": len(self.seen)}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.seen = [[]] * state["seen"]


def _counting() -> nn.Module:
    return Counting()


def _precise() -> nn.Module:
    model = Line()
    model.register_buffer("table", torch.ones(3, dtype=torch.complex128))
    return model


TABLE: list[Any] = [
    pytest.param({}, LAPTOP, [], id="fine"),
    pytest.param({}, Machine(torch.device("cpu"), 2, True, True), [], id="two-processes"),
    pytest.param({"bf16": True}, LAPTOP, [], id="bf16-on-a-cpu"),
    pytest.param({"bf16": True}, OLD_GPU, ["RUN104"], id="bf16-on-an-old-gpu"),
    pytest.param({"tf32": True, "use_cpu": False}, LAPTOP, [], id="tf32-without-a-gpu"),
    pytest.param({"tf32": True, "use_cpu": False}, OLD_GPU, ["RUN105"], id="tf32-on-an-old-gpu"),
    pytest.param({"fp16": True}, OLD_GPU, [], id="fp16"),
    pytest.param({"fp16": True, "model": Line(torch.float16)}, LAPTOP, ["RUN106"], id="half-weights"),
    pytest.param({"bf16": True, "model": Line(torch.bfloat16)}, LAPTOP, [], id="bfloat16-weights"),
    pytest.param({"model": _frozen()}, LAPTOP, ["RUN107"], id="nothing-to-train"),
    pytest.param({"model": _counting(), "save_strategy": "epoch"}, LAPTOP, ["RUN216"], id="state-that-is-no-tensor"),
    pytest.param(
        {"model": _counting(), "save_strategy": "epoch", "save_safetensors": False},
        LAPTOP,
        [],
        id="state-for-a-torch-file",
    ),
    pytest.param({"model": _counting(), "save_strategy": "no"}, LAPTOP, [], id="state-that-nobody-saves"),
    pytest.param(
        {"model": _precise(), "save_strategy": "epoch"}, LAPTOP, ["RUN216"], id="state-of-a-format-without-a-name"
    ),
    pytest.param({"optim": "adamw_torch_fused"}, LAPTOP, [], id="fused"),
    pytest.param({"train_dataset": None}, LAPTOP, ["RUN112"], id="no-training-data"),
    pytest.param({"train_dataset": []}, LAPTOP, ["RUN113"], id="empty-training-data"),
    pytest.param({"train_dataset": Rows(3), "dataloader_drop_last": True}, LAPTOP, ["RUN113"], id="all-rows-dropped"),
    pytest.param({"train_dataset": Rows(4), "dataloader_drop_last": True}, LAPTOP, [], id="one-batch-left"),
    pytest.param({"train_dataset": iter([1])}, LAPTOP, ["RUN113"], id="epochs-without-a-length"),
    pytest.param({"train_dataset": iter([1]), "max_steps": 2}, LAPTOP, [], id="steps-without-a-length"),
    pytest.param({"eval_strategy": "epoch", "eval_dataset": None}, LAPTOP, ["RUN114"], id="no-evaluation-data"),
    pytest.param({"eval_on_start": True, "eval_dataset": []}, LAPTOP, ["RUN114"], id="empty-evaluation-data"),
    pytest.param(
        {"batch_eval_metrics": True, "compute_metrics": lambda prediction: {}},
        LAPTOP,
        ["RUN115"],
        id="metrics-not-by-batch",
    ),
    pytest.param(
        {"batch_eval_metrics": True, "compute_metrics": lambda prediction, compute_result: {}},
        LAPTOP,
        [],
        id="metrics-by-batch",
    ),
    pytest.param(
        {"train_dataset": [], "eval_strategy": "epoch", "eval_dataset": None, "neftune_noise_alpha": 1.0},
        Machine(torch.device("cpu"), 4, True, True),
        ["RUN113", "RUN114", "RUN163"],
        id="all-at-once",
    ),
]


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("given, machine, expected", TABLE)
def test_findings(make_trainer: Make, given: dict[str, Any], machine: Machine, expected: list[str]) -> None:
    assert _codes(make_trainer(**given), machine) == expected


def test_optim_fused_on_a_device_without_it_is_refused(make_trainer: Make) -> None:
    trainer = make_trainer(optim="adamw_torch_fused")
    trainer.model = Line().to("meta")
    assert _codes(trainer) == ["RUN108"]


def test_output_dir_below_a_file_is_refused(make_trainer: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (item,) = make_trainer(output_dir=str(tmp_path / "file" / "run")).preflight()
    assert item.code == "RUN117" and "is a file" in item.reason


def test_output_dir_at_a_store_nobody_knows_is_refused(make_trainer: Make) -> None:
    (item,) = make_trainer(output_dir="nosuch://bucket/run").preflight()
    assert item.code == "RUN117"


def _refused_in_memory() -> str:
    args = TrainingArguments("memory://run", save_strategy="steps", use_cpu=True, report_to="none")
    with pytest.raises(PreflightError) as caught:
        Trainer(Line(), args, train_dataset=Rows()).train()
    return str(caught.value)


def test_output_dir_in_the_memory_of_one_of_several_is_refused() -> None:
    for said in run_in(2, _refused_in_memory):
        assert "RUN117" in said and "memory:// is each process's own, and a checkpoint is of all 2" in said


def _saves_its_model_in_memory() -> list[str]:
    how = {"save_strategy": "steps", "save_only_model": True, "max_steps": 2}
    args = TrainingArguments("memory://run", use_cpu=True, report_to="none", **how)
    Trainer(Line(), args, train_dataset=Rows()).train()
    return open_store("memory://run").folders()


def test_a_model_alone_is_of_one_process_in_memory_too() -> None:
    assert run_in(2, _saves_its_model_in_memory) == [["checkpoint-2"], []]


def test_half_of_what_a_launcher_says_is_refused(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(PreflightError, match="RUN250"):
        make_trainer().train()


def test_the_error_tells_all_and_where_each_value_came_from(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSPEC_NEFTUNE_NOISE_ALPHA", "5")
    with pytest.raises(PreflightError) as caught:
        make_trainer(eval_on_start=True, eval_dataset=[]).train()
    text = str(caught.value)
    assert len(caught.value.diagnostics) == 2
    assert "TRAINSPEC_NEFTUNE_NOISE_ALPHA (environment)" in text and "constructor" in text


def test_warnings_alone_stop_nothing(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    trainer = make_trainer(accelerator_config={"use_seedable_sampler": False})
    warnings = [item for item in trainer.preflight() if item.severity == "warning"]
    check(warnings)
    assert len(warnings) == 1 and warnings[0].message in caplog.text
