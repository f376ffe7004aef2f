"""deepspeed: files that people have validate as they are; a misspelled key at any depth does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trainspec import validate
from trainspec.settings.sections.deepspeed import DeepSpeedConfig
from trainspec.settings.sections.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTO: dict[str, Any] = {
    "fp16": {
        "enabled": "auto",
        "loss_scale": 0,
        "loss_scale_window": 1000,
        "initial_scale_power": 16,
        "hysteresis": 2,
        "min_loss_scale": 1,
    },
    "bf16": {"enabled": "auto"},
    "optimizer": {
        "type": "AdamW",
        "params": {"lr": "auto", "betas": "auto", "eps": "auto", "weight_decay": "auto"},
    },
    "scheduler": {
        "type": "WarmupLR",
        "params": {"warmup_min_lr": "auto", "warmup_max_lr": "auto", "warmup_num_steps": "auto"},
    },
    "zero_optimization": {
        "stage": 3,
        "offload_optimizer": {"device": "cpu", "pin_memory": True},
        "offload_param": {"device": "cpu", "pin_memory": True},
        "overlap_comm": True,
        "contiguous_gradients": True,
        "sub_group_size": 1e9,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_max_live_parameters": 1e9,
        "stage3_max_reuse_distance": 1e9,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "steps_per_print": 2000,
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "wall_clock_breakdown": False,
}


def sections(model: type[Section] = DeepSpeedConfig, path: str = "") -> Iterator[tuple[str, type[Section]]]:
    """(dotted path, model) of the configuration and everything nested in it."""
    yield path, model
    for name, info in model.model_fields.items():
        members = getattr(info.annotation, "__args__", (info.annotation,))
        for member in members:
            if isinstance(member, type) and issubclass(member, Section):
                yield from sections(member, f"{path}.{name}".lstrip("."))


def nested(path: str, value: Any) -> Any:
    for name in reversed(path.split(".") if path else []):
        value = {name: value}
    return value


ALL = list(sections())


def test_a_file_full_of_auto_is_fine() -> None:
    verdict = validate({"deepspeed": AUTO})
    assert verdict.diagnostics == []
    assert verdict.settings.deepspeed.zero_optimization.sub_group_size == 1_000_000_000


@pytest.mark.parametrize("path", [path for path, _ in ALL])
def test_a_misspelled_key_is_found_at_every_depth(path: str) -> None:
    verdict = validate({"deepspeed": nested(path, {"no_such_key": 1})})
    assert [item.code for item in verdict.errors] == ["VAL107"]
    assert verdict.errors[0].fields == (f"deepspeed.{path}.no_such_key".replace("..", "."),)


@pytest.mark.parametrize(("path", "model"), ALL)
def test_every_key_is_described_and_its_example_is_valid(path: str, model: type[Section]) -> None:
    for name, info in model.model_fields.items():
        assert info.description is not None and info.description.endswith("."), f"{path}.{name}"
        assert info.examples, f"{path}.{name}"
        model.model_validate({name: info.examples[0]})
        model.model_validate({name: info.get_default()})


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("zero_optimization.stage", 3, 4),
        ("zero_optimization.reduce_bucket_size", 5e8, 0.5),
        ("zero_optimization.reduce_bucket_size", "auto", "all"),
        ("zero_optimization.stage3_max_live_parameters", 0, -1),
        ("zero_optimization.offload_optimizer.device", "nvme", "gpu"),
        ("zero_optimization.offload_optimizer.ratio", 1.0, 1.1),
        ("zero_optimization.overlap_comm", True, 1),
        ("train_micro_batch_size_per_gpu", "auto", 0),
        ("gradient_clipping", 1.0, -1.0),
        ("fp16.loss_scale", 0, -1),
        ("optimizer.params.betas", [0.9, 0.999], [0.9]),
        ("scheduler.type", "WarmupCosineLR", "Cosine"),
        ("data_types.grad_accum_dtype", "bf16", "int8"),
        ("checkpoint.tag_validation", "Ignore", "Never"),
        ("comms_logger.prof_ops", ["all_reduce"], "all_reduce"),
        ("flops_profiler.module_depth", -1, -2),
    ],
)
def test_values(path: str, good: Any, bad: Any) -> None:
    parent, _, name = path.rpartition(".")
    document = nested(parent, {name: good})
    DeepSpeedConfig.model_validate(document)
    assert not validate({"deepspeed": nested(parent, {name: bad})}).ok
