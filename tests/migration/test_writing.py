"""Every form gives back the settings that were written in it, or says that it cannot."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.settings.samples import BESIDE, FIELDS, KINDS, sample
from tests.settings.strategies import documents, values

from trainspec import TrainingArguments
from trainspec.answers.export import READ_BACK, written
from trainspec.answers.faults import NoAnswer
from trainspec.migration.documents import read_back
from trainspec.migration.rewriting import same
from trainspec.migration.values import NotWritable, as_yaml
from trainspec.migration.writing import as_cli, as_env, as_json_file, as_toml_file, as_yaml_file
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import parse_document

FORMS = sorted(READ_BACK)
SECRETS = TrainingArguments.secret_fields()


def check(document: dict[str, Any], form: str) -> None:
    wanted = TrainingArguments.check(document).settings
    found = read_back(written(wanted.to_dict(), form, {}), form)
    assert found.ok, found.errors
    assert found.settings.to_dict(derived=True) == wanted.to_dict(derived=True)
    if form != "toml":
        assert found.settings == wanted


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [name for name in FIELDS if name not in SECRETS])
def test_every_setting(name: str, form: str) -> None:
    check({**BESIDE.get(name, {}), name: sample(name)}, form)


TEXTS = (
    *("no", "1e5", "0x10", "null", "~", "a: b", "- a", "-", "---", "#x", "'q'", '"q"', "a b", "é漢😀", "$HOME", "a\\b"),
    *("a,b", "[x]", "{", "%s", "--x", "true", "12", "a#b", "a #b", "`x`", "2024-01-01", "1:30", "=", "<<", "&a", "*a"),
)
ODD = ("a\nb", "\x7f", "\u2028", "\x85", "\x00", "\t", "", " a ", "\ufeff", "\r\n")


@pytest.mark.parametrize("text", [*TEXTS, *ODD])
@pytest.mark.parametrize("form", ["yaml", "toml", "json"])
def test_any_text_in_a_file(text: str, form: str) -> None:
    values = {"x": text, text: [text, {text: text}], "y": {"z": text}}
    written_ = {"yaml": as_yaml_file, "toml": as_toml_file, "json": as_json_file}[form](values)
    assert parse_document(written_, form, "a").values == values


@given(st.dictionaries(st.text(max_size=5), values, max_size=4), st.sampled_from(["yaml", "toml", "json"]))
def test_any_values_in_a_file(values: dict[str, Any], form: str) -> None:
    values.pop("$schema", None)
    values.pop("<<", None)
    try:
        written_ = {"yaml": as_yaml_file, "toml": as_toml_file, "json": as_json_file}[form](values)
        found = parse_document(written_, form, "a").values
    except (NotWritable, UnicodeEncodeError):
        return
    except SourceError:
        # Halves of surrogate pairs are in no text that can be read; TOML's numbers have 64 bits in most readers.
        assert "\\ud8" in repr(values)
        return
    assert same(found, values)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("form", ["env", "cli"])
def test_any_text_in_words(text: str, form: str) -> None:
    try:
        check({"run_name": text, "label_names": [text, "b"]}, form)
    except NoAnswer as mistake:
        assert mistake.diagnostics[0].code == "CLI111"
        assert text in ("null", "--x", "[x]")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_said(form: str) -> None:
    check({}, form)


@given(documents, st.sampled_from(FORMS))
def test_any_valid_document(document: dict[str, Any], form: str) -> None:
    verdict = TrainingArguments.check(document)
    if not verdict.ok:
        sound = {name: sample(name) for name in document if name in KINDS and name not in SECRETS}
        verdict = TrainingArguments.check(sound)
    if verdict.ok:
        try:
            check(verdict.settings.to_dict(), form)
        except NoAnswer as mistake:
            assert mistake.diagnostics[0].code == "CLI111"


numbers = st.floats(1e-12, 1e3, allow_nan=False) | st.just(5e-5)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "learning_rate": numbers,
            "num_train_epochs": numbers,
            "seed": st.integers(0, 2**32 - 1),
            "bf16": st.booleans(),
            "report_to": st.sampled_from(["none", "all", "wandb", ["wandb", "mlflow"]]),
            "run_name": st.none() | st.text(min_size=1, max_size=12),
            "label_names": st.lists(st.text("ab, '\"[#é", min_size=1, max_size=5), max_size=3),
            "lr_scheduler_type": st.sampled_from(["linear", "cosine", "polynomial"]),
            "save_steps": st.integers(1, 10**6) | st.floats(0.01, 0.9),
            "fsdp_config": st.fixed_dictionaries({}, optional={"min_num_params": st.integers(0, 10**9)}),
        },
    ),
    st.sampled_from(FORMS),
)
def test_documents_people_write(document: dict[str, Any], form: str) -> None:
    if TrainingArguments.check(document).ok:
        try:
            check(document, form)
        except NoAnswer as mistake:
            assert form in ("env", "cli") and mistake.diagnostics[0].code == "CLI111"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_one_to_readers_of_older_yaml_too(number: float) -> None:
    assert yaml.safe_load(as_yaml(number)) == number
    assert parse_document(f"a: {as_yaml(number)}", "yaml", "here").values == {"a": number}


@pytest.mark.parametrize("write", [as_env, as_cli])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), ""])
def test_what_no_variable_can_hold_is_refused(write: Any, value: Any) -> None:
    with pytest.raises(NotWritable, match="learning_rate: "):
        write({"learning_rate": value})
