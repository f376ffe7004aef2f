"""Whatever is thrown at a source: valid settings, or ValidationError whose every line is one of our diagnostics.

Never another exception, a hang, an unprintable message, or a secret shown.
"""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.settings.samples import as_toml
from tests.settings.strategies import CANARY, documents, environments, flawed_texts, names, odd_text, values, words

from trainspec import TrainingArguments, diagnostics
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.sources.files import SourceError, parse_documents

KNOWN_CODES = {*CODES, *(rule.code for rule in TrainingArguments.rules())}
# Arguments of a chosen optimizer or schedule are typed while resolving, under codes of their families.
ARGUMENT_CODES = re.compile(r"(OPT|SCH)20[123]")


def thrown_at(make: Any) -> TrainingArguments | None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            settings = make()
        except ValidationError as error:
            assert_ours(error)
            settings = None
    assert not [item for item in caught if CANARY in str(item.message)]
    if settings is not None:
        assert_whole(settings)
    return settings


def assert_ours(error: ValidationError) -> None:
    found = diagnostics(error)
    assert len(found) == error.error_count() > 0
    for line, item in zip(error.errors(), found, strict=True):
        assert line["type"] == item.code and (item.code in KNOWN_CODES or ARGUMENT_CODES.fullmatch(item.code)), item
        assert item.severity == "error" and item.message
        text = item.render() + str(line)
        text.encode()
        assert all(character.isprintable() or character == "\n" for character in item.render())
        assert CANARY not in text
    assert "error rendering message" not in str(error)
    json.loads(error.json())


def assert_whole(settings: TrainingArguments) -> None:
    """Settings that can be shown, dumped, read back, and hold nothing infinite."""
    text = settings.to_json_string()
    assert CANARY not in text + repr(settings) + json.dumps(settings.to_sanitized_dict())
    document = json.loads(text)
    assert not [name for name, value in document.items() if isinstance(value, float) and not math.isfinite(value)]
    assert TrainingArguments.check(document).settings == settings
    json.dumps(settings.to_dict(derived=True), allow_nan=False)
    assert [str(entry) for entry in settings.provenance.values()]


def to_yaml(document: dict[str, Any]) -> str:
    stream = io.StringIO()
    yaml.safe_dump(document, stream, allow_unicode=True)
    return stream.getvalue()


def to_toml(document: dict[str, Any]) -> str:
    lines = [f"{json.dumps(name)} = {as_toml(value)}" for name, value in document.items() if value is not None]
    return "\n".join(lines)


def to_dotenv(document: dict[str, Any]) -> str:
    return "\n".join(f"TRAINSPEC_{name.upper()}={value}" for name, value in document.items())


@given(documents)
@example({"$schema": 1, "": None})
def test_parsed_documents(document):
    thrown_at(lambda: TrainingArguments.from_dict({"hub_tokn": CANARY, **document} if "" in document else document))


@given(documents)
def test_arguments(document):
    keywords = {str(name): value for name, value in document.items() if name not in ("self",)}
    thrown_at(lambda: TrainingArguments(**keywords))


@given(st.lists(documents, min_size=1, max_size=3))
def test_assignments(changes):
    settings = TrainingArguments.from_dict({})
    for change in changes:
        before = (settings.to_dict(), repr(settings))
        after = thrown_at(lambda settings=settings, change=change: settings.replace(**change))
        assert (settings.to_dict(), repr(settings)) == before
        settings = after or settings


@given(environments())
@example({"TRAINSPEC_": "x", "TRAINSPEC___": "x", "TRAINSPEC_SEED__": "x", "TRAINSPEC_SEED____": "x"})
def test_environments(environ):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            if name and "=" not in name and "\0" not in name + value:
                patch.setenv(*(text.encode("utf-8", "replace").decode() for text in (name, value)))
        thrown_at(TrainingArguments)


@given(environments())
def test_environments_with_a_secret_and_undecodable_bytes(environ):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            if "\0" not in name + value and "=" not in name and "\ud800" not in name + value:
                patch.setenv(name, value + "\udcff")
        patch.setenv("TRAINSPEC_HUB_TOKEN", CANARY)
        patch.setenv("TRAINSPEC_HUB_TOKN", CANARY)
        assert thrown_at(TrainingArguments) is None


@pytest.mark.parametrize(
    ("format", "write"), [("json", json.dumps), ("yaml", to_yaml), ("toml", to_toml)], ids=["json", "yaml", "toml"]
)
def test_flawed_texts(format, write):
    read = getattr(TrainingArguments, f"from_{format}")

    @given(flawed_texts(write) | st.text() | st.binary(max_size=60))
    def run(text):
        thrown_at(lambda: read(text))

    run()


@pytest.mark.parametrize("format", ["json", "yaml", "toml"])
def test_texts_with_a_secret(format):
    write = {"json": json.dumps, "yaml": to_yaml, "toml": to_toml}[format]
    read = getattr(TrainingArguments, f"from_{format}")

    @given(documents, st.sampled_from(["hub_token", "hub_tokn", "push_to_hub_token"]), st.integers(0, 200))
    def run(document, name, at):
        text = write({**document, name: CANARY})
        # A misspelled name that a lost line break makes part of a known value cannot be told from any other text.
        thrown_at(lambda: read(text if name == "hub_tokn" else text[:at] + text[at + 1 :]))

    run()


@given(st.text(alphabet="-&*!|>{}[],:?#'\"%@` \n\tab1.~<", max_size=60), st.sampled_from(["yaml", "toml", "json"]))
def test_punctuation(text, format):
    try:
        assert list(parse_documents(text, format, "here"))
    except SourceError as error:
        (item,) = error.diagnostics
        assert item.code in CODES and "\n" not in item.message


@given(flawed_texts(to_dotenv) | st.text())
def test_dotenv_texts(text):
    throw_file("ENV_FILE", "fuzz.env", text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=80))
def test_dotenv_bytes(data):
    throw_file("ENV_FILE", "fuzz.env", b"TRAINSPEC_HUB_TOKN=" + CANARY.encode() + b"\n" + data)


FILE_BYTES = st.binary(max_size=40) | words.map(lambda text: text.encode("utf-8", "replace"))


@given(FILE_BYTES)
def test_mounted_secrets(data):
    throw_file("HUB_TOKEN_FILE", "fuzz.secret", data)


def throw_file(variable: str, name: str, data: bytes) -> None:
    fsspec.filesystem("memory").pipe(f"/fuzz/{name}", data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"TRAINSPEC_{variable}", f"memory://fuzz/{name}")
        thrown_at(TrainingArguments)


FILE_NAMES = (names | names.map(lambda name: f"trainspec_{name}")).map(
    lambda name: name.encode("utf-8", "replace").decode().replace("/", "_").replace("\0", "")[:80]
)


@given(st.dictionaries(FILE_NAMES.filter(lambda name: name.strip(".")), FILE_BYTES, max_size=4))
def test_secrets_directories(files):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        patch.setenv("TRAINSPEC_SECRETS_DIR", folder)
        thrown_at(TrainingArguments)


@given(names, values)
def test_one_name_and_one_value(name, value):
    verdict = TrainingArguments.check({name: value})
    assert verdict.ok == (not verdict.errors)
    for item in verdict.diagnostics:
        item.render(color=True).encode()


@given(odd_text, st.sampled_from(["from_file", "CONFIG", "ENV_FILE", "SECRETS_DIR", "HUB_TOKEN_FILE"]))
@example("\0", "from_file")
@example("a" * 5000, "CONFIG")
@example("memory://", "CONFIG")
@example("://", "CONFIG")
@example("~nobody/x", "ENV_FILE")
def test_paths(path, where):
    if where == "from_file":
        thrown_at(lambda: TrainingArguments.from_file(f"/nosuch/{path}.yaml"))
        return
    with pytest.MonkeyPatch.context() as patch:
        if "\0" not in path and path.strip() and "\ud800" not in path:
            patch.setenv(f"TRAINSPEC_{where}", path.encode("utf-8", "replace").decode())
        thrown_at(TrainingArguments)
