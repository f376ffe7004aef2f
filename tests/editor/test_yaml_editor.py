"""Typing a YAML file of settings in an editor: what yaml-language-server offers, shows and underlines."""

from __future__ import annotations

import pytest
from tests.editor.language_server import YamlEditor

from trainspec import SchedulerType, TrainingArguments

FSDP_KEYS = {"transformer_layer_cls_to_wrap", "min_num_params", "backward_prefetch", "state_dict_type"}


def about(name: str) -> str:
    return TrainingArguments.model_fields[name].description or ""


def test_keys_are_offered_with_their_documentation(yaml_editor: YamlEditor) -> None:
    offered = yaml_editor.completion("learning_rate: 0.1\nlr_sch|")
    assert about("lr_scheduler_type") in offered["lr_scheduler_type"]
    assert set(TrainingArguments.model_fields) - {"learning_rate"} <= set(offered)


def test_old_names_are_not_offered(yaml_editor: YamlEditor) -> None:
    assert not {"evaluation_strategy", "per_gpu_train_batch_size", "no_cuda"} & set(yaml_editor.completion("|"))


def test_values_are_offered_each_with_its_description(yaml_editor: YamlEditor) -> None:
    offered = yaml_editor.completion("lr_scheduler_type: |")
    assert set(offered) == set(SchedulerType)
    assert all(len(text) > 15 for text in offered.values())
    assert "half a cosine" in offered["cosine"]


def test_keys_of_a_nested_mapping_are_offered(yaml_editor: YamlEditor) -> None:
    offered = yaml_editor.completion("fsdp_config:\n  |")
    assert set(offered) >= FSDP_KEYS
    assert "layers to wrap" in offered["transformer_layer_cls_to_wrap"]
    assert "learning_rate" not in offered


@pytest.mark.parametrize("name", ["learning_rate", "output_dir", "bf16", "resume_from_checkpoint"])
def test_hover_shows_what_a_setting_is(name: str, yaml_editor: YamlEditor) -> None:
    value = {"bf16": "true", "learning_rate": "0.1"}.get(name, "latest")
    shown = yaml_editor.hover(f"{name[:3]}|{name[3:]}: {value}\n")
    assert about(name) in shown.replace("\\_", "_")


def test_hover_over_a_choice_shows_the_choice(yaml_editor: YamlEditor) -> None:
    assert "Down to 0 along half a cosine" in yaml_editor.hover("lr_scheduler_type: cos|ine\n")


def test_hover_over_a_setting_with_choices_shows_the_setting_too(yaml_editor: YamlEditor) -> None:
    assert about("lr_scheduler_type") in yaml_editor.hover("lr_sch|eduler_type: cosine\n")


def test_formats_that_exclude_each_other_are_marked_while_typing_until_one_goes(yaml_editor: YamlEditor) -> None:
    assert yaml_editor.diagnostics("output_dir: out\nbf16: true\n") == []
    marked = yaml_editor.diagnostics("output_dir: out\nbf16: true\nfp16: true\n")
    assert {line for line, _ in marked} & {2, 3}
    assert yaml_editor.diagnostics("output_dir: out\nbf16: true\nfp16: false\n") == []


@pytest.mark.parametrize(
    ("text", "code", "remedy"),
    [
        ("bf16: true\nfp16: true\n", "PRE101", "Keep bf16"),
        ("load_best_model_at_end: true\neval_strategy: epoch\n", "CKP101", "save_strategy"),
        ("resume_from_checkpoint: latest\noverwrite_output_dir: true\n", "RUN201", "drop resume_from_checkpoint"),
    ],
)
def test_a_broken_rule_is_marked_with_its_code_and_remedy(
    text: str, code: str, remedy: str, yaml_editor: YamlEditor
) -> None:
    messages = [message for _, message in yaml_editor.diagnostics(text)]
    assert any(code in message and remedy in message for message in messages), messages


def test_an_old_name_is_marked_with_its_successor_and_mending_clears_it(yaml_editor: YamlEditor) -> None:
    ((line, message),) = yaml_editor.diagnostics("output_dir: out\nevaluation_strategy: epoch\n")
    assert line == 2
    assert "write eval_strategy" in message
    assert yaml_editor.diagnostics("output_dir: out\neval_strategy: epoch\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learning_rat: 0.1\n", "learning_rat is not allowed"),
        ("lr_scheduler_type: cosin\n", '"cosine"'),
        ("learning_rate: '0.1'\n", "number"),
        ("bf16: 1\n", "boolean"),
        ("learning_rate: -1\n", "0"),
        ("fsdp_config:\n  wrap: 1\n", "wrap"),
        pytest.param("lr_scheduler_type: cosine\nlr_scheduler_kwargs:\n  num_cycle: 1\n", "num_cycle"),
    ],
    ids=["key", "choice", "number", "flag", "border", "nested-key", "argument"],
)
def test_what_is_mistyped_is_marked(text: str, said: str, yaml_editor: YamlEditor) -> None:
    messages = [message for _, message in yaml_editor.diagnostics(text)]
    assert any(said in message for message in messages), messages
