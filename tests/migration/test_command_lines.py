"""Command lines of training scripts: what starts the script and its own flags are told from settings."""

from typing import Any

import pytest

from trainspec.migration.scripts.reading import read_command_line
from trainspec.settings.diagnostics import SourceError

LINES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "flags alone": ("--fp16 --seed 7", {"fp16": True, "seed": 7}, []),
    "a script": ("python train.py --no_cuda", {"use_cpu": True}, []),
    "a launcher": ("A=1 torchrun --nproc_per_node 8 x/train.py --seed=7", {"seed": 7}, []),
    "a module": ("python -m pkg.train --seed 7", {"seed": 7}, []),
    "a launcher's module": ("python3 -m torch.distributed.run --nnodes 2 t.py --seed 7", {"seed": 7}, []),
    "lines": ("python t.py \\\n  --seed 7 \\\r\n  --bf16 true\n", {"bf16": True, "seed": 7}, []),
    "a comment": ("t.py --seed 7 # --bf16", {"seed": 7}, []),
    "the script's own flags": ("t.py --model_name_or_path a/b --seed 7", {"seed": 7}, ["model_name_or_path"]),
    "keys": (
        "--lr_scheduler_type polynomial --lr_scheduler_kwargs '{\"power\": 2.0}'",
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2.0}},
        [],
    ),
    "a list": ("--report_to wandb tensorboard", {"report_to": ["wandb", "tensorboard"]}, []),
}


@pytest.mark.parametrize(("line", "values", "others"), LINES.values(), ids=LINES)
def test_a_line(line: str, values: dict[str, Any], others: list[str]) -> None:
    found = read_command_line(line)
    assert (found.values, found.others, found.left) == (values, others, [])


def test_what_has_no_successor_is_reported() -> None:
    assert [item.code for item in read_command_line("--use_ipex --seed 7").left] == ["REN102"]
    again = read_command_line("train.py --seed 7 --own 1 --own 2 --seed 8")
    assert (again.values, [item.code for item in again.left]) == ({"seed": 8}, ["SRC117"])


def test_secrets_are_named_and_not_kept() -> None:
    found = read_command_line("--hub_token hf_x --seed 7")
    assert (found.values, found.secrets) == ({"seed": 7}, ["hub_token"])


def test_open_quotes() -> None:
    with pytest.raises(SourceError) as error:
        read_command_line("--run_name 'x")
    assert error.value.diagnostics[0].code == "SRC107"
