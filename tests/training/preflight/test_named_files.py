"""A file that a setting names is needed by a run, whatever a judgement elsewhere said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainspec import TrainingArguments
from trainspec.training.preflight.preflight import Job, examine, look_around

pytestmark = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")


@pytest.mark.parametrize("name", ["deepspeed", "fsdp_config", "accelerator_config"])
def test_a_missing_file_stops_a_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = TrainingArguments(str(tmp_path / "o"), **{name: "x.json", "fsdp": "full_shard" if "fsdp" in name else []})

    def found() -> list[tuple[str, str]]:
        everything = examine(
            args, look_around(torch.device("cpu")), Job(torch.nn.Linear(1, 1), None, None, None), trains=False
        )
        return [(item.code, item.severity) for item in everything if name in item.fields and item.code == "VAL204"]

    assert found() == [("VAL204", "error")]
    Path("x.json").write_text("{}")
    assert found() == []
