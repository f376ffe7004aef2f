"""A text that does not parse says what was meant, at the place where it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import parse_document, parse_documents

SLIPS = {
    "JSON with comments": ("json", '{\n  // one\n  "seed": 1\n}', 2, "comments"),
    "a comment behind": ("json", '{"seed": 1 // one\n}', 1, "comments"),
    "a comment between": ("json", '{"seed": 1,\n /* x */ "bf16": true}', 2, "comments"),
    "a comment with a hash": ("json", '# x\n{"seed": 1}', 1, "comments"),
    "a trailing comma": ("json", '{"seed": 1,\n}', 2, "before }"),
    "a trailing comma in a list": ("json", '{"label_names": ["a",]}', 1, "before ]"),
    "single quotes": ("json", "{'seed': 1}", 1, "double quotes"),
    "a bare key": ("json", "{seed: 1}", 1, 'double quotes: "seed"'),
    "a bare word": ("json", '{"optim": adamw}', 1, 'text in double quotes: "..."'),
    "Python's words": ("json", '{"bf16": True}', 1, "true"),
    "None": ("json", '{"run_name": None}', 1, "null"),
    "a missing comma": ("json", '{"seed": 1\n "bf16": true}', 2, "comma"),
    "a missing colon": ("json", '{"seed" "x"}', 1, "colon"),
    "underscores in JSON": ("json", '{"seed": 1_000}', 1, "1000"),
    "percent in JSON": ("json", '{"warmup_ratio": 10%}', 1, "0.1"),
    "a bare point": ("json", '{"warmup_ratio": .5}', 1, "0.5"),
    "an early end": ("json", '{"seed": 1', 1, "end"),
    "nothing at all": ("json", "", 1, "{}"),
    "a full-width colon": ("yaml", "seed: 1\nmax_steps\uff1a 3\nbf16: true\n", 2, "write :"),
    "a full-width colon alone": ("yaml", "seed\uff1a1\n", 1, "write :"),
    "no colon": ("yaml", "seed: 1\nbf16 true\nfp16: true\n", 2, "key: value"),
    "no blank behind the colon": ("yaml", "seed: 1\nbf16:true\nfp16: true\n", 2, "blank behind"),
    "a tab": ("yaml", "fsdp_config:\n\tversion: 2\n", 2, "tabs"),
    "an at sign": ("yaml", "run_name: @x\n", 1, "quotes"),
    "a colon in text": ("yaml", "run_name: a: b\n", 1, "quotes"),
    "crooked": ("yaml", "seed: 1\n bf16: true\n", 2, "alike"),
    "an open quote": ("yaml", "seed: 1\nrun_name: 'x\nbf16: true\n", 2, ""),
    "TOML in YAML": ("yaml", "seed = 1\nbf16 = true\n", 1, ".toml"),
    "an unfinished merge": ("yaml", "seed: 1\n<<<<<<< HEAD\nbf16: true\n=======\n>>>>>>> x\n", 2, "merge"),
    "curly quotes": ("toml", "run_name = \u201ca\u201d", 1, "straight"),
    "Python's words in TOML": ("toml", "seed = 1\nbf16 = True", 2, "true"),
    "null in TOML": ("toml", "run_name = null", 1, "leave the key out"),
    "YAML in TOML": ("toml", "seed = 1\nbf16: true", 2, ".yaml"),
    "bare text in TOML": ("toml", "optim = adamw", 1, "quotes"),
    "a comma in TOML": ("toml", "seed = 1,\n", 1, "take the ,"),
    "percent in TOML": ("toml", "warmup_ratio = 10%", 1, "0.1"),
}


@pytest.mark.parametrize(("format", "text", "line", "words"), SLIPS.values(), ids=SLIPS)
def test_what_was_meant(format: str, text: str, line: int, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_document(text, format, "here")
    (item,) = caught.value.diagnostics
    assert item.source.line == line
    assert words in f"{item.message} {item.remedy}"


@given(st.sampled_from(["json", "yaml", "toml"]), st.text(max_size=80))
def test_any_text_is_read_or_told(format: str, text: str) -> None:
    try:
        list(parse_documents(text, format, "here"))
    except SourceError as error:
        assert all(item.message.isprintable() for item in error.diagnostics)


TWICE = {
    "YAML": ("yaml", "seed: 1\nseed: 2\nbf17: 1\nfsdp_config: {version: 1, version: 2}\n", 2),
    "JSON": ("json", '{"seed": 1, "seed": 2,\n"bf17": 1, "fsdp_config": {"version": 1, "version": 2}}', 2),
    "TOML": ("toml", "seed = 1\nseed = 2\nbf17 = 1\n[fsdp_config]\nversion = 1\nversion = 2\n", 2),
    "JSON, a mapping": ("json", '{"fsdp_config": {"version": 1},\n"fsdp_config": {"version": 2}, "bf17": 1}', 1),
}


@pytest.mark.parametrize(("format", "text", "twice"), TWICE.values(), ids=TWICE)
def test_a_key_that_stands_twice_hides_nothing_else(format: str, text: str, twice: int, write) -> None:  # type: ignore[no-untyped-def]
    from trainspec.answers.judgement import Judge

    (report,) = Judge(TrainingArguments).text(text, format, "here")
    codes = [item.code for item in report.diagnostics if item.severity == "error"]
    assert (codes.count("SRC104"), codes.count("SRC102"), len(codes)) == (twice, 1, twice + 1)
    assert all(item.source.line for item in report.diagnostics if item.code == "SRC104")
    with pytest.raises(SourceError):
        parse_document(text, format, "here")


HELD = {
    "merged": ("x-base: &b {seed: 3}\n<<: *b\n", {"seed": 3}),
    "with a dot": (".base: &b\n  seed: 3\n<<: *b\n", {"seed": 3}),
    "a part of it": ("x-parts:\n  rate: &r 1e-3\nlearning_rate: *r\n", {"learning_rate": 1e-3}),
    "several": ("x-a: &a {seed: 3}\nx-b: &b {bf16: true}\n<<: [*a, *b]\n", {"seed": 3, "bf16": True}),
}


@pytest.mark.parametrize(("text", "values"), HELD.values(), ids=HELD)
def test_what_aliases_refer_to_may_stand_beside_settings(text: str, values: dict[str, object]) -> None:
    assert parse_document(text, "yaml", "here").values == values


@pytest.mark.parametrize("text", ["x-base: {seed: 3}\n", ".base: &b {seed: 3}\n", "base: &b {seed: 3}\n<<: *b\n"])
def test_what_nothing_refers_to_is_an_unknown_key(text: str) -> None:
    verdict = TrainingArguments.check(parse_document(text, "yaml", "here").values)
    assert "SRC102" in [item.code for item in verdict.errors]
