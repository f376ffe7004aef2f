"""Documents never see the process, settings never import torch, and importing costs only what is used."""

import subprocess
import sys
from typing import Any

import pytest

from trainspec import TrainingArguments, validate

PURE = {
    "from_dict": lambda: TrainingArguments.from_dict({"output_dir": "o"}),
    "from_json": lambda: TrainingArguments.from_json('{"output_dir": "o"}'),
    "from_yaml": lambda: TrainingArguments.from_yaml("output_dir: o\n"),
    "from_toml": lambda: TrainingArguments.from_toml('output_dir = "o"\n'),
    "model_validate": lambda: TrainingArguments.model_validate({"output_dir": "o"}),
    "model_validate_json": lambda: TrainingArguments.model_validate_json('{"output_dir": "o"}'),
    "check": lambda: TrainingArguments.check({"output_dir": "o"}).settings,
    "validate": lambda: validate({"output_dir": "o"}).settings,
}


@pytest.mark.parametrize("way", PURE)
def test_a_document_does_not_see_the_environment(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "5")
    monkeypatch.setenv("TRAINSPEC_NONSENSE", "1")
    monkeypatch.setenv("TRAINSPEC_CONFIG", "/nowhere.yaml")
    assert PURE[way]().to_dict() == {"output_dir": "o"}


def test_the_constructor_does_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "5")
    assert TrainingArguments("o").seed == 5
    assert TrainingArguments("o", seed=6).seed == 6


def test_the_same_verdict_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    document: dict[str, Any] = {"bf16": True, "tf32": True, "fsdp": "full_shard", "ddp_backend": "nccl"}
    here = validate(document)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("WORLD_SIZE", "64")
    there = validate(document)
    assert here.ok and there.ok and here.diagnostics == there.diagnostics


SCRIPT = """
import sys
{code}
loaded = set(sys.modules)
unwanted = [name for name in {unwanted!r} if name in loaded]
sys.exit(f"imported: {{unwanted}}" if unwanted else 0)
"""
HEAVY = [
    "torch",
    "numpy",
    "transformers",
    "safetensors",
    "matplotlib",
    "fsspec",
    "yaml",
    "difflib",
]
IMPORTS = [
    ("package", "import trainspec", ["pydantic", *HEAVY]),
    ("arguments", "from trainspec import TrainingArguments", HEAVY),
    ("document", "from trainspec import TrainingArguments as T; T.from_dict({'bf16': True})", HEAVY),
    ("process", "from trainspec import TrainingArguments as T; T('out', fsdp='full_shard')", HEAVY),
    (
        "yaml",
        "from trainspec import TrainingArguments as T; T.from_yaml('seed: 1')",
        [name for name in HEAVY if name != "yaml"],
    ),
    (
        "no deepspeed model",
        "from trainspec import TrainingArguments as T; T('o')",
        ["trainspec.settings.sections.deepspeed"],
    ),
]


@pytest.mark.fully_installed
@pytest.mark.parametrize(("code", "unwanted"), [row[1:] for row in IMPORTS], ids=[row[0] for row in IMPORTS])
def test_only_what_is_used_is_imported(code: str, unwanted: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(code=code, unwanted=unwanted)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
