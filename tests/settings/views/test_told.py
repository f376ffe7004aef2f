"""Diagnostics in Chinese: whole, of the same names and values, and English where nobody has translated them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.settings.rules.test_registry import all_borders

from trainspec import TrainingArguments, validate
from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.diagnostics.telling import told_in
from trainspec.settings.rules.registry import ALL_RULES
from trainspec.text.languages import words_of

ZH: Any = words_of("zh")
# Documents with what is wrong with values, names, old names and arguments.
WRONG: tuple[dict[str, Any], ...] = (
    {"seed": "x", "bf16": 1, "project": [1], "report_to": "wandb,mlflow", "label_names": 1},
    {"seed": -1, "max_grad_norm": -1, "adam_beta1": 1.5, "save_steps": -3, "warmup_ratio": 2},
    {"optim": "adamw_toch", "eval_strategy": "Hr", "fp16_opt_level": "O4", "uneven_inputs": 7},
    {"learning_rate": float("nan"), "warmup_steps": float("inf")},
    {"learning_rat": 1, "nothing_like_it": 1, "sedd": 2},
    {"fsdp_config": {"min_num_parms": 1, "version": 3}, "deepspeed": {"zero_optimization": {"stag": 1}}},
    {"fsdp_config": "{'a': 1}", "lr_scheduler_kwargs": "[1", "parallelism_config": '{"tp_size": 1, "tp_size": 2}'},
    {"run_name": "a\nb", "output_dir": "$OUT", "resume_from_checkpoint": "True", "project": '"x"'},
    {"evaluation_strategy": "epoch", "no_cuda": True, "adafactor": True, "per_gpu_eval_batch_size": 2},
    {"use_ipex": True, "n_gpu": 2, "mp_parameters": "x", "_n_gpu": 3, "use_legacy_prediction_loop": True},
    {"use_cpu": False, "no_cuda": True, "optim": "sgd", "push_to_hub_organization": "team"},
    {"bf16": None, "run_name": "", "optim": "adamw_hf", "report_to": None, "log_level": "detail"},
    {"save_total_limit": -1, "debug": None, "half_precision_backend": "amp", "max_grad_norm": None},
    {"lr_scheduler_type": "greedy", "warmup_steps": 0.2, "sharded_ddp": "zero_dp_9", "activation_checkpointing": True},
    {"optim": "sgd", "optim_args": {"momentun": 1, "lr": 2}, "lr_scheduler_kwargs": {"num_cycle": 1}},
    {
        "optim": "sgd",
        "optim_args": "momentum",
        "lr_scheduler_type": "cosine",
        "lr_scheduler_kwargs": {"num_cycles": "1"},
    },
    {"optim_args": {"momentum": 0.5}, "lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": "low"}},
    {"deepspeed": "ds.json", "fsdp_config": "conf/none.yaml"},
)
# What no language says otherwise: names, numbers, values in quotes.
KEPT = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9_.]*[A-Za-z0-9]|\"[^\"]*\"|(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
VALUES = re.compile(r'"[^"]*"|[\w./${}\'<>:=-]*[_/$\'{][\w./${}\'<>:=-]*|\[[^\]]*\]|\{[^}]*\}|\b(?:key|auto_wrap)\b')
ENGLISH = re.compile(
    r"\b(?:a|an|and|are|at|by|for|has|in|is|it|of|on|or|than|that|the|their|this|to|where|which|with)\b"
)


def texts(item: Diagnostic) -> tuple[str, ...]:
    return tuple(filter(None, (item.message, item.reason, item.remedy)))


def found_in(documents: Any) -> list[Diagnostic]:
    return [item for document in documents for item in validate(document).diagnostics]


@pytest.fixture(scope="module")
def found() -> list[Diagnostic]:
    """What judging finds in the wrong side of every rule, and in the documents above."""
    return found_in([*(border.wrong for border in all_borders()), *WRONG])


def test_they_are_of_every_rule(found: list[Diagnostic]) -> None:
    codes = {item.code for item in found}
    assert codes >= {rule.code for rule in ALL_RULES}
    families = ("VAL101", "VAL102", "VAL103", "VAL104", "VAL106", "VAL107", "VAL201", "VAL202", "VAL203", "VAL204")
    assert codes >= {
        *families,
        "SRC102",
        "REN101",
        "REN102",
        "REN103",
        "REN104",
        "REN105",
        "REN106",
        "OPT201",
        "SCH201",
    }


def test_every_text_has_its_chinese(found: list[Diagnostic]) -> None:
    assert sorted({(item.code, text) for item in found for text in texts(item) if ZH.find(text) is None}) == []


def test_nothing_is_left_in_english(found: list[Diagnostic]) -> None:
    told = {(item.code, ZH(text)) for item in found for text in texts(item)}
    # What parsers of the standard library say is theirs.
    told = {(code, text.partition("JSON：")[0]) for code, text in told}
    assert sorted((code, text) for code, text in told if ENGLISH.search(VALUES.sub("", text))) == []


def test_names_and_values_are_the_same(found: list[Diagnostic]) -> None:
    pairs = {(text, ZH(text)) for item in found for text in texts(item)}
    assert sorted(pair for pair in pairs if not set(KEPT.findall(pair[0])) <= set(KEPT.findall(pair[1]))) == []


def test_only_the_texts_change(found: list[Diagnostic]) -> None:
    for item, told in zip(found, told_in(found, ZH), strict=True):
        one, other = item.to_dict(), told.to_dict()
        assert {key: one[key] for key in one if one[key] != other[key]}.keys() <= {"message", "reason", "remedy"}
        assert isinstance(told, Diagnostic) and told.evidence is item.evidence


def test_a_diagnostic_is_rendered_in_its_language() -> None:
    item = next(item for item in validate({"bf16": True, "fp16": True}).diagnostics if item.code == "PRE101")
    assert told_in([item], ZH)[0].render().splitlines() == [
        "错误[PRE101] bf16 与 fp16 互斥",
        "  bf16 = true   文档",
        "  fp16 = true   文档",
        "  原因： autocast 只以一种数值格式计算",
        "  改法： Ampere 或更新的 GPU 保留 bf16，更旧的保留 fp16",
    ]
    assert told_in([item], str) == [item]


def test_what_nobody_has_translated_is_told_in_english() -> None:
    source = Source(SourceKind.ENVIRONMENT, "ACME_RATE")
    item = finding(
        "ACME101",
        "too-high",
        "rate is too high for us",
        values={"rate": 1},
        sources={"rate": source},
        remedy="drop rate",
    )
    assert told_in([item], ZH)[0].render().splitlines() == [
        "错误[ACME101] rate is too high for us",
        "  rate = 1   ACME_RATE（环境变量）",
        "  改法： 去掉 rate",
    ]


def test_settings_themselves_stay_english() -> None:
    """Exceptions and warnings of a program are what its logs are searched for."""
    with pytest.raises(ValueError, match="bf16 and fp16 exclude each other"):
        TrainingArguments(bf16=True, fp16=True)
