"""A whole dump of another year's TrainingArguments, pasted as it is, is accepted and means what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.settings.sources.renames import REMOVED, RENAMED

# As `TrainingArguments("out").to_dict()` of transformers 4.57 wrote it.
DUMP_4_57: dict[str, Any] = json.loads("""{
  "output_dir": "out", "overwrite_output_dir": false, "do_train": false, "do_eval": false, "do_predict": false,
  "eval_strategy": "no", "prediction_loss_only": false, "per_device_train_batch_size": 8,
  "per_device_eval_batch_size": 8, "per_gpu_train_batch_size": null, "per_gpu_eval_batch_size": null,
  "gradient_accumulation_steps": 1, "eval_accumulation_steps": null, "eval_delay": 0, "torch_empty_cache_steps": null,
  "learning_rate": 5e-05, "weight_decay": 0.0, "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08,
  "max_grad_norm": 1.0, "num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear",
  "lr_scheduler_kwargs": {}, "warmup_ratio": 0.0, "warmup_steps": 0, "log_level": "passive",
  "log_level_replica": "warning", "log_on_each_node": true, "logging_dir": "out/runs/Oct17_12-00-00_host",
  "logging_strategy": "steps", "logging_first_step": false, "logging_steps": 500, "logging_nan_inf_filter": true,
  "save_strategy": "steps", "save_steps": 500, "save_total_limit": null, "save_safetensors": true,
  "save_on_each_node": false, "save_only_model": false, "restore_callback_states_from_checkpoint": false,
  "no_cuda": false, "use_cpu": false, "use_mps_device": false, "seed": 42, "data_seed": null, "jit_mode_eval": false,
  "bf16": false, "fp16": false, "fp16_opt_level": "O1", "half_precision_backend": "auto", "bf16_full_eval": false,
  "fp16_full_eval": false, "tf32": null, "local_rank": 0, "ddp_backend": null, "tpu_num_cores": null,
  "tpu_metrics_debug": false, "debug": [], "dataloader_drop_last": false, "eval_steps": null,
  "dataloader_num_workers": 0, "dataloader_prefetch_factor": null, "past_index": -1, "run_name": null,
  "disable_tqdm": false, "remove_unused_columns": true, "label_names": null, "load_best_model_at_end": false,
  "metric_for_best_model": null, "greater_is_better": null, "ignore_data_skip": false, "fsdp": [],
  "fsdp_min_num_params": 0,
  "fsdp_config": {"min_num_params": 0, "xla": false, "xla_fsdp_v2": false, "xla_fsdp_grad_ckpt": false},
  "fsdp_transformer_layer_cls_to_wrap": null,
  "accelerator_config": {"split_batches": false, "dispatch_batches": null, "even_batches": true,
    "use_seedable_sampler": true, "non_blocking": false, "gradient_accumulation_kwargs": null},
  "parallelism_config": null, "deepspeed": null, "label_smoothing_factor": 0.0, "optim": "adamw_torch_fused",
  "optim_args": null, "adafactor": false, "group_by_length": false, "length_column_name": "length",
  "report_to": ["tensorboard", "wandb"], "project": "huggingface", "trackio_space_id": "trackio",
  "ddp_find_unused_parameters": null, "ddp_bucket_cap_mb": null, "ddp_broadcast_buffers": null,
  "dataloader_pin_memory": true, "dataloader_persistent_workers": false, "skip_memory_metrics": true,
  "use_legacy_prediction_loop": false, "push_to_hub": false, "resume_from_checkpoint": null, "hub_model_id": null,
  "hub_strategy": "every_save", "hub_token": "<HUB_TOKEN>", "hub_private_repo": null, "hub_always_push": false,
  "hub_revision": null, "gradient_checkpointing": false, "gradient_checkpointing_kwargs": null,
  "include_inputs_for_metrics": false, "include_for_metrics": [], "eval_do_concat_batches": true,
  "fp16_backend": "auto", "push_to_hub_model_id": null, "push_to_hub_organization": null,
  "push_to_hub_token": "<PUSH_TO_HUB_TOKEN>", "mp_parameters": "", "auto_find_batch_size": false,
  "full_determinism": false, "torchdynamo": null, "ray_scope": "last", "ddp_timeout": 1800, "torch_compile": false,
  "torch_compile_backend": null, "torch_compile_mode": null, "include_tokens_per_second": false,
  "include_num_input_tokens_seen": "no", "neftune_noise_alpha": null, "optim_target_modules": null,
  "batch_eval_metrics": false, "eval_on_start": false, "use_liger_kernel": false, "liger_kernel_config": null,
  "eval_use_gather_object": false, "average_tokens_across_devices": true
}""")

# What was new, gone or null in the releases after it.
DUMP_5 = {
    **{name: value for name, value in DUMP_4_57.items() if name in TrainingArguments.model_fields},
    "warmup_ratio": None,
    "warmup_steps": 0,
    "gradient_checkpointing": None,
    "fsdp": None,
    "report_to": "none",
    "activation_checkpointing": None,
    "activation_checkpointing_kwargs": None,
    "train_sampling_strategy": "random",
    "enable_jit_checkpoint": False,
    "use_cache": False,
    "ddp_static_graph": None,
    "trackio_space_id": None,
    "trackio_bucket_id": None,
    "trackio_static_space_id": None,
    "dataloader_in_order": True,
    "dataloader_multiprocessing_context": None,
    "lr_scheduler_kwargs": None,
    "fsdp_config": None,
}
for _gone in ("group_by_length", "save_safetensors", "jit_mode_eval", "logging_dir", "past_index", "ray_scope"):
    del DUMP_5[_gone]

ALL_118 = 118


def test_the_dump_holds_every_name_of_its_release():
    current = DUMP_4_57.keys() & TrainingArguments.model_fields.keys()
    old = DUMP_4_57.keys() - TrainingArguments.model_fields.keys()
    assert len(current) == ALL_118
    assert old <= {*RENAMED, *REMOVED, "push_to_hub_organization"}


@pytest.mark.parametrize("dump", [DUMP_4_57, DUMP_5], ids=["4.57", "5.23"])
def test_is_accepted_in_every_format(dump):
    text = json.dumps(dump)
    for verdict in (TrainingArguments.check(dump), TrainingArguments.check(json.loads(text))):
        assert verdict.ok, [item.render() for item in verdict.errors]
        assert verdict.settings.hub_token is None


def test_warns_once_for_each_old_name():
    verdict = TrainingArguments.check(DUMP_4_57)
    old = [item.fields[0] for item in verdict.warnings if item.code in ("REN101", "REN102")]
    assert sorted(old) == sorted(
        DUMP_4_57.keys() - TrainingArguments.model_fields.keys() - {"push_to_hub_organization"}
    )


def test_what_it_says_holds():
    settings = TrainingArguments.check(DUMP_4_57).settings
    for name in DUMP_4_57.keys() & TrainingArguments.model_fields.keys() - {"hub_token", "fsdp_config"}:
        said = settings.to_dict()[name]
        assert said == DUMP_4_57[name], name


CHANGES = {
    "on the CPU": {"use_cpu": True},
    "the old switch too": {"use_cpu": True, "no_cuda": True},
    "FSDP": {
        "fsdp": ["full_shard", "auto_wrap"],
        "fsdp_transformer_layer_cls_to_wrap": "Block",
        "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"], "xla": False, "xla_fsdp_v2": False},
    },
    "FSDP by size": {
        "fsdp": ["full_shard", "auto_wrap"],
        "fsdp_min_num_params": 0,
        "fsdp_config": {"min_num_params": 1000, "xla": False},
    },
    "apex": {"fp16": True, "half_precision_backend": "apex", "fp16_backend": "auto"},
    "a hub": {"push_to_hub": True, "hub_model_id": "team/x", "push_to_hub_model_id": "x"},
    "evaluation": {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_with_ordinary_changes(changes):
    verdict = TrainingArguments.check({**DUMP_4_57, **changes})
    if changes.get("push_to_hub_model_id") == "x":
        assert [item.code for item in verdict.errors] == ["REN103"]
    else:
        assert verdict.ok, [item.render() for item in verdict.errors]
