"""Several config files: each laid over those before it, mappings key by key, with the place of every value."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.settings.samples import BESIDE, FIELDS, sample

from trainspec import SettingsParser, SettingsWarning, TrainingArguments, diagnostics, load
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import paths_in
from trainspec.settings.sources.process import open_sources

Write = Callable[[str, str | bytes], str]
Document = dict[str, Any]
Path_ = tuple[str, ...]


def laid_over(below: Any, above: Any) -> Any:
    """What merging means, said again in as few words as possible."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    keys = [*below, *(key for key in above if key not in below)]
    return {key: laid_over(below.get(key), above[key]) if key in above else below[key] for key in keys}


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def put(document: Document, path: Path_, value: Any) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
    document[path[-1]] = value


# Settings of which a merge could lose something: mappings, lists, nulls, and what rules tie together.
VALUES: dict[Path_, list[Any]] = {
    ("learning_rate",): [1e-5, 3e-4],
    ("eval_strategy",): ["no", "steps", "epoch"],
    ("save_strategy",): ["no", "steps", "epoch"],
    ("load_best_model_at_end",): [True, False],
    ("eval_steps",): [None, 7, 500],
    ("label_names",): [[], ["a"], ["a", "b"], None],
    ("seed",): [1, 2, "x"],
    ("fsdp",): [["full_shard", "auto_wrap"]],
    ("fsdp_config",): [None, {}],
    ("fsdp_config", "min_num_params"): [0, 1000, 2000],
    ("fsdp_config", "forward_prefetch"): [True, False],
    ("accelerator_config", "split_batches"): [True, False],
    ("accelerator_config", "gradient_accumulation_kwargs", "sync_each_batch"): [True, False],
    ("accelerator_config", "gradient_accumulation_kwargs", "adjust_scheduler"): [True, False],
    ("lr_scheduler_kwargs", "num_cycles"): [1, 2],
    ("lr_scheduler_type",): ["cosine", "linear"],
}
# The deeper a key, the more often it is drawn, so that two of one mapping meet.
said = st.sampled_from([(path, value) for path, values in VALUES.items() for value in values * len(path) ** 2])


def as_document(pairs: list[tuple[Path_, Any]]) -> Document:
    """The pairs as one document; what stands in the way of a key gives way."""
    found: Document = {}
    for path, value in pairs:
        if len(path) > 1 and not isinstance(found.get(path[0], {}), dict):
            found.pop(path[0])
        put(found, path, value)
    return found


stacks = st.lists(st.lists(said, max_size=6).map(as_document), min_size=1, max_size=4)


def written(documents: list[Document], folder: str) -> list[str]:
    paths = []
    for number, document in enumerate(documents):
        paths.append(os.path.join(folder, f"{number}.yaml"))
        Path(paths[-1]).write_text(yaml.safe_dump(document, sort_keys=False))
    return paths


def verdict(make: Callable[[], TrainingArguments]) -> tuple[Any, list[str]]:
    """What was said, or the codes and fields of what is wrong."""
    try:
        return make().to_dict(), []
    except ValidationError as error:
        return None, sorted(f"{item.code} {' '.join(item.fields)}" for item in diagnostics(error))


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@given(stacks)
def test_files_are_judged_as_the_document_that_they_make(documents: list[Document]) -> None:
    whole: Document = {}
    for document in documents:
        whole = laid_over(whole, document)
    with tempfile.TemporaryDirectory() as folder:
        paths = written(documents, folder)
        assert verdict(lambda: TrainingArguments.from_files(paths)) == verdict(
            lambda: TrainingArguments.from_dict(whole)
        )


samples = st.sampled_from([name for name in FIELDS if name != "hub_token"])


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@given(st.lists(samples, min_size=1, max_size=6), st.integers(2, 4), st.data())
def test_a_valid_document_in_any_pieces_is_itself(names: list[str], number: int, data: st.DataObject) -> None:
    whole: Document = {}
    for name in names:
        whole |= {**BESIDE.get(name, {}), name: sample(name)}
    try:
        expected = TrainingArguments.from_dict(whole)
    except ValidationError:
        return
    pieces: list[Document] = [{} for _ in range(number)]
    last: dict[Path_, int] = {}
    for path, value in leaves(json.loads(json.dumps(whole))):
        holders = data.draw(st.sets(st.integers(0, number - 1), min_size=1), label=".".join(path))
        last[path] = max(holders)
        for holder in holders:
            put(pieces[holder], path, value)
    with tempfile.TemporaryDirectory() as folder:
        paths = written(pieces, folder)
        args = TrainingArguments.from_files(paths)
        assert args == expected
        for path, holder in last.items():
            source = args.provenance[".".join(path)].source
            if source.kind is SourceKind.FILE:
                assert source.name == paths[holder]
                assert source.line is not None
                assert path[-1] in Path(source.name).read_text().splitlines()[source.line - 1]


BASE = "learning_rate: 5e-5\neval_strategy: epoch\nlabel_names: [a, b]\nfsdp: [full_shard, auto_wrap]\nfsdp_config:\n"
BASE += "  min_num_params: 1000\n  forward_prefetch: true\n"
SITE = "fsdp_config:\n  min_num_params: 2000\nlabel_names: [c]\nlearning_rate: 3e-4\n"


def test_every_value_names_the_place_that_won_and_those_that_lost(write: Write) -> None:
    base, site = write("base.yaml", BASE), write("site.yaml", SITE)
    told = TrainingArguments.from_files([base, site]).provenance
    assert str(told["learning_rate"]) == f"0.0003  ({site}:4:1, over 5e-05 from {base}:1:1)"
    assert str(told["label_names"]) == f'["c"]  ({site}:3:1, over ["a", "b"] from {base}:3:1)'
    assert str(told["eval_strategy"]) == f'"epoch"  ({base}:2:1)'
    assert {name: str(entry) for name, entry in told.inside("fsdp_config").items()} == {
        "fsdp_config.min_num_params": f"2000  ({site}:2:3, over 1000 from {base}:6:3)",
        "fsdp_config.forward_prefetch": f"true  ({base}:7:3)",
    }
    assert told.inside("learning_rate") == told.inside("seed") == {}


def test_a_rule_broken_by_two_files_names_both_places(write: Write) -> None:
    paths = [write("a.yaml", "eval_strategy: epoch\n"), write("b.yaml", "load_best_model_at_end: true\n")]
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_files(paths)
    (found,) = diagnostics(caught.value)
    places = [str(item.source) for item in found.evidence]
    assert (found.code, places) == ("CKP101", [f"{paths[1]}:1:1", "default", f"{paths[0]}:1:1"])


def test_keys_are_merged_at_any_depth(write: Write) -> None:
    deep = "accelerator_config: {{gradient_accumulation_kwargs: {{{}}}, even_batches: {}}}\n"
    a, b = (
        write("a.yaml", deep.format("adjust_scheduler: false", "true")),
        write("b.yaml", deep.format("sync_each_batch: true", "false")),
    )
    args = TrainingArguments.from_files([a, b])
    inner = {"adjust_scheduler": False, "sync_each_batch": True}
    assert args.to_dict()["accelerator_config"] == {"gradient_accumulation_kwargs": inner, "even_batches": False}
    names = {name: entry.source.name for name, entry in args.provenance.inside("accelerator_config").items()}
    assert names == {
        "accelerator_config.gradient_accumulation_kwargs.adjust_scheduler": a,
        "accelerator_config.gradient_accumulation_kwargs.sync_each_batch": b,
        "accelerator_config.even_batches": b,
    }


def test_a_later_null_is_a_value(write: Write) -> None:
    base, site = write("base.yaml", BASE), write("site.yaml", "fsdp_config: null\nlabel_names: null\n")
    args = TrainingArguments.from_files([base, site, write("c.yaml", "fsdp_config: {min_num_params: 3}\n")])
    assert args.to_dict()["fsdp_config"] == {"min_num_params": 3}
    assert args.label_names is None
    assert str(args.provenance["label_names"]) == f'null  ({site}:2:1, over ["a", "b"] from {base}:3:1)'


def test_keys_over_a_path_are_refused_and_a_path_over_keys_is_not(write: Write) -> None:
    text, keys = write("a.yaml", "deepspeed: ds.json\n"), write("b.yaml", "deepspeed: {bf16: {enabled: true}}\n")
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_files([text, keys])
    found = next(item for item in diagnostics(caught.value) if item.code == "SRC113")
    assert [str(item.source) for item in found.evidence] == [f"{text}:1:1", f"{keys}:1:13"]
    write("ds.json", "{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(os.path.dirname(text))
        assert TrainingArguments.from_files([keys, text]).to_dict() == {"deepspeed": "ds.json"}


def test_the_same_part_is_taken_of_every_file(write: Write) -> None:
    one = write("a.yaml", "train: {args: {seed: 1}}\n")
    other = write("b.toml", "[train.args]\nlearning_rate = 0.5\n")
    args = TrainingArguments.from_files([one, other], at="train.args")
    assert (args.seed, args.learning_rate) == (1, 0.5)
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_files([one, write("c.yaml", "seed: 2\n")], at="train.args")
    assert [item.code for item in diagnostics(caught.value)] == ["SRC110"]


def test_all_that_cannot_be_read_is_said_and_nothing_else(write: Write) -> None:
    good, bad = write("a.yaml", "load_best_model_at_end: true\n"), write("b.yaml", "a: [")
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_files(["nowhere.yaml", good, bad, write("c.yaml", "seed: 1\n---\nseed: 2\n")])
    assert [item.code for item in diagnostics(caught.value)] == ["SRC105", "SRC107", "SRC108"]


def test_a_file_that_is_named_twice_counts_where_it_stands_last(write: Write) -> None:
    a, b = write("a.yaml", "seed: 1\n"), write("b.yaml", "seed: 2\nlearning_rate: 0.5\n")
    again = os.path.join(os.path.dirname(a), ".", "a.yaml")
    with pytest.warns(SettingsWarning, match=r"SRC118\] .*a.yaml is named twice"):
        args = TrainingArguments.from_files([a, b, again])
    assert (args.seed, args.learning_rate) == (1, 0.5)
    assert [item.value for item in args.provenance["seed"].overrode] == ["2"]


NAMES: dict[str, tuple[str, list[str]]] = {
    "one": ("a.yaml", ["a.yaml"]),
    "several": ("a.yaml,b.toml,c.json", ["a.yaml", "b.toml", "c.json"]),
    "with spaces": ("a.yaml , b.yml", ["a.yaml", "b.yml"]),
    "a comma in a folder": ("runs,old/a.yaml,b.yaml", ["runs,old/a.yaml", "b.yaml"]),
    "a comma in a name": ("a,b.yaml", ["a,b.yaml"]),
    "URLs": ("s3://b/lr=1,wd=2/a.yaml,https://h/b.yaml?v=1", ["s3://b/lr=1,wd=2/a.yaml", "https://h/b.yaml?v=1"]),
    "a list": ('["a.yaml,b.yaml", "https://h/c.yaml?x=1,2"]', ["a.yaml,b.yaml", "https://h/c.yaml?x=1,2"]),
    "brackets in a name": ("[a].yaml,b.yaml", ["[a].yaml", "b.yaml"]),
    "no format, as one": ("a.txt", ["a.txt"]),
}


@pytest.mark.parametrize(("text", "paths"), NAMES.values(), ids=NAMES)
def test_a_text_names_files(text: str, paths: list[str]) -> None:
    assert paths_in(text, Source(SourceKind.ENVIRONMENT, "TRAINSPEC_CONFIG")) == paths


MISNAMED = {
    "nothing behind a comma": ("a.yaml,", "SRC105"),
    "nothing before a comma": (",a.yaml", "SRC105"),
    "nothing between commas": ("a.yaml,,b.yaml", "SRC105"),
    "no format behind a comma": ("a.yaml,b", "SRC114"),
    "a query with a comma": ("https://h/a.yaml?x=1,2", "SRC114"),
    "no JSON": ("[a.yaml]", "SRC107"),
    "an empty list": ("[]", "SRC107"),
    "a number": ("[1]", "SRC107"),
    "a list in a list": ('[["a.yaml"]]', "SRC107"),
}


@pytest.mark.parametrize(("text", "code"), MISNAMED.values(), ids=MISNAMED)
def test_a_text_that_names_none_is_told_with_its_variable(text: str, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        paths_in(text, Source(SourceKind.ENVIRONMENT, "TRAINSPEC_CONFIG"))
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.source)) == (code, "TRAINSPEC_CONFIG (environment)")
    assert "JSON list" in found.remedy


def test_the_process_reads_all_that_a_variable_names(write: Write) -> None:
    a, b, dotenv = (
        write("a.yaml", "seed: 1\n"),
        write("b.yaml", "seed: 2\n"),
        write(".env", "TRAINSPEC_CONFIG=x.yaml\n"),
    )
    environ = {"TRAINSPEC_CONFIG": f"{a},{b}", "TRAINSPEC_ENV_FILE": dotenv}
    assert load(environ=environ).seed == 2
    assert load(environ={**environ, "TRAINSPEC_CONFIG": json.dumps([b, a])}).seed == 1
    assert load(environ=environ, config=[b, Path(a)]).seed == 1
    assert load(environ=environ, config=Path(a)).seed == TrainingArguments.from_file(Path(a)).seed == 1
    assert load(environ=environ, config=[]).seed == 2, "an empty list names no file"
    assert [one.name for one in open_sources(TrainingArguments, environ=environ).documents] == [a, b]


def test_the_constructor_and_the_parser_read_them_too(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = write("a.yaml", "seed: 1\nlearning_rate: 0.1\n"), write("b.yaml", "seed: 2\n")
    monkeypatch.setenv("TRAINSPEC_CONFIG", f"{a},{b}")
    (parsed,) = SettingsParser(TrainingArguments).parse_args([])
    for args in (TrainingArguments("out"), parsed):
        assert (args.seed, args.learning_rate) == (2, 0.1)
