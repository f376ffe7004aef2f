"""Promise: the Kubernetes Job that `trainspec export` writes survives evictions, and ends like an undisturbed one."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.survival.attempts import TABLE, trial
from tests.survival.comparing import contents
from tests.survival.conftest import LONG
from tests.survival.processes import TASK, Command, killed_after, ran
from tests.survival.test_random_kills import SEED

EVICTIONS = 30 if LONG else 2
SETTINGS = """
output_dir: out
num_train_epochs: {epochs}
per_device_train_batch_size: 4
learning_rate: 1.0e-2
lr_scheduler_type: cosine
logging_steps: 5
eval_strategy: steps
eval_steps: 6
save_steps: 6
save_total_limit: 2
load_best_model_at_end: true
metric_for_best_model: accuracy
dataloader_num_workers: {workers}
report_to: jsonl
use_cpu: true
{more}
"""


def exported(folder: Path, settings: str) -> tuple[list[str], dict[str, str]]:
    """What the container of the Job runs: the words behind the image's `trainspec`, and its variables."""
    (folder / "run.yaml").write_text(settings)
    command = [sys.executable, "-m", "trainspec", "export", "run.yaml", "--to", "k8s", "--task", TASK]
    done = subprocess.run(
        [*command, "--image", "registry.example/trainspec:1"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    manifests = {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}
    (container,) = manifests["Job"]["spec"]["template"]["spec"]["containers"]
    assert "command" not in container, "the image's own is trainspec"
    variables = {one["name"]: str(one["value"]) for one in container.get("env", ()) if "value" in one}
    return container["args"], {**manifests["ConfigMap"]["data"], **variables}


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("workers", [0, 2] if LONG else [0])
@pytest.mark.parametrize(
    "more", ["", "resume_from_checkpoint: auto"] if LONG else [""], ids=["nothing", "auto"][: 1 + LONG]
)
def test_evicted_again_and_again(base: Path, workers: int, more: str) -> None:
    kind = f"the exported Job, {workers} workers" + (", auto" if more else "")
    chance = random.Random(f"{SEED} {kind}")
    settings = SETTINGS.format(epochs=16 if LONG else 2, workers=workers, more=more)
    quiet = base / f"quiet-{workers}{len(more)}"
    quiet.mkdir()
    words, variables = exported(quiet, settings)
    whole = ran(Command(words, quiet, variables))
    assert whole.code == 0, whole.said
    expected = contents(quiet / "out")
    with trial(kind, "the loop", base) as one:
        for number in range(EVICTIONS):
            one.about_to_start()
            command = Command(words, one.folder, variables, fresh=LONG and number % 6 == 5)
            seconds = chance.uniform(0, 12.0) if command.fresh else chance.uniform(0, max(1.0, whole.seconds / 4))
            if one.took(killed_after(command, seconds)):
                break
        else:
            one.about_to_start()
            one.finish(ran(Command(words, one.folder, variables)))
        one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
