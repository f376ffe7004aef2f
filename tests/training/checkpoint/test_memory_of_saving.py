"""Promise: saving takes no memory to speak of, however large the model and its optimizer's state are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# One update of a model of 48 MB, whose AdamW holds twice as much; prints by how much the save raised the peak.
PROGRAM = """
import json, sys
from pathlib import Path
import torch
from torch import nn
from trainspec import TrainingArguments
from trainspec.training.run.saving.keeper import CheckpointKeeper
from trainspec.training.trainer import Trainer

def peak_and_now():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return [int(lines[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS")]

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(int(sys.argv[2]) * 1024, 256)

    def forward(self, inputs, labels=None):
        return {"loss": self.table(inputs).square().mean()}

real, raised = CheckpointKeeper.save, []

def save(self, *args, **kwargs):
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_and_now()[1]
    checkpoint = real(self, *args, **kwargs)
    raised.append(peak_and_now()[0] - before)
    return checkpoint

CheckpointKeeper.save = save
args = TrainingArguments(
    output_dir=sys.argv[1], max_steps=1, save_steps=1, report_to="none", use_cpu=True, disable_tqdm=True,
    save_safetensors=sys.argv[3] == "safe",
)
rows = [{"inputs": torch.tensor([index]), "labels": torch.tensor([0])} for index in range(8)]
Trainer(Wide(), args, train_dataset=rows).train()
sizes = [path.stat().st_size for path in Path(sys.argv[1]).rglob("*") if path.is_file()]
print(json.dumps({"raised": raised, "written": sum(sizes) / 2**20}))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak of a moment")
@pytest.mark.parametrize("form", ["safe", "torch"])
def test_the_peak_does_not_rise_with_the_model(tmp_path: Path, form: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), "48", form]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["written"] > 3 * 48
    (raised,) = measured["raised"]
    assert raised < 20
