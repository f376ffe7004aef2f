"""The 118 settings: names, defaults, descriptions and examples. People paste configurations that rely on them."""

from typing import Any

import pytest

from trainspec import TrainingArguments
from trainspec.settings.arguments.arguments import GROUPS
from trainspec.settings.values.choices import OnChangedSettings

DEFAULTS: dict[str, Any] = {
    "output_dir": "trainer_output",
    "overwrite_output_dir": False,
    "run_name": None,
    "do_train": False,
    "do_eval": None,
    "do_predict": False,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "resume_from_checkpoint": None,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "eval_accumulation_steps": None,
    "max_grad_norm": 1.0,
    "eval_strategy": "no",
    "eval_steps": None,
    "eval_delay": None,
    "eval_on_start": False,
    "eval_do_concat_batches": True,
    "eval_use_gather_object": False,
    "prediction_loss_only": False,
    "batch_eval_metrics": False,
    "learning_rate": 5e-5,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "optim": "adamw_torch",
    "optim_args": None,
    "optim_target_modules": None,
    "lr_scheduler_type": "linear",
    "lr_scheduler_kwargs": {},
    "warmup_ratio": 0.0,
    "warmup_steps": 0,
    "logging_dir": None,
    "logging_strategy": "steps",
    "logging_steps": 500,
    "logging_first_step": False,
    "logging_nan_inf_filter": True,
    "log_level": "passive",
    "log_level_replica": "warning",
    "log_on_each_node": True,
    "report_to": "all",
    "project": "huggingface",
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": None,
    "save_safetensors": True,
    "save_on_each_node": False,
    "save_only_model": False,
    "remove_unused_columns": True,
    "label_names": None,
    "data_seed": None,
    "dataloader_drop_last": False,
    "dataloader_num_workers": 0,
    "dataloader_pin_memory": True,
    "dataloader_persistent_workers": False,
    "dataloader_prefetch_factor": None,
    "group_by_length": False,
    "length_column_name": "length",
    "torch_compile": False,
    "torch_compile_backend": None,
    "torch_compile_mode": None,
    "torch_empty_cache_steps": None,
    "jit_mode_eval": False,
    "gradient_checkpointing": False,
    "gradient_checkpointing_kwargs": None,
    "auto_find_batch_size": False,
    "use_liger_kernel": False,
    "liger_kernel_config": None,
    "bf16": False,
    "fp16": False,
    "fp16_opt_level": "O1",
    "half_precision_backend": "auto",
    "bf16_full_eval": False,
    "fp16_full_eval": False,
    "tf32": None,
    "local_rank": -1,
    "ddp_backend": None,
    "ddp_find_unused_parameters": None,
    "ddp_bucket_cap_mb": None,
    "ddp_broadcast_buffers": None,
    "ddp_timeout": 1800,
    "fsdp": [],
    "fsdp_config": None,
    "deepspeed": None,
    "accelerator_config": None,
    "parallelism_config": None,
    "use_cpu": False,
    "tpu_num_cores": None,
    "use_mps_device": False,
    "seed": 42,
    "full_determinism": False,
    "load_best_model_at_end": False,
    "metric_for_best_model": None,
    "greater_is_better": None,
    "push_to_hub": False,
    "hub_model_id": None,
    "hub_revision": None,
    "hub_private_repo": None,
    "hub_strategy": "every_save",
    "hub_token": None,
    "hub_always_push": False,
    "debug": "",
    "skip_memory_metrics": True,
    "disable_tqdm": None,
    "past_index": -1,
    "torchdynamo": None,
    "ray_scope": "last",
    "include_for_metrics": [],
    "label_smoothing_factor": 0.0,
    "ignore_data_skip": False,
    "neftune_noise_alpha": None,
    "include_tokens_per_second": False,
    "include_num_input_tokens_seen": None,
    "average_tokens_across_devices": True,
    "restore_callback_states_from_checkpoint": False,
    "trackio_space_id": "trackio",
}
EXTENSIONS: dict[str, Any] = {
    "stop_on_nonfinite": True,
    "train_sampling_strategy": None,
    "dataloader_in_order": True,
    "dataloader_multiprocessing_context": None,
    "ddp_static_graph": None,
    "uneven_inputs": None,
    "use_cache": None,
    "enable_jit_checkpoint": False,
    "trackio_bucket_id": None,
    "trackio_static_space_id": None,
    "storage_timeout_seconds": 60.0,
    "save_failures_allowed": 3,
    "save_in_background": False,
    "preemption_exit_code": None,
    "preemption_grace_seconds": None,
    "preemption_file": None,
    "on_changed_settings": OnChangedSettings.WARN,
}


def test_there_are_118_settings_with_these_names() -> None:
    assert len(DEFAULTS) == 118
    known = [name for name in TrainingArguments.model_fields if name not in EXTENSIONS]
    assert known == [name for group in GROUPS for name in group.__annotations__ if name in DEFAULTS]
    assert set(known) == set(DEFAULTS)


def test_there_are_few_settings_of_our_own_and_they_come_last() -> None:
    assert list(TrainingArguments.model_fields)[-len(EXTENSIONS) :] == list(EXTENSIONS)
    for name, default in EXTENSIONS.items():
        field = TrainingArguments.model_fields[name]
        assert repr(field.default) == repr(default) and field.description is not None and field.examples


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_default_is_the_one_people_know(name: str) -> None:
    stored = TrainingArguments().__dict__[name]
    assert stored == DEFAULTS[name]
    assert type(stored) is type(DEFAULTS[name]) or isinstance(stored, str)


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_is_described_with_an_example_that_validates(name: str) -> None:
    field = TrainingArguments.model_fields[name]
    assert field.description is not None and field.description.endswith(".")
    assert field.examples
    for example in field.examples:
        errors = [item for item in TrainingArguments.check({name: example}).errors if item.code.startswith("VAL")]
        assert errors == []


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_a_group_is_small_and_documented(group: type[TrainingArguments]) -> None:
    own = [name for name in group.__annotations__ if name in {**DEFAULTS, **EXTENSIONS}]
    assert 1 <= len(own) <= 13
    assert group.__module__.startswith("trainspec.settings.groups.")


def test_the_first_argument_is_the_output_dir() -> None:
    assert TrainingArguments("out") == TrainingArguments(output_dir="out")
    with pytest.raises(TypeError, match="positional"):
        TrainingArguments("out", "more")  # type: ignore[misc]
    with pytest.raises(TypeError, match="multiple values"):
        TrainingArguments("out", output_dir="other")  # type: ignore[misc]


def test_building_settings_touches_neither_disk_nor_environment(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    args = TrainingArguments("out", logging_dir="logs")
    args.seed = 7
    args.replace(run_name="x").to_json_string()
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []
