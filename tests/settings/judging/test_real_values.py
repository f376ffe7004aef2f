"""Odd but valid values that public configurations hold: taken with the meaning that they have, or with a word on it."""

from __future__ import annotations

from typing import Any

import pytest

from trainspec import TrainingArguments

# What a line of YAML says, what is read through the attribute, and the codes of what is told of it.
TAKEN: list[tuple[str, dict[str, Any], list[str]]] = [
    ("learning_rate: 1e-4", {"learning_rate": 1e-4}, []),
    ("learning_rate: 2.e-5", {"learning_rate": 2e-5}, []),
    ("learning_rate: 5.0E-05", {"learning_rate": 5e-5}, []),
    ("max_grad_norm: 1", {"max_grad_norm": 1.0}, []),
    ("weight_decay: 0.", {"weight_decay": 0.0}, []),
    ("evaluation_strategy: no", {"eval_strategy": "no"}, ["REN101"]),
    ("evaluate_during_training: true\neval_steps: 5", {"eval_strategy": "steps"}, ["REN101"]),
    ("save_steps: 1e3", {"save_steps": 1000}, []),
    ("logging_steps: 1.0", {"logging_steps": 1}, []),
    ("logging_steps: 0.1", {"logging_steps": 0.1}, []),
    ("eval_strategy: steps\neval_steps: 500.0", {"eval_steps": 500}, []),
    ("eval_strategy: steps\neval_steps: 0\nlogging_steps: 20", {"eval_steps": 20}, ["EVL402"]),
    ("eval_strategy: steps\neval_steps: null\nlogging_steps: 20", {"eval_steps": 20}, []),
    ("save_strategy: no\nsave_steps: 0", {"save_strategy": "no"}, ["CKP301"]),
    ("warmup_steps: 0.1", {"warmup_ratio": 0.1}, ["REN106"]),
    ("warmup_steps: 100.0", {"warmup_steps": 100}, []),
    ("num_train_epochs: 0.5", {"num_train_epochs": 0.5}, []),
    ("seed: 42.0", {"seed": 42}, []),
    ("output_dir: null", {"output_dir": "trainer_output"}, ["REN104"]),
    ("output_dir: ''", {"output_dir": "."}, ["REN104"]),
    ("run_name: ~", {"run_name": "trainer_output"}, []),
    ("report_to: [none]", {"report_to": []}, []),
    ("report_to: []", {"report_to": []}, []),
    ("report_to: null", {"report_to": ["all"]}, ["REN104"]),
    ("report_to: wandb", {"report_to": ["wandb"]}, []),
    ("report_to: [azure-ml, wandb]", {"report_to": ["azure_ml", "wandb"]}, ["REN104"]),
    ("log_level: detail", {"log_level": "debug"}, ["REN104"]),
    ("logging_dir: ./logs\nreport_to: tensorboard", {"logging_dir": "./logs"}, []),
    ("lr_scheduler_type: cosine_with_restarts", {"lr_scheduler_type": "cosine_with_restarts"}, []),
    ("lr_scheduler_type: cosine\nlr_scheduler_kwargs: {}", {"lr_scheduler_kwargs": {}}, []),
    (
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: '{\"min_lr\": 1e-6}'",
        {"lr_scheduler_kwargs": {"min_lr": 1e-6}},
        [],
    ),
    ("optim: adamw_hf", {"optim": "adamw_torch"}, ["REN104"]),
    ("optim: sgd\noptim_args: '{\"momentum\": 0.9}'", {"optim_args": {"momentum": 0.9}}, []),
    ("fsdp: ''", {"fsdp": []}, []),
    ("fsdp: full_shard auto_wrap", {"fsdp": ["full_shard", "auto_wrap"]}, []),
    ("deepspeed: configs/zero3.json", {"deepspeed": "configs/zero3.json"}, ["VAL204"]),
    ("debug: ''", {"debug": []}, []),
    ("resume_from_checkpoint: true", {"resume_from_checkpoint": True}, []),
    ("resume_from_checkpoint: 'True'", {"resume_from_checkpoint": "True"}, ["VAL202"]),
    ("no_cuda: false", {"use_cpu": False}, ["REN101"]),
    ("fp16: !!bool true", {"fp16": True}, []),
    ("gradient_checkpointing: null", {"gradient_checkpointing": False}, ["REN104"]),
    ("push_to_hub: true\npush_to_hub_organization: team", {"hub_model_id": "team/trainer_output"}, ["REN101"]),
    ("push_to_hub: true\noutput_dir: runs/bert", {"hub_model_id": "bert"}, []),
    ("hub_token: <HUB_TOKEN>", {"hub_token": None}, []),
    ("ddp_timeout: 180000000", {"ddp_timeout": 180000000}, []),
    ("local_rank: -1", {"local_rank": -1}, []),
    ("output_dir: ${oc.env:OUT}/x", {"output_dir": "${oc.env:OUT}/x"}, ["VAL201"]),
    ("output_dir: runs/$SLURM_JOB_ID", {"output_dir": "runs/$SLURM_JOB_ID"}, ["VAL201"]),
    ("run_name: None", {"run_name": "None"}, ["VAL202"]),
    ("run_name: '\"first\"'", {"run_name": '"first"'}, ["VAL203"]),
    ("torch_compile_backend: inducter", {"torch_compile": True}, ["PRF402"]),
]
# What documents are strict about is refused with what to write in its place.
REFUSED = {
    "learning_rate: '1e-4'": "write it without quotes",
    'bf16: "true"': "write it without quotes",
    "bf16: yes": "write true",
    "fp16: off": "write false",
    "tf32: 1": "",
    "do_train: 1": "write true",
    "report_to: tensorboard,wandb": "write it as a list: [tensorboard, wandb]",
    "eval_strategy: false": 'write "no" in quotes',
    "logging_steps: 1.5": "",
    "lr_scheduler_kwargs: num_cycles=3": 'write JSON, with double quotes: {"num_cycles": 3}',
}


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize(("text", "read", "codes"), TAKEN, ids=[row[0] for row in TAKEN])
def test_it_is_taken_with_its_meaning(text: str, read: dict[str, Any], codes: list[str]) -> None:
    args = TrainingArguments.from_yaml(text)
    assert {name: getattr(args, name) for name in read} == read
    assert [item.code for item in args.origin.found if item.code in codes or item.code[:3] in ("VAL", "REN")] == codes


@pytest.mark.parametrize(("text", "remedy"), REFUSED.items(), ids=REFUSED)
def test_it_is_refused_with_what_to_write(text: str, remedy: str) -> None:
    from trainspec.settings.sources.files import parse_document

    (fault,) = TrainingArguments.check(parse_document(text, "yaml", "run.yaml").values).errors
    assert fault.remedy == remedy or (not remedy and fault.message)


# The constructor is given what people's own loaders read, PyYAML's words of 1.1 among them.
LOADED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a number that PyYAML reads as text": ({"learning_rate": "1e-4"}, {"learning_rate": 1e-4}),
    "a switch as text": ({"bf16": "true", "do_train": "False"}, {"bf16": True, "do_train": False}),
    "a count as text": ({"logging_steps": "1e1", "max_steps": "100"}, {"logging_steps": 10, "max_steps": 100}),
    "a division": ({"save_steps": 64 / 8}, {"save_steps": 8}),
}


@pytest.mark.parametrize(("said", "read"), LOADED.values(), ids=LOADED)
def test_the_constructor_takes_what_loaders_read(said: dict[str, Any], read: dict[str, Any]) -> None:
    args = TrainingArguments(**said)
    assert {name: getattr(args, name) for name in read} == read
