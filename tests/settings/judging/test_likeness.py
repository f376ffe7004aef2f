"""Which files of a repository are settings: those that point at the schema, or hold mostly names of settings."""

import pytest

from trainspec import TrainingArguments
from trainspec.settings.judging.likeness import looks_like_settings

OURS = {
    "settings": ("configs/bert-base.yaml", "learning_rate: 1e-4\nbf16: true\noutput_dir: x\n"),
    "with a slip": ("a.yaml", "learning_rate: 1e-4\nbf16: true\nlerning_rate: x\n"),
    "with old names": ("a.yaml", "evaluation_strategy: epoch\nper_gpu_train_batch_size: 8\n"),
    "that do not parse": ("a.yaml", "learning_rate: 1e-4\n  bf16: true\nseed: [\n"),
    "TOML": ("a.toml", "seed = 1\nbf16 = true\n[fsdp_config]\nversion = 2\n"),
    "JSON": ("a.json", '{"seed": 1, "bf16": true, "fsdp_config": {"version": 2}}'),
    "with a task": ("a.yaml", "seed: 1\nbf16: true\ntask:\n  width: 3\n"),
    "the line for editors": ("a.yaml", "# yaml-language-server: $schema=trainspec.schema.json\nsomething: 1\n"),
    "the key of JSON": ("a.json", '{"$schema": "./trainspec.schema.json", "something": 1}'),
    "the line of TOML": ("a.toml", "#:schema trainspec.schema.json\nsomething = 1\n"),
}
OTHERS = {
    "a workflow": ("ci.yaml", "name: ci\non: push\njobs:\n  seed:\n    bf16: true\n"),
    "a compose file": ("compose.yaml", "services:\n  train:\n    image: x\n"),
    "a project": ("pyproject.toml", '[project]\nname = "x"\n[tool.ruff]\n'),
    "a seed alone": ("a.yaml", "seed: 1\n"),
    "another trainer's": ("a.yaml", "model_name_or_path: x\ntemplate: y\ndataset: z\nseed: 1\nbf16: true\n"),
    "a model's configuration": ("config.json", '{"hidden_size": 8, "torch_dtype": "x", "use_cache": true, "seed": 1}'),
    "nothing": ("a.yaml", ""),
    "prose": ("a.yaml", "seed and bf16 are words here\n"),
}


@pytest.mark.parametrize(("name", "text"), OURS.values(), ids=OURS)
def test_ours(name: str, text: str) -> None:
    assert looks_like_settings(text, name, TrainingArguments)


@pytest.mark.parametrize(("name", "text"), OTHERS.values(), ids=OTHERS)
def test_others(name: str, text: str) -> None:
    assert not looks_like_settings(text, name, TrainingArguments)
