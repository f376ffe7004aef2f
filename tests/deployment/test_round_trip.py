"""What a container reads from an export are the settings that the file said: one by one, and any together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.deployment.reading import TOKEN, Manifests, of_service, settings_in, settings_of
from tests.settings.samples import BESIDE, FIELDS, sample

from trainspec.deployment.compose import as_compose
from trainspec.deployment.k8s import as_k8s
from trainspec.deployment.variables import as_variables

FORMS = ("variables", "file")


def check(document: dict[str, Any], form: str, files: Path) -> None:
    """Both exports give a container the settings of the document."""
    said = settings_of(document)
    plain = said.to_dict()
    environments = (
        Manifests(as_k8s(plain, options={"as": form})).environment(files),
        Manifests(as_k8s(plain, options={"as": form, "kind": "trainjob"})).environment(files),
        of_service(as_compose(plain, options={"as": form}), files),
    )
    for environment in environments:
        read = settings_in(environment)
        assert read.to_dict() == plain
        secret = {"TRAINSPEC_HUB_TOKEN_FILE", "TRAINSPEC_HUB_TOKEN"} & environment.keys()
        assert (read.hub_token is None) == (not secret)
        assert read.hub_token is None or read.hub_token.get_secret_value() == TOKEN


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_comes_back(name: str, form: str, tmp_path: Path) -> None:
    check({**BESIDE.get(name, {}), name: sample(name)}, form, tmp_path)


# What text, lists and mappings can hold that some reader on the way could take for something else.
ODD = (
    *("null", "None", "true", "no", "1e5", "0o17", "0x1f", "007", "~", "=", "<<", "2026-11-24", "1_000", ".5", "1:30"),
    *(
        "a,b",
        "[a]",
        "{a: 1}",
        "# no",
        "a # b",
        "a: b",
        "'",
        '"',
        "$HOME",
        "${A:-b}",
        "$$",
        "$(NAME)",
        "\\n",
        "é",
    ),
    *("- a", "*a", "&a", "!a", "%a", "@a", "`a", "x" * 300),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", ODD)
def test_odd_text_comes_back(text: str, form: str, tmp_path: Path) -> None:
    """By itself, in a list and inside of a mapping."""
    wrapped = {"fsdp": ["full_shard", "auto_wrap"], "fsdp_config": {"transformer_layer_cls_to_wrap": [text, "B"]}}
    check({"run_name": text, "label_names": [text, "b"], **wrapped}, form, tmp_path)


samples = st.sampled_from([name for name in FIELDS if not BESIDE.get(name)]).map(lambda name: (name, sample(name)))
texts = st.tuples(st.sampled_from(["run_name", "logging_dir", "hub_model_id"]), st.text(min_size=1, max_size=12))
numbers = st.tuples(
    st.sampled_from(["learning_rate", "weight_decay", "adam_epsilon"]),
    st.floats(0, 1e6, exclude_min=True, allow_subnormal=False),
)
lists = st.tuples(st.sampled_from(["label_names", "include_for_metrics"]), st.lists(st.text(max_size=6), max_size=3))


@given(st.lists(samples | texts | numbers | lists, max_size=8).map(dict), st.sampled_from(FORMS))
def test_any_settings_come_back(document: dict[str, Any], form: str) -> None:
    try:
        settings_of(document)
    except ValueError:
        return
    with tempfile.TemporaryDirectory() as files:
        check(document, form, Path(files))


def test_what_no_variable_can_say_becomes_a_file() -> None:
    assert as_variables({"label_names": ["a"]}) == {"TRAINSPEC_LABEL_NAMES": "a"}
    assert as_variables({"run_name": "null"}) is None
    assert "envFrom" not in Manifests(as_k8s({"run_name": "null"}, options={})).container


@pytest.mark.parametrize(
    ("section", "variables"),
    [
        ({"width": 64, "text": "s3://a/b"}, {"TRAINSPEC_TASK__WIDTH": "64", "TRAINSPEC_TASK__TEXT": "s3://a/b"}),
        ({"flag": True}, {"TRAINSPEC_TASK__FLAG": "true"}),
        ({"text": "null"}, {"TRAINSPEC_TASK": '{"text": "null"}'}),
        ({"sizes": [1, 2]}, {"TRAINSPEC_TASK": '{"sizes": [1, 2]}'}),
        ({"Width": 1}, {"TRAINSPEC_TASK": '{"Width": 1}'}),
        ({"a__b": 1}, {"TRAINSPEC_TASK": '{"a__b": 1}'}),
        (None, {}),
    ],
)
def test_a_tasks_section_becomes_variables(section: Any, variables: dict[str, str]) -> None:
    assert as_variables({"task": section}) == variables
