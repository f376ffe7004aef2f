"""Documents are judged against a class, a machine, a number of processes and a task; each gets a report."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.answers.conftest import as_json, document

from trainspec import Settings, TrainingArguments
from trainspec.answers.faults import NoAnswer
from trainspec.answers.judgement import Judge, Judgement, Process, known_target
from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.sources.process import open_sources
from trainspec.settings.values.shape import shape_of


class Own(Settings):
    """Settings of a team."""

    depth: int = 3


@dataclass
class TaskSettings:
    """A task's own settings."""

    width: int = 1


# Document, how to judge -> codes found, what became of the task's section.
JUDGED: dict[str, tuple[str, dict[str, Any], list[str], str | None]] = {
    "valid": ("seed: 1\n", {}, [], None),
    "a wrong value": ("seed: x\n", {}, ["VAL101"], None),
    "a rule": ("bf16: true\nfp16: true\n", {}, ["PRE101"], None),
    "an unknown key": ("sede: 1\n", {}, ["SRC102"], None),
    "passed over": ("sede: 1\n", {"ignore_unknown": True}, [], None),
    "a machine that can": ("bf16: true\n", {"target": "h100x8"}, [], None),
    "a machine that cannot": ("bf16: true\n", {"target": "v100"}, ["TGT101"], None),
    "no machine for what is not valid": ("bf16: true\nseed: x\n", {"target": "v100"}, ["VAL101"], None),
    "a task unchecked": ("task: {width: x}\n", {}, [], "unchecked"),
    "an empty task": ("task: {}\n", {}, [], None),
    "a task checked": ("task: {width: 2}\n", {"task": shape_of(TaskSettings)}, [], "checked"),
    "a task with a fault": ("task: {width: x}\n", {"task": shape_of(TaskSettings)}, ["VAL101"], "checked"),
    "no task but checked": ("seed: 1\n", {"task": shape_of(TaskSettings)}, [], "checked"),
}


@pytest.mark.parametrize(("text", "how", "codes", "task"), JUDGED.values(), ids=JUDGED)
def test_a_document(text: str, how: dict[str, Any], codes: list[str], task: str | None) -> None:
    report = Judge(TrainingArguments, **how).document(document(text), "run.yaml")
    assert ([item.code for item in report.diagnostics], report.task) == (codes, task)
    assert (report.file, report.number, report.of_file) == ("run.yaml", 1, True)
    assert as_json(report)["ok"] is not bool(codes)


@pytest.mark.parametrize(("world_size", "number"), [(None, 0), (1, 0), (3, 1)])
def test_processes_are_counted(world_size: int | None, number: int) -> None:
    text = "deepspeed: {train_batch_size: 8, train_micro_batch_size_per_gpu: 8, gradient_accumulation_steps: 1}\n"
    report = Judge(TrainingArguments, world_size=world_size).document(document(text), "a")
    assert len(report.diagnostics) == number


@pytest.mark.parametrize(("nodes", "codes"), [(None, []), (2, []), (3, ["TGT404", "PAR121"]), (1, ["TGT405"])])
def test_nodes_are_counted(nodes: int | None, codes: list[str]) -> None:
    report = Judge(TrainingArguments, world_size=4, nodes=nodes).document(document("fsdp: hybrid_shard\n"), "a")
    assert [item.code for item in report.diagnostics] == codes


def test_keys_that_are_passed_over_are_named() -> None:
    text = "sede: 1\nbf16: true\nmodel: big\n"
    assert Judge(TrainingArguments, ignore_unknown=True).document(document(text), "a").ignored == ["sede", "model"]
    assert Judge(TrainingArguments).document(document(text), "a").ignored == []


def test_a_class_of_ones_own() -> None:
    judge = Judge(Own)
    assert judge.document(document("depth: 4\n"), "a").diagnostics == []
    assert [item.code for item in judge.document(document("seed: 4\n"), "a").diagnostics] == ["SRC102"]


# Text, format -> the codes of each report.
TEXTS: dict[str, tuple[str | bytes, str, list[list[str]]]] = {
    "one": ("seed: 1\n", "yaml", [[]]),
    "json": (b'{"seed": "x"}', "json", [["VAL101"]]),
    "toml": ("seed = 1\n", "toml", [[]]),
    "none": ("", "yaml", [[]]),
    "three": ("seed: 1\n---\nseed: x\n---\nsede: 1\n", "yaml", [[], ["VAL101"], ["SRC102"]]),
    "bad syntax": ("a: [", "yaml", [["SRC107"]]),
    "no mapping": ("seed: 1\n---\n- 1\n---\nseed: x\n", "yaml", [[], ["SRC108"]]),
    "no text": (b"\xff", "yaml", [["SRC106"]]),
}


@pytest.mark.parametrize(("text", "format", "codes"), TEXTS.values(), ids=TEXTS)
def test_a_text(text: str | bytes, format: str, codes: list[list[str]]) -> None:
    reports = list(Judge(TrainingArguments).text(text, format, "run"))
    assert [[item.code for item in report.diagnostics] for report in reports] == codes
    assert [(report.file, report.number) for report in reports] == [("run", number + 1) for number in range(len(codes))]


def test_a_part_of_a_text() -> None:
    judge = Judge(TrainingArguments)
    (found,) = judge.text("train: {seed: x}\n", "yaml", "a", at="train")
    assert [item.code for item in found.diagnostics] == ["VAL101"]
    (found,) = judge.text("train: {seed: 1}\n", "yaml", "a", at="eval")
    assert [item.code for item in found.diagnostics] == ["SRC110"]


def process(**variables: str) -> Process:
    environ = {f"TRAINSPEC_{name}": value for name, value in variables.items()}
    sources = open_sources(TrainingArguments, environ=environ)
    return Process(*sources.layers(TrainingArguments), sources.documents, sources.variables)


def test_what_the_process_says_lies_over_the_document() -> None:
    judge = Judge(TrainingArguments, process=process(SEED="x"))
    (found,) = judge.document(document("seed: 1\n"), "a").diagnostics
    assert found.source is not None and found.source.kind is SourceKind.ENVIRONMENT
    assert Judge(TrainingArguments, process=process(SEED="2")).document(document("seed: x\n"), "a").diagnostics == []


def test_the_process_alone() -> None:
    report = Judge(TrainingArguments, process=process(SEDE="1", TASK__WIDTH="2")).process_alone("environment")
    assert (report.file, report.of_file, report.task) == ("environment", False, "unchecked")
    assert [item.code for item in report.diagnostics] == ["SRC101"]
    judge = Judge(TrainingArguments, task=shape_of(TaskSettings), process=process(TASK__WIDTH="x"))
    assert [item.fields for item in judge.process_alone("environment").diagnostics] == [("task.width",)]


# Texts, each a file -> the numbers, and whether all is well without and with --strict.
NUMBERS: dict[str, tuple[list[str], dict[str, int], bool, bool]] = {
    "nothing": ([], {"files": 0, "documents": 0, "errors": 0, "warnings": 0, "notes": 0}, True, True),
    "good": (
        ["seed: 1\n---\nseed: 2\n"],
        {"files": 1, "documents": 2, "errors": 0, "warnings": 0, "notes": 0},
        True,
        True,
    ),
    "warned": (["no_cuda: true\n"], {"files": 1, "documents": 1, "errors": 0, "warnings": 1, "notes": 0}, True, False),
    "noted": (
        ["per_device_eval_batch_size: 4\n"],
        {"files": 1, "documents": 1, "errors": 0, "warnings": 0, "notes": 1},
        True,
        True,
    ),
    "wrong": (
        ["no_cuda: true\n", "a: 1\nb: 2\n"],
        {"files": 2, "documents": 2, "errors": 2, "warnings": 1, "notes": 0},
        False,
        False,
    ),
}


@pytest.mark.parametrize(("texts", "numbers", "ok", "strictly"), NUMBERS.values(), ids=NUMBERS)
def test_all_reports_are_one_judgement(texts: list[str], numbers: dict[str, int], ok: bool, strictly: bool) -> None:
    judge = Judge(TrainingArguments)
    reports = [one for number, text in enumerate(texts) for one in judge.text(text, "yaml", f"{number}.yaml")]
    answer = as_json(Judgement(reports))
    assert (answer["summary"], answer["ok"], len(answer["files"])) == (numbers, ok, len(reports))
    assert Judgement(reports, strict=True).ok is strictly


def test_a_machine_that_there_is_not_is_no_answer() -> None:
    assert (known_target("h100x8"), known_target(None)) == ("h100x8", None)
    with pytest.raises(NoAnswer) as caught:
        Judge(TrainingArguments, target="h1000")
    (found,) = caught.value.diagnostics
    assert found.code == "CLI103" and "h1000" in found.message
