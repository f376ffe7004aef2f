"""The engine's configuration is written from the settings: what "auto" becomes, and what is said where nothing was."""

from typing import Any

import pytest
from tests.training.parallel.deepspeed_engine.ranks import settings

from trainspec.training.parallel.deepspeed_engine.config import Facts, autocasts, stage_of, written


def config(deepspeed: dict[str, Any], facts: Facts = Facts(), **changes: Any) -> dict[str, Any]:  # noqa: B008
    return written(settings(deepspeed=deepspeed, **changes), facts)


def test_batches_and_clipping_are_ours() -> None:
    found = config(
        {"train_batch_size": "auto", "gradient_clipping": "auto"},
        Facts(world_size=3),
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        max_grad_norm=0.7,
    )
    assert (found["train_batch_size"], found["train_micro_batch_size_per_gpu"]) == (48, 8)
    assert found["gradient_accumulation_steps"] == 2 and found["gradient_clipping"] == 0.7


def test_no_clipping_is_written_as_none_at_all() -> None:
    """DeepSpeed would clip at 1.0 where nothing is said."""
    for deepspeed in ({"gradient_clipping": "auto"}, {"steps_per_print": 5}, {"gradient_clipping": 0}):
        assert config(deepspeed, max_grad_norm=0)["gradient_clipping"] == 0.0


@pytest.mark.parametrize(
    "said, changes, enabled",
    [
        ({}, {"bf16": True}, {"bf16": True, "fp16": False}),
        ({"bf16": {"enabled": "auto"}, "fp16": {"enabled": "auto"}}, {"fp16": True}, {"bf16": False, "fp16": True}),
        ({"fp16": {"initial_scale_power": 8}}, {"fp16": True}, {"bf16": False, "fp16": True}),
        ({"fp16": {"enabled": "auto"}}, {}, {"bf16": False, "fp16": False}),
    ],
    ids=str,
)
def test_formats_are_ours(said: dict[str, Any], changes: dict[str, Any], enabled: dict[str, bool]) -> None:
    found = config({"zero_optimization": {"stage": 1}, **said}, **changes)
    assert {name: found[name]["enabled"] for name in enabled} == enabled
    assert found["fp16"].get("initial_scale_power") == said.get("fp16", {}).get("initial_scale_power")


def test_autocast_takes_the_place_of_half_weights() -> None:
    said = {"torch_autocast": {"enabled": True, "dtype": "bfloat16"}, "bf16": {"enabled": "auto"}}
    found = config(said, bf16=True)
    assert "bf16" not in found and "fp16" not in found and found["torch_autocast"]["enabled"]
    assert autocasts(settings(deepspeed=said, bf16=True)) == "bfloat16" and autocasts(settings(bf16=True)) is None


def test_the_stage_and_what_goes_by_the_models_width() -> None:
    names = ("reduce_bucket_size", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold")
    zero = {"stage": 3, **dict.fromkeys(names, "auto"), "overlap_comm": "auto"}
    wide = config({"zero_optimization": zero}, Facts(width=64))["zero_optimization"]
    assert [wide[name] for name in names] == [4096, 3686, 640] and "overlap_comm" not in wide
    # DeepSpeed's own values, where nothing is known of the model.
    assert config({"zero_optimization": zero})["zero_optimization"] == {"stage": 3}
    assert config({"zero_optimization": {"reduce_bucket_size": 500}})["zero_optimization"]["reduce_bucket_size"] == 500
    stages = ({}, {"zero_optimization": {}}, {"zero_optimization": {"stage": "auto"}})
    assert [stage_of(settings(deepspeed={"steps_per_print": 1, **each})) for each in stages] == [0, 0, 2]
    offloaded = {"stage": "auto", "offload_param": {"device": "cpu"}}
    assert stage_of(settings(deepspeed={"zero_optimization": offloaded})) == 3


def test_an_optimizer_of_ours_is_let_through() -> None:
    found = config({"zero_optimization": {"stage": 2}})
    assert found["zero_allow_untested_optimizer"] is True and "zero_force_ds_cpu_optimizer" not in found
    assert "optimizer" not in found and "scheduler" not in found
    assert config({"zero_allow_untested_optimizer": False})["zero_allow_untested_optimizer"] is False
    offloaded = {"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}
    assert config(offloaded)["zero_force_ds_cpu_optimizer"] is False


def test_its_own_optimizer_and_schedule_get_our_values() -> None:
    said = {
        "optimizer": {
            "type": "AdamW",
            "params": {**dict.fromkeys(("lr", "betas", "eps", "weight_decay"), "auto"), "torch_adam": True},
        },
        "scheduler": {
            "type": "WarmupDecayLR",
            "params": dict.fromkeys(("warmup_min_lr", "warmup_max_lr", "warmup_num_steps", "total_num_steps"), "auto"),
        },
    }
    found = config(said, Facts(updates=200), learning_rate=0.02, weight_decay=0.3, adam_beta2=0.98, warmup_ratio=0.1)
    assert found["optimizer"]["params"] == {
        "lr": 0.02,
        "betas": [0.9, 0.98],
        "eps": 1e-8,
        "weight_decay": 0.3,
        "torch_adam": True,
    }
    assert found["scheduler"]["params"] == {
        "warmup_min_lr": 0.0,
        "warmup_max_lr": 0.02,
        "warmup_num_steps": 20,
        "total_num_steps": 200,
    }
    assert "zero_allow_untested_optimizer" not in found
    bare = config({"optimizer": {"type": "SGD"}}, learning_rate=0.02)
    assert bare["optimizer"] == {"type": "SGD", "params": {"lr": 0.02}}


def test_what_is_said_is_passed_on_and_no_auto_is_left() -> None:
    said = {
        "steps_per_print": "auto",
        "wall_clock_breakdown": "auto",
        "communication_data_type": None,
        "prescale_gradients": True,
        "data_types": {"keep_in_fp32_modules": "auto", "grad_accum_dtype": "fp32"},
        "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "auto"}},
        "tensorboard": {"enabled": False},
    }
    found = config(said)
    assert found["prescale_gradients"] is True and found["tensorboard"] == {"enabled": False}
    # A word of DeepSpeed's own.
    assert found["data_types"] == {"keep_in_fp32_modules": "auto", "grad_accum_dtype": "fp32"}
    assert not {"steps_per_print", "wall_clock_breakdown", "communication_data_type"} & found.keys()
    assert found["zero_optimization"] == {"stage": 2, "offload_optimizer": {}}
