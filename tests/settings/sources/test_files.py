"""Files: YAML, JSON and TOML, local or at a URL. What cannot be read is one diagnostic with its code and place."""

from __future__ import annotations

import json
import os
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError
from tests.settings.samples import BESIDE, FIELDS, as_toml, sample

from trainspec import SettingsWarning, TrainingArguments, diagnostics
from trainspec.settings.sources.files import parse_document, read_document

pytestmark = pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.diagnostic.SettingsWarning")


def faults(make: Any) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        make()
    return diagnostics(caught.value)


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_reads_alike_from_every_format(name):
    document = {**BESIDE.get(name, {}), name: sample(name)}
    expected = TrainingArguments.from_dict(document)
    text = json.dumps(document)
    lines = [f"{key} = {as_toml(value)}\n" for key, value in document.items()]
    readings = (
        TrainingArguments.from_json(text),
        TrainingArguments.from_yaml(text),
        TrainingArguments.from_toml("".join(lines)),
    )
    for settings in readings:
        assert settings == expected
        assert settings.__dict__[name] == expected.__dict__[name]


BAD_TEXTS = {
    "JSON: a closing comma": ("json", '{"seed": 1,}', "SRC107", 1),
    "JSON: a comment": ("json", '{\n"seed": 1 // one\n}', "SRC107", 2),
    "JSON: single quotes": ("json", "{'seed': 1}", "SRC107", 1),
    "JSON: nothing": ("json", "", "SRC107", 1),
    "JSON: two values": ("json", "{}\n{}", "SRC107", 2),
    "JSON: NaN": ("json", '{"seed": 1,\n "learning_rate": NaN}', "SRC107", 2),
    "JSON: -Infinity in a list": ("json", '{"label_names":\n [1,\n -Infinity]}', "SRC107", 3),
    "JSON: a key twice": ("json", '{"seed": 1,\n\n "seed": 1}', "SRC104", 3),
    "JSON: a key twice in depth": ("json", '{"fsdp_config": {"version": 2,\n "version": 2}, "seed": 1}', "SRC104", 2),
    "JSON: half a surrogate pair": ("json", '{"run_name": "\\ud800"}', "SRC107", None),
    "JSON: nested too deep": ("json", '{"seed": ' + "[" * 90 + "]" * 90 + "}", "SRC109", None),
    "JSON: nested far too deep": ("json", "[" * 200_000, "SRC109", None),
    "JSON: a number of 5000 digits": ("json", '{"seed": ' + "1" * 5000 + "}", "SRC109", None),
    "JSON: a list": ("json", "[]", "SRC108", None),
    "JSON: text": ("json", '"seed"', "SRC108", None),
    "TOML: no value": ("toml", "seed = 1\nrun_name =\n", "SRC107", 2),
    "TOML: a key twice": ("toml", "seed = 1\nseed = 2\n", "SRC104", 2),
    "TOML: a table twice": ("toml", "[fsdp_config]\n[fsdp_config]\n", "SRC107", 2),
    "TOML: nested too deep": ("toml", "optim_args." + ".".join("a" * 200) + " = 1", "SRC109", None),
    "TOML: nested far too deep": ("toml", "seed = " + "[" * 50_000, "SRC109", None),
    "YAML: a list": ("yaml", "# one\n- seed: 1", "SRC108", 2),
    "YAML: text": ("yaml", "seed", "SRC108", 1),
    "YAML: two documents": ("yaml", "seed: 1\n---\nseed: 2", "SRC108", None),
    "YAML: a key twice": ("yaml", "seed: 1\nseed: 1", "SRC104", 2),
}


@pytest.mark.parametrize(("format", "text", "code", "line"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_text_is_one_diagnostic_at_its_line(format, text, code, line):
    (item,) = faults(lambda: getattr(TrainingArguments, f"from_{format}")(text, name="here"))
    assert (item.code, item.source.name) == (code, "here")
    assert line is None or item.source.line == line


EMPTY = {
    "YAML": ("yaml", ""),
    "comments": ("yaml", "# nothing\n"),
    "a start": ("yaml", "---\n"),
    "braces": ("json", " {} "),
    "null": ("yaml", "null"),
    "TOML": ("toml", "\n# nothing\n"),
    "the schema alone": ("json", '{"$schema": "https://example.org/s.json"}'),
    "bytes with a mark": ("yaml", b"\xef\xbb\xbf"),
}


@pytest.mark.parametrize(("format", "text"), EMPTY.values(), ids=EMPTY)
def test_what_says_nothing_is_all_defaults(format, text):
    assert getattr(TrainingArguments, f"from_{format}")(text).model_fields_set == set()


def test_a_schema_key_is_allowed_at_the_top_of_a_parsed_document_too():
    assert TrainingArguments.from_dict({"$schema": "x", "seed": 1}).to_dict() == {"seed": 1}
    assert [item.code for item in TrainingArguments.check({"fsdp_config": {"$schema": "x"}}).errors] == ["VAL107"]


VALUES = {
    "8.0 is an integer": ("seed: 8.0", 8),
    "not 8.5": ("seed: 8.5", "VAL101"),
    "not 8e0, a float": ("seed: 8e0", 8),
    "not in quotes": ('seed: "8"', "VAL101"),
    "not a boolean": ("seed: true", "VAL101"),
    "octal": ("seed: 0o17", 15),
    "underscores": ("seed: 1_000", "VAL101"),
    "infinity": ("learning_rate: .inf", "VAL104"),
    "not a number": ("learning_rate: .nan", "VAL104"),
    "no is a strategy": ("eval_strategy: no", "no"),
    "no is no switch": ("bf16: no", "VAL101"),
    "nor is 1": ("bf16: 1", "VAL101"),
    "a date is text": ("run_name: 2001-12-14", "2001-12-14"),
    "a time is text": ("run_name: 12:30:45", "12:30:45"),
    "null where it is allowed": ("save_total_limit: null", None),
    "null where it is not": ("seed: ~", "VAL101"),
    "a list by commas": ("label_names: a,b", "VAL101"),
    "blanks around": ('output_dir: "  x "', "x"),
}


@pytest.mark.parametrize(("text", "outcome"), VALUES.values(), ids=VALUES)
def test_values_of_documents_are_strict(text, outcome):
    name = text.partition(":")[0]
    verdict = TrainingArguments.check(parse_document(text, "yaml", "here").values)
    if isinstance(outcome, str) and outcome.startswith("VAL"):
        assert [item.code for item in verdict.errors] == [outcome]
    else:
        assert (verdict.settings.__dict__[name], verdict.errors) == (outcome, [])


@pytest.mark.parametrize(
    "text", ["run_name = 2001-12-14", "seed = 12:30:45", "learning_rate = nan", "learning_rate = -inf"]
)
def test_types_that_only_toml_has(text):
    (item,) = faults(lambda: TrainingArguments.from_toml(text))
    assert item.code == ("VAL104" if text.endswith(("nan", "inf")) else "VAL101")


def unreadable(write: Any, tmp_path: Any) -> dict[str, tuple[str, str]]:
    (tmp_path / "folder.yaml").mkdir()
    sparse = write("large.yaml", "")
    os.truncate(sparse, 17 * 2**20)
    return {
        "missing": (str(tmp_path / "no.yaml"), "SRC105"),
        "a folder": (str(tmp_path / "folder.yaml"), "SRC106"),
        "below a file": (str(tmp_path / "large.yaml" / "x.yaml"), "SRC106"),
        "not UTF-8": (write("latin.yaml", b"run_name: caf\xe9"), "SRC106"),
        "half of UTF-16": (write("wide.json", '{"seed": 1}'.encode("utf-16")[:-1]), "SRC106"),
        "too large": (sparse, "SRC109"),
        "an endless device": (write("link.yaml", ""), "SRC106"),
        "another ending": (write("run.txt", "seed: 1"), "SRC114"),
        "no ending": (write("run", "seed: 1"), "SRC114"),
        "an unknown protocol": ("nosuch://x/run.yaml", "SRC106"),
        "a protocol whose package is missing": ("gs://bucket/run.yaml", "SRC111"),
        "missing at a URL": ("memory://no/such.yaml", "SRC105"),
        "a NUL": ("a\0b.yaml", "SRC106"),
        "too long a name": ("a" * 5000 + ".yaml", "SRC106"),
    }


KINDS_OF_UNREADABLE = (
    *("missing", "a folder", "below a file", "not UTF-8", "half of UTF-16", "too large", "an endless device"),
    *("another ending", "no ending", "an unknown protocol", "a protocol whose package is missing"),
    *("missing at a URL", "a NUL", "too long a name"),
)


@pytest.mark.parametrize("kind", KINDS_OF_UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_diagnostic(kind, write, tmp_path):
    path, code = unreadable(write, tmp_path)[kind]
    if kind == "an endless device":
        os.unlink(path)
        os.symlink("/dev/zero", path)
    (item,) = faults(lambda: TrainingArguments.from_file(path))
    assert (item.code, item.severity) == (code, "error")
    assert item.source.name[:20] == path.replace("\0", "\\x00")[:20] and item.message


def test_no_permission(write, monkeypatch):
    def refuse(*args: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("trainspec.storage.opening.read_regular", refuse)
    (item,) = faults(lambda: TrainingArguments.from_file("run.yaml"))
    assert item.code == "SRC106" and "permission" in item.message


class TestSubtree:
    TEXT = "train:\n  name: x\n  args:\n    seed: 5\n    nosuch: 1\nother: [1]\n"

    def test_is_picked(self, write):
        document = read_document(write("run.yaml", self.TEXT), at="train.args")
        assert document.values == {"seed": 5, "nosuch": 1}
        assert document.source(("seed",)).line == 4

    def test_faults_in_it_keep_their_place(self, write):
        path = write("run.yaml", self.TEXT)
        (item,) = faults(lambda: TrainingArguments.from_file(path, at="train.args"))
        assert (item.code, str(item.source)) == ("SRC102", f"{path}:5:5")

    @pytest.mark.parametrize(
        ("at", "code"),
        [("train.arg", "SRC110"), ("train.args.seed.x", "SRC110"), ("other.0", "SRC110"), ("other", "SRC108")],
    )
    def test_that_is_not_there(self, at, code, write):
        (item,) = faults(lambda: TrainingArguments.from_file(write("run.yaml", self.TEXT), at=at))
        assert item.code == code

    def test_unknown_keys_may_be_ignored_but_not_nested_ones(self, write):
        path = write("run.yaml", self.TEXT)
        assert TrainingArguments.from_file(path, at="train.args", ignore_unknown=True).to_dict() == {"seed": 5}
        nested = write("nested.yaml", "fsdp: full_shard\nfsdp_config: {nosuch: 1}\nmodel: x\n")
        (item,) = faults(lambda: TrainingArguments.from_file(nested, ignore_unknown=True))
        assert item.code == "VAL107"


def test_a_url_reads_as_a_file_does():
    fsspec.filesystem("memory").pipe("/files/run.toml", b"seed = 5\n")
    settings = TrainingArguments.from_file("memory://files/run.toml")
    assert (settings.seed, str(settings.provenance["seed"].source)) == (5, "memory://files/run.toml:1:1")


def test_warnings_point_into_the_file(write):
    path = write("run.yaml", "seed: 1\nevaluation_strategy: epoch\n")
    with pytest.warns(SettingsWarning) as caught:
        TrainingArguments.from_file(path)
    assert [str(item.message.diagnostic.source) for item in caught] == [f"{path}:2:1"]
