"""Every value knows its source and what it overrode, and every diagnostic cites it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trainspec import Settings, TrainingArguments, diagnostics, load
from trainspec.settings.sections.section import Section


def all_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingArguments:
    (tmp_path / "run.yaml").write_text(
        "# a run\nseed: 1\nrun_name: file\nfsdp: full_shard\nfsdp_config:\n  version: 1\n"
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "seed").write_text("2\n")
    (tmp_path / "vars.env").write_text("\nOTHER=1\nTRAINSPEC_SEED=3\n")
    monkeypatch.chdir(tmp_path)
    environ = {"TRAINSPEC_SEED": "4", "TRAINSPEC_FSDP_CONFIG__LIMIT_ALL_GATHERS": "true"}
    return load(
        TrainingArguments,
        ["--seed", "5"],
        environ=environ,
        config="run.yaml",
        env_file="vars.env",
        secrets_dir="secrets",
        seed=6,
    )


def test_the_strongest_source_wins_and_names_those_it_overrode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = all_sources(tmp_path, monkeypatch).provenance["seed"]
    assert (entry.value, str(entry.source)) == ("6", "constructor")
    assert [(item.value, str(item.source)) for item in entry.overrode] == [
        ("5", "--seed (command line)"),
        ("4", "TRAINSPEC_SEED (environment)"),
        ("3", "vars.env:3 (dotenv)"),
        ("2", "secrets/seed (secret file)"),
        ("1", "run.yaml:2:1"),
    ]


def test_mappings_are_put_together_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = all_sources(tmp_path, monkeypatch)
    assert args.to_dict()["fsdp_config"] == {"version": 1, "limit_all_gathers": True}
    assert str(args.provenance["fsdp_config.version"].source) == "run.yaml:6:3"
    gathers = args.provenance["fsdp_config.limit_all_gathers"].source
    assert str(gathers) == "TRAINSPEC_FSDP_CONFIG__LIMIT_ALL_GATHERS (environment)"


def test_defaults_and_derived_values_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provenance = all_sources(tmp_path, monkeypatch).provenance
    assert str(provenance["learning_rate"].source) == "default"
    assert str(provenance["eval_steps"].source) == "derived from logging_steps"
    assert (provenance["eval_steps"].value, provenance["data_seed"].value) == ("500", "6")
    assert len(provenance) == len(list(provenance)) == len(TrainingArguments.model_fields)


def test_an_unknown_name_has_no_provenance() -> None:
    provenance = TrainingArguments.from_dict({}).provenance
    with pytest.raises(KeyError):
        provenance["nonsense"]
    assert "nonsense" not in provenance


def test_a_pure_document_says_document() -> None:
    assert str(TrainingArguments.from_dict({"seed": 1}).provenance["seed"].source) == "document"


def test_an_assignment_is_a_source_and_keeps_what_it_overrode() -> None:
    args = TrainingArguments.from_yaml("seed: 1\n", name="run.yaml")
    args.seed = 2
    entry = args.provenance["seed"]
    assert str(entry.source) == "seed (assignment)"
    assert [str(item.source) for item in entry.overrode] == ["run.yaml:1:1"]


def test_an_old_name_is_cited_where_it_stands() -> None:
    with pytest.warns(FutureWarning, match="run.yaml:2:1"):
        args = TrainingArguments.from_yaml("seed: 1\nevaluation_strategy: epoch\n", name="run.yaml")
    assert str(args.provenance["eval_strategy"].source) == "run.yaml:2:1"


def test_a_fault_between_two_sources_cites_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("load_best_model_at_end: true\nsave_strategy: steps\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError) as caught:
        load(environ={"TRAINSPEC_EVAL_STRATEGY": "epoch", "TRAINSPEC_CONFIG": "run.yaml"})
    (fault,) = diagnostics(caught.value)
    cited = {item.field: str(item.source) for item in fault.evidence}
    assert fault.code == "CKP101"
    assert cited["eval_strategy"] == "TRAINSPEC_EVAL_STRATEGY (environment)"
    assert cited["save_strategy"] == "run.yaml:2:1"


def test_keys_passed_over_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 1\ndatabase: x\n")
    args = TrainingArguments.from_file(str(file), ignore_unknown=True)
    assert (args.seed, args.provenance.ignored) == (1, ("database",))
    assert TrainingArguments.from_dict({}).provenance.ignored == ()
    with pytest.raises(ValidationError):
        TrainingArguments.from_file(str(file))


def test_all_faults_come_at_once_with_their_sources() -> None:
    text = "seed: -1\nlerning_rate: 3\nbf16: true\nfp16: true\nlr_scheduler_kwargs: {nmu: 1}\noptim: adamw_torc\n"
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_yaml(text, name="run.yaml")
    found = {item.code: str(item.source) for item in diagnostics(caught.value)}
    assert found == {
        "VAL102": "run.yaml:1:1",
        "SRC102": "run.yaml:2:1",
        "PRE101": "run.yaml:3:1",
        "SCH201": "run.yaml:5:23",
        "VAL103": "run.yaml:6:1",
    }
    assert [line["type"] for line in caught.value.errors()] == [item.code for item in diagnostics(caught.value)]


class Inner(Section):
    a: int = 0
    b: int = 0


class Outer(Settings):
    inner: Inner | None = None


# What run.yaml and TRAINSPEC_INNER say, flags, a change -> where each key comes from then.
REPLACED: dict[str, tuple[str, str | None, list[str], dict[str, Any] | None, dict[str, str]]] = {
    "a change says all of it anew": (
        "{a: 5, b: 2}",
        None,
        [],
        {"b": 1},
        {"b": "1  (inner (constructor), over 2 from run.yaml:1:15)", "a": "0  (default)"},
    ),
    "null in between": (
        "{a: 5, b: 1}",
        "null",
        ["--inner.b", "2"],
        None,
        {"b": "2  (--inner.b (command line))", "a": "0  (default)"},
    ),
    "keys over keys": (
        "{a: 5}",
        '{"a": 6}',
        [],
        None,
        {"a": "6  (TRAINSPEC_INNER (environment), over 5 from run.yaml:1:9)", "b": "0  (default)"},
    ),
}


@pytest.mark.parametrize(("file", "variable", "flags", "change", "wanted"), REPLACED.values(), ids=REPLACED)
def test_a_mapping_said_anew_hides_what_weaker_sources_said_inside(
    file: str,
    variable: str | None,
    flags: list[str],
    change: dict[str, Any] | None,
    wanted: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "run.yaml").write_text(f"inner: {file}\n")
    monkeypatch.chdir(tmp_path)
    environ = {} if variable is None else {"TRAINSPEC_INNER": variable}
    outer = load(Outer, flags, config="run.yaml", environ=environ)
    outer = outer if change is None else outer.replace(inner=change)
    with pytest.raises(KeyError):
        outer.provenance["inner.c"]
    assert {key: str(outer.provenance[f"inner.{key}"]) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"": '{"min_num_params": 3}', "__MIN_NUM_PARAMS": "9"}, {"min_num_params": "__MIN_NUM_PARAMS"}),
        (
            {"": '{"min_num_params": 3, "version": 1}', "__VERSION": "2"},
            {"min_num_params": "", "version": "__VERSION"},
        ),
        (
            {"__MIN_NUM_PARAMS": "9", "__VERSION": "2"},
            {"min_num_params": "__MIN_NUM_PARAMS", "version": "__VERSION"},
        ),
        ({"": '{"min_num_params": 3, "version": 1}'}, {}),
        ({}, {}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_keys_from_several_variables_name_each_their_own(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: dict[str, str]
) -> None:
    for end, text in variables.items():
        monkeypatch.setenv(f"TRAINSPEC_FSDP_CONFIG{end}", text)
    inside = TrainingArguments(fsdp="full_shard").provenance.inside("fsdp_config")
    named = {key: entry.source.name for key, entry in inside.items()}
    assert named == {f"fsdp_config.{key}": f"TRAINSPEC_FSDP_CONFIG{end}" for key, end in told.items()}


def test_a_source_alone_is_that_of_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = all_sources(tmp_path, monkeypatch)
    args.learning_rate = 0.1
    assert {name: args.provenance.source(name) for name in args.provenance} == {
        name: entry.source for name, entry in args.provenance.items()
    }
    kinds = {str(args.provenance.source(name)) for name in args.provenance}
    assert {"constructor", "--seed (command line)"} & kinds and "default" in kinds and len(kinds) > 4
