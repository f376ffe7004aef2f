"""Files that settings name: found beside the document or in the working directory and judged, or warned of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from trainspec import SettingsWarning, TrainingArguments, diagnostics, load
from trainspec.answers.judgement import Judge
from trainspec.settings.sources.files import read_documents
from trainspec.settings.values.shape import FILES

quietly = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "path", ["nowhere.json", "conf/none", "~/none/x.yaml", "/none/x.json", "amp,1.json", "memory://none/x.json", "loss"]
)
def test_a_file_that_is_not_here_is_a_warning(name: str, path: str) -> None:
    verdict = TrainingArguments.check({name: path, "fsdp": "full_shard" if name == "fsdp_config" else []})
    (told,) = verdict.diagnostics
    assert (told.code, told.severity, told.fields) == ("VAL204", "warning", (name,))
    assert getattr(verdict.settings, name) == path
    assert verdict.settings.to_dict()[name] == path


@quietly
def test_the_verdict_is_the_same_in_every_source(here: Path) -> None:
    (here / "run.yaml").write_text("deepspeed: ds.json\n")
    said = [
        TrainingArguments(deepspeed="ds.json"),
        TrainingArguments.from_dict({"deepspeed": "ds.json"}),
        TrainingArguments.from_file("run.yaml"),
        load(argv=["--deepspeed", "ds.json"], environ={}),
        load(environ={"TRAINSPEC_DEEPSPEED": "ds.json"}),
    ]
    assert [[item.code for item in args.origin.found] for args in said if args.origin] == [["VAL204"]] * len(said)


def test_it_is_looked_for_beside_the_document_first(here: Path) -> None:
    (here / "conf/run.yaml").write_text("deepspeed: ds.json\n")
    (here / "ds.json").write_text('{"zero_optimization": {"stage": 1}}')
    assert TrainingArguments.from_file("conf/run.yaml").deepspeed.zero_optimization.stage == 1
    (here / "conf/ds.json").write_text('{"zero_optimization": {"stage": 2}}')
    args = TrainingArguments.from_file("conf/run.yaml")
    assert args.deepspeed.zero_optimization.stage == 2
    assert args.to_dict() == {"deepspeed": "ds.json"}
    assert str(args.provenance["deepspeed.zero_optimization.stage"].source) == "conf/ds.json:1:24"
    assert load(argv=["--deepspeed", "ds.json"], environ={}).deepspeed.zero_optimization.stage == 1


def test_of_several_documents_it_is_beside_the_one_that_names_it(here: Path) -> None:
    (here / "base.yaml").write_text("accelerator_config: a.json\n")
    (here / "conf/over.yaml").write_text("seed: 1\n")
    (here / "a.json").write_text('{"split_batches": true}')
    (here / "conf/a.json").write_text('{"split_batches": false}')
    assert TrainingArguments.from_files(["base.yaml", "conf/over.yaml"]).accelerator_config.split_batches is True


def test_a_document_at_a_url_has_its_files_beside_it() -> None:
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe(
        {"/beside/run.yaml": b"deepspeed: ds.json\n", "/beside/ds.json": b'{"zero_optimization": {"stage": 3}}'}
    )
    assert TrainingArguments.from_file("memory://beside/run.yaml").deepspeed.zero_optimization.stage == 3


def test_a_file_without_an_ending_is_json_as_it_is_for_transformers(here: Path) -> None:
    (here / "zero.conf").write_text('{"zero_optimization": {"stage": 2}}')
    assert TrainingArguments(deepspeed="zero.conf").deepspeed.zero_optimization.stage == 2


@pytest.mark.parametrize(
    ("text", "code", "line"), [('{"a": 1,', "SRC107", 1), ("[1]", "SRC108", 1), ('{\n "zeroo": 1}', "VAL107", 2)]
)
def test_a_file_that_is_here_is_judged_where_it_stands(here: Path, text: str, code: str, line: int) -> None:
    (here / "conf/ds.json").write_text(text)
    (here / "conf/run.yaml").write_text("\ndeepspeed: ds.json\n")
    (report,) = Judge(TrainingArguments).documents(read_documents("conf/run.yaml"), "conf/run.yaml")
    (fault,) = report.diagnostics
    assert fault.code == code
    places = [(item.source.name, item.source.line) for item in fault.evidence if item.source]
    assert ("conf/ds.json", line) in places or ("conf/ds.json", None) in places


def test_a_rule_broken_in_a_file_is_told_with_the_files_own_line(here: Path) -> None:
    (here / "ds.json").write_text('{\n "zero_optimization": {},\n "train_batch_size": 33\n}')
    (fault,) = TrainingArguments.check({"deepspeed": "ds.json"}).errors
    seen = {item.field: (item.value, str(item.source)) for item in fault.evidence}
    assert fault.code == "DSP102"
    assert seen["deepspeed"] == ('"ds.json"', "document")
    assert seen["deepspeed.train_batch_size"] == ("33", "ds.json:3:2")


CONTRADICTING = '{\n "gradient_clipping": 0.5,\n "gradient_accumulation_steps": "auto"\n}'


@pytest.mark.parametrize(
    ("document", "argv", "environ", "place"),
    [
        ({"max_grad_norm": 2.0}, [], {}, "conf/run.yaml:2:1"),
        ({}, ["--max_grad_norm", "2.0"], {}, "--max_grad_norm (command line)"),
        ({}, [], {"TRAINSPEC_MAX_GRAD_NORM": "2.0"}, "TRAINSPEC_MAX_GRAD_NORM (environment)"),
        ({}, [], {}, "default"),
    ],
    ids=["file", "flag", "variable", "nobody"],
)
@pytest.mark.parametrize("inside", [False, True], ids=["its own file", "a mapping"])
def test_a_contradiction_is_told_with_both_places_and_nothing_else(
    here: Path, document: dict[str, float], argv: list[str], environ: dict[str, str], place: str, inside: bool
) -> None:
    (here / "conf/ds.json").write_text(CONTRADICTING)
    said = " ".join(CONTRADICTING.split()) if inside else "ds.json"
    lines = [f"deepspeed: {said}", *(f"{name}: {value}" for name, value in document.items())]
    (here / "conf/run.yaml").write_text("\n".join(lines))
    with pytest.raises(ValidationError) as caught:
        load(config="conf/run.yaml", argv=argv, environ=environ)
    (fault,) = diagnostics(caught.value)
    limit = 2.0 if document or argv or environ else 1.0
    assert fault.code == "DSP101" and f"gradient_clipping is 0.5 but max_grad_norm is {limit}" in fault.message
    whole, theirs, ours = ((item.field, item.value, str(item.source)) for item in fault.evidence)
    assert whole[0] == "deepspeed" and whole[2] == "conf/run.yaml:1:1"
    assert theirs == ("deepspeed.gradient_clipping", "0.5", "conf/run.yaml:1:14" if inside else "conf/ds.json:2:2")
    assert ours == ("max_grad_norm", str(limit), place)


def test_no_rule_is_asked_about_a_file_that_is_not_here() -> None:
    said = {"deepspeed": "none.json", "optim": "adamw_torch", "auto_find_batch_size": True, "save_only_model": True}
    assert TrainingArguments.check(said).errors == []
    both = TrainingArguments.check({"deepspeed": "none.json", "fsdp": "full_shard"})
    assert [item.code for item in both.errors] == ["PAR105"]


def test_a_path_with_a_placeholder_is_told_of_as_that_alone() -> None:
    (told,) = TrainingArguments.check({"deepspeed": "${HOME}/ds.json"}).diagnostics
    assert told.code == "VAL201"


def test_a_folder_is_no_file(here: Path) -> None:
    (fault,) = TrainingArguments.check({"deepspeed": "conf"}).errors
    assert (fault.code, fault.fields[0]) == ("SRC106", "deepspeed")


def test_a_change_elsewhere_keeps_what_the_file_said_and_where(here: Path) -> None:
    (here / "ds.json").write_text(json.dumps({"zero_optimization": {"stage": 2}}))
    args = TrainingArguments(deepspeed="ds.json")
    (here / "ds.json").unlink()
    args.seed = 1
    assert args.deepspeed.zero_optimization.stage == 2
    assert str(args.provenance["deepspeed.zero_optimization.stage"].source).startswith("ds.json:1:")
    with pytest.warns(SettingsWarning, match="VAL204"):
        args.deepspeed = "other.json"
    assert args.deepspeed == "other.json"
