"""Declared machines: how they are named, and each TGT rule on both sides of its border."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments, validate
from trainspec.settings.targets.machines import TARGETS, check_target, parse_target
from trainspec.settings.targets.rules import TARGET_RULES
from trainspec.settings.targets.worlds import WORLD_RULES

SHARDED = {"fsdp": "full_shard"}
SPLIT = {"accelerator_config": {"split_batches": True}}
Side = tuple[dict[str, Any], str | None, int | None]

# code: (settings, target, world size) on the wrong side, then on the right side.
BORDERS: list[tuple[str, Side, Side]] = [
    ("TGT101", ({"bf16": True}, "v100", None), ({"bf16": True}, "a100", None)),
    ("TGT101", ({"bf16": True}, "t4", None), ({"bf16": True, "use_cpu": True}, "t4", None)),
    ("TGT101", ({"bf16_full_eval": True, "do_eval": True}, "v100", None), ({"bf16": True}, "cpu", None)),
    ("TGT102", ({"fp16": True}, "mps", None), ({"fp16": True}, "v100", None)),
    ("TGT102", ({"fp16": True}, "tpu-v5e", None), ({"bf16": True}, "tpu-v5e", None)),
    ("TGT103", ({"tf32": True}, "t4", None), ({"tf32": True}, "a10", None)),
    ("TGT103", ({"tf32": True}, "cpu", None), ({"tf32": False}, "cpu", None)),
    ("TGT104", ({"ddp_backend": "nccl"}, "cpu", None), ({"ddp_backend": "nccl"}, "h100", None)),
    ("TGT104", ({"ddp_backend": "hccl"}, "h100", None), ({"ddp_backend": "hccl"}, "gaudi2", None)),
    ("TGT105", ({"optim": "adalomo"}, "cpu", None), ({"optim": "adalomo"}, "a100", None)),
    ("TGT106", ({"optim": "adamw_torch_fused"}, "tpu-v4", None), ({"optim": "adamw_torch_fused"}, "cpu", None)),
    ("TGT107", ({"optim": "adamw_torch_xla"}, "h100", None), ({"optim": "adamw_torch_xla"}, "tpu-v4", None)),
    ("TGT107", ({"optim": "adamw_torch_npu_fused"}, "h100", None), ({"optim": "adamw_torch"}, "h100", None)),
    (
        "TGT108",
        ({"parallelism_config": {"tp_size": 4}}, "h100x8", None),
        ({"parallelism_config": {"tp_size": 8}}, "h100x8", None),
    ),
    (
        "TGT108",
        ({"parallelism_config": {"tp_size": 4}}, None, 8),
        ({"parallelism_config": {"tp_size": 4}}, "h100", None),
    ),
    (
        "TGT108",
        ({"parallelism_config": {"sp_size": 2}, "deepspeed": {"steps_per_print": 1}}, None, 5),
        ({"parallelism_config": {"sp_size": 2}, "deepspeed": {"steps_per_print": 1}}, None, 8),
    ),
    ("TGT404", ({}, "h100x8", 12), ({}, "h100x8", 16)),
    ("TGT109", ({"local_rank": 8}, "h100x8", None), ({"local_rank": 7}, "h100x8", None)),
    ("TGT109", ({"local_rank": 1}, None, 1), ({"local_rank": -1}, None, 1)),
    (
        "TGT110",
        ({"optim": "galore_adamw_layerwise", "optim_target_modules": "x"}, None, 2),
        ({"optim": "galore_adamw_layerwise", "optim_target_modules": "x"}, None, 1),
    ),
    ("TGT110", ({"optim": "lomo"}, None, 2), ({"optim": "lomo"}, None, 1)),
    ("TGT111", ({"tpu_num_cores": 8}, "h100", None), ({"tpu_num_cores": 8}, "tpu-v4", None)),
    ("TGT111", ({"tpu_num_cores": 8}, "tpu-v4x4", None), ({"tpu_num_cores": 4}, "tpu-v4x4", None)),
    ("TGT112", ({"use_liger_kernel": True}, "cpu", None), ({"use_liger_kernel": True}, "mi300x", None)),
    (
        "TGT113",
        ({"accelerator_config": {"split_batches": True}, "per_device_train_batch_size": 6}, None, 4),
        ({"accelerator_config": {"split_batches": True}}, None, 4),
    ),
    (
        "TGT113",
        ({**SPLIT, "parallelism_config": {"tp_size": 2, "dp_shard_size": 3}}, None, 6),
        ({**SPLIT, "parallelism_config": {"tp_size": 3, "dp_shard_size": 2}}, None, 6),
    ),
    (
        "TGT114",
        ({"deepspeed": {"train_batch_size": 32, "tensor_parallel": {"autotp_size": 2}}}, None, 4),
        ({"deepspeed": {"train_batch_size": 16, "tensor_parallel": {"autotp_size": 2}}}, None, 4),
    ),
    (
        "TGT114",
        ({**SPLIT, "deepspeed": {"train_batch_size": 16}}, None, 2),
        ({**SPLIT, "deepspeed": {"train_batch_size": 8}}, None, 2),
    ),
    ("TGT114", ({"deepspeed": {"train_batch_size": 16}}, None, 4), ({"deepspeed": {"train_batch_size": 32}}, None, 4)),
    (
        "TGT114",
        ({"deepspeed": {"train_batch_size": 16}}, "h100x8", None),
        ({"deepspeed": {"train_batch_size": "auto"}}, "h100x8", None),
    ),
    (
        "TGT115",
        ({"fp16": True, "half_precision_backend": "apex"}, "mi300x", None),
        ({"fp16": True, "half_precision_backend": "apex"}, "v100", None),
    ),
    ("TGT116", ({"torch_compile": True}, "p100", None), ({"torch_compile": True}, "v100", None)),
    ("TGT116", ({"torch_compile": True}, "p100", None), ({"torch_compile_backend": "eager"}, "p100", None)),
    (
        "TGT117",
        ({"deepspeed": {"steps_per_print": 1}}, "mps", None),
        ({"deepspeed": {"steps_per_print": 1}}, "cpu", None),
    ),
    ("TGT301", ({"ddp_timeout": 60}, "h100x1", None), ({"ddp_timeout": 60}, "h100x8", None)),
    ("TGT301", ({"log_level_replica": "error"}, None, 1), ({"log_level_replica": "error"}, "h100", None)),
    ("TGT302", ({"torch_empty_cache_steps": 5}, "cpu", None), ({"torch_empty_cache_steps": 5}, "l4", None)),
    (
        "TGT303",
        ({"debug": "tpu_metrics_debug", "tpu_num_cores": 1}, "cpu", None),
        ({"debug": "tpu_metrics_debug", "tpu_num_cores": 1}, "tpu-v4", None),
    ),
    (
        "TGT304",
        ({"torch_compile_mode": "reduce-overhead"}, "cpu", None),
        ({"torch_compile_mode": "reduce-overhead"}, "b200", None),
    ),
    ("TGT401", ({"use_cpu": True}, "h100", None), ({"use_cpu": True}, "cpu", None)),
    ("TGT402", ({"ddp_backend": "gloo"}, "h100x8", None), ({"ddp_backend": "gloo"}, "cpu", None)),
    ("TGT403", (SHARDED, "h100x1", None), (SHARDED, "h100x2", None)),
    ("TGT403", (SHARDED, None, 1), (SHARDED, "h100", None)),
]


def codes(side: Side) -> list[str]:
    settings, target, world = side
    return [item.code for item in validate(settings, target=target, world_size=world).diagnostics]


@pytest.mark.parametrize(("code", "wrong", "right"), BORDERS)
def test_border(code: str, wrong: Side, right: Side) -> None:
    assert code in codes(wrong)
    assert code not in codes(right)


def test_every_rule_has_a_row() -> None:
    # Those about numbers of processes have theirs in test_worlds.py.
    assert {code for code, _, _ in BORDERS} == {rule.code for rule in TARGET_RULES} - {
        rule.code for rule in WORLD_RULES
    }
    assert len({rule.name for rule in TARGET_RULES}) == len(TARGET_RULES)


@pytest.mark.parametrize("rule", TARGET_RULES, ids=lambda rule: rule.code)
def test_texts(rule: Any) -> None:
    assert re.fullmatch(r"TGT[134][0-9]{2}|PAR12[0-9]", rule.code)
    assert rule.severity == ("warning" if rule.code[3] in "34" else "error")
    assert all(text and not text.endswith(".") for text in (rule.reason, rule.fix))
    assert {name.partition(".")[0] for name in rule.fields} <= TrainingArguments.model_fields.keys()


def test_an_error_makes_the_verdict_invalid_and_cites_its_source() -> None:
    verdict = validate({"bf16": True}, target="v100")
    assert not verdict.ok
    item = verdict.errors[0]
    assert item.message == "bf16 needs bfloat16, which v100 (compute capability 7.0) does not have"
    assert item.fields[0] == "bf16" and str(item.source) == "document"


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_defaults_fit_every_machine(name: str) -> None:
    assert validate({}, target=name).diagnostics == []
    assert validate({}, target=f"{name}:8").diagnostics == []


@given(st.sampled_from(sorted(TARGETS)), st.integers(1, 10_000), st.sampled_from(["x", ":", "*"]))
def test_counted_names(name: str, count: int, sign: str) -> None:
    target = parse_target(f" {name.upper()}{sign}{count} ")
    assert (target.name, target.count) == (name, count)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("h10", "did you mean h100?"),
        ("H100_x8", "did you mean h100x8?"),
        ("mi300x8", "did you mean mi300x:8?"),
        ("v10x4", "did you mean v100x4?"),
        ("h100x0", "no devices"),
        ("toaster", "the targets are p100, v100"),
        ("", "the targets are"),
        ("x8", "the targets are"),
        ("h100x", "did you mean h100?"),
    ],
)
def test_unknown_names(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_target(text)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_value_error(text: str) -> None:
    try:
        target = parse_target(text)
    except ValueError as error:
        assert "target" in str(error)
    else:
        assert target.name in TARGETS


def test_of_a_file_that_a_setting_names_what_it_says_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ds.json").write_text('{\n  "train_batch_size": 36\n}', encoding="utf-8")
    Path("a.json").write_text('{"split_batches": true}', encoding="utf-8")
    said = {"deepspeed": "ds.json", "accelerator_config": "a.json", "per_device_train_batch_size": 9}
    verdict = validate(said, world_size=2)
    shown = {item.field: (item.value, str(item.source)) for found in verdict.errors for item in found.evidence}
    assert shown["deepspeed.train_batch_size"] == ("36", "ds.json:2:3")
    assert shown["accelerator_config.split_batches"] == ("true", "a.json:1:2")


@pytest.mark.parametrize(("world", "nodes", "told"), [(65, 8, True), (64, 8, False), (7, 8, True), (65, None, False)])
def test_processes_that_nodes_cannot_share_evenly(world: int, nodes: int | None, told: bool) -> None:
    found = check_target(TrainingArguments(output_dir="x"), None, world, nodes)
    assert [item.code for item in found if item.code == "TGT404"] == ["TGT404"] * told


def test_facts() -> None:
    """The facts that decide most: what is new enough for bfloat16, TF32 and 8-bit floats."""
    assert {name for name, target in TARGETS.items() if not target.bf16} == {"p100", "v100", "v100-32g", "t4"}
    assert all(target.tf32 == (target.device == "cuda" and target.bf16) for target in TARGETS.values())
    assert {"h100", "h200", "b200", "l4", "l40s", "rtx4090", "mi300x"} <= {
        name for name, target in TARGETS.items() if target.fp8
    }
    assert parse_target("h100").memory_gb == 80 and parse_target("h100").count is None
