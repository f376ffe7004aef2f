"""What each setting about several processes does where a run has one: refused, or noted and without effect.

A run that needs them stops before it starts; nothing is done by halves.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, weights

from trainspec.training.preflight.preflight import PreflightError

REFUSED: dict[str, Any] = {
    "fsdp": {"fsdp": "full_shard"},
    "accelerator_config": {"accelerator_config": {"split_batches": True}},
    "parallelism_config": {"parallelism_config": {"dp_shard_size": 2}},
}


def _is_refused(trainer: Any, field: str, out: Path) -> None:
    with pytest.raises(PreflightError) as caught:
        trainer.train()
    found = [item for item in caught.value.diagnostics if item.code == "RUN101"]
    assert [field in item.fields for item in found] == [True]
    assert field in found[0].remedy
    assert not trainer.model.seen and not out.exists()


def test_fsdp_is_refused_in_one_process(make_trainer: Make, tmp_path: Path) -> None:
    _is_refused(make_trainer(**REFUSED["fsdp"]), "fsdp", tmp_path / "out")


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_fsdp_config_is_refused_with_fsdp(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(fsdp="full_shard auto_wrap", fsdp_config={"min_num_params": 10})
    with pytest.raises(PreflightError, match="fsdp_config"):
        trainer.train()
    assert not trainer.model.seen


def test_accelerator_config_is_refused_in_one_process(make_trainer: Make, tmp_path: Path) -> None:
    _is_refused(make_trainer(**REFUSED["accelerator_config"]), "accelerator_config", tmp_path / "out")


def test_parallelism_config_is_refused_in_one_process(make_trainer: Make, tmp_path: Path) -> None:
    _is_refused(make_trainer(**REFUSED["parallelism_config"]), "parallelism_config", tmp_path / "out")


def _is_noted_and_changes_nothing(make_trainer: Make, caplog: pytest.LogCaptureFixture, **setting: Any) -> None:
    trainer, plain = make_trainer(**setting), make_trainer()
    trainer.train()
    (field,) = setting
    assert f"{field}: no effect, because this run is a single process" in caplog.text
    plain.train()
    assert torch.equal(weights(trainer)["layer.weight"], weights(plain)["layer.weight"])
    assert caplog.text.count("single process") == 1, "and nothing is said where nothing was set"


def test_ddp_backend_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_backend="gloo")


def test_ddp_find_unused_parameters_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_find_unused_parameters=True)


def test_ddp_bucket_cap_mb_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_bucket_cap_mb=10)


def test_ddp_broadcast_buffers_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_broadcast_buffers=False)


def test_ddp_static_graph_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_static_graph=True)


def test_ddp_timeout_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, ddp_timeout=60)


def test_average_tokens_across_devices_is_noted(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    _is_noted_and_changes_nothing(make_trainer, caplog, average_tokens_across_devices=False)


def test_local_rank_chooses_the_device(arguments: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert arguments(use_cpu=False, local_rank=3).device == torch.device("cuda", 3)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert arguments(use_cpu=False).device == torch.device("cuda", 2)
    assert arguments(use_cpu=True, local_rank=3).device == torch.device("cpu")


def test_local_rank_of_a_launcher_with_several_processes_is_refused(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(PreflightError, match="RUN103"):
        make_trainer().train()
