"""SARIF: valid by the official schema, with places, help and fingerprints that outlive edits elsewhere."""

import json
import os
from typing import Any

import jsonschema
import pytest
from tests.reports.conftest import Judge

from trainspec.reports.report import Manner, Report
from trainspec.reports.sarif import render
from trainspec.settings.diagnostics import Diagnostic

BAD = "# settings\nsave_steps: -3\nleraning_rate: 1\nbf16: true\nfp16: true\nevaluation_strategy: steps\n"

FILES: dict[str, dict[str, str]] = {
    "nothing wrong": {"a.yaml": "seed: 1\n"},
    "several faults": {"configs/a.yaml": BAD, "b.json": '{"seed": "x"}'},
    "a stream": {"a.yaml": f"seed: 1\n---\n{BAD}"},
    "bad syntax": {"a.yaml": "a: ["},
    "an odd name": {"a b%é#?.yaml": "seed: x"},
    "not there": {},
}


def results(text: str) -> list[Any]:
    found: list[Any] = json.loads(text)["runs"][0]["results"]
    return found


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_it_is_valid(judge: Judge, sarif_schema: Any, files: dict[str, str]) -> None:
    _, text = judge("sarif", files, *([] if files else ["nowhere.yaml"]))
    assert text.isascii()
    jsonschema.Draft4Validator(sarif_schema).validate(json.loads(text))


def test_a_finding_over_two_files_has_a_place_in_each(judge: Judge, sarif_schema: Any) -> None:
    files = {"a b%.yaml": "eval_strategy: epoch\n", "sites/b.yaml": "seed: 1\nload_best_model_at_end: true\n"}
    _, text = judge("sarif", files, "--together")
    jsonschema.Draft4Validator(sarif_schema).validate(json.loads(text))
    (found,) = results(text)
    places = [
        found["locations"][0]["physicalLocation"],
        *(one["physicalLocation"] for one in found["relatedLocations"]),
    ]
    lines = {place["artifactLocation"]["uri"]: place["region"]["startLine"] for place in places}
    assert lines == {"sites/b.yaml": 2, "a%20b%25.yaml": 1}
    marks = {
        results(judge("sarif", files, *words)[1])[0]["partialFingerprints"]["trainspecFinding/v1"]
        for words in (["--together"], [])
    }
    assert len(marks) == 2, "together is another finding than alone"


def test_a_result_has_its_place_and_its_rule(judge: Judge) -> None:
    code, text = judge("sarif", {"configs/a.yaml": BAD})
    run = json.loads(text)["runs"][0]
    by_rule = {item["ruleId"]: item for item in run["results"]}
    assert code == 1
    assert by_rule.keys() == {"VAL102", "SRC102", "PRE101", "REN101"}
    place = by_rule["VAL102"]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "configs/a.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2, "startColumn": 1},
    }
    assert (by_rule["PRE101"]["level"], by_rule["REN101"]["level"]) == ("error", "warning")
    related = by_rule["PRE101"]["relatedLocations"]
    lines = {by_rule["PRE101"]["locations"][0]["physicalLocation"]["region"]["startLine"]}
    lines |= {item["physicalLocation"]["region"]["startLine"] for item in related}
    assert lines == {4, 5}
    for item in run["results"]:
        rule = run["tool"]["driver"]["rules"][item["ruleIndex"]]
        assert rule["id"] == item["ruleId"]
        assert rule["help"]["text"] and rule["help"]["markdown"]


def test_rules_are_explained_as_the_rule_command_does(judge: Judge) -> None:
    _, text = judge("sarif", {"a.yaml": "bf16: true\nfp16: true\n"})
    rule = json.loads(text)["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["name"] == "Bf16WithFp16"
    assert "Fix: " in rule["help"]["text"]


def marks(text: str) -> dict[str, str]:
    return {item["ruleId"]: item["partialFingerprints"]["trainspecFinding/v1"] for item in results(text)}


def test_fingerprints_survive_moved_lines_and_changed_values(judge: Judge) -> None:
    before = marks(judge("sarif", {"a.yaml": BAD})[1])
    moved = "# one\n# more\nseed: 7\n" + BAD.replace("-3", "-4")
    assert marks(judge("sarif", {"a.yaml": moved})[1]) == before
    other = marks(judge("sarif", {"b.yaml": BAD})[1])
    assert not set(before.values()) & set(other.values())


def test_two_documents_have_fingerprints_of_their_own(judge: Judge) -> None:
    _, text = judge("sarif", {"a.yaml": "seed: x\n---\nseed: x\n"})
    one, two = (item["partialFingerprints"]["trainspecFinding/v1"] for item in results(text))
    assert one != two


def test_paths_are_relative_to_the_repository(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = os.getcwd()
    monkeypatch.setenv("GITHUB_WORKSPACE", os.path.dirname(here))
    _, text = judge("sarif", {"a.yaml": "seed: x"})
    uri = results(text)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"{os.path.basename(here)}/a.yaml"
    monkeypatch.delenv("GITHUB_WORKSPACE")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a.yaml"
    elsewhere.write_text("seed: x")
    _, text = judge("sarif", {}, str(elsewhere))
    artifact = results(text)[0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact.keys() == {"uri"}
    assert artifact["uri"].startswith("file:///")


def test_odd_names_are_encoded(judge: Judge) -> None:
    _, text = judge("sarif", {"a b%é#?.yaml": "seed: x"})
    uri = results(text)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b%25%C3%A9%23%3F.yaml"


def test_a_variable_has_a_logical_place(judge: Judge, sarif_schema: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEDE", "1")
    _, text = judge("sarif", {}, "--env")
    jsonschema.Draft4Validator(sarif_schema).validate(json.loads(text))
    assert "physicalLocation" not in results(text)[0]["locations"][0]


def test_a_rule_of_a_users_class_explains_itself(sarif_schema: Any) -> None:
    item = Diagnostic("TST101", "too-wide", "error", "the width is too large", "it does not fit", "make it smaller")
    text = render([Report("a.yaml", diagnostics=[item])], Manner("/"))
    jsonschema.Draft4Validator(sarif_schema).validate(json.loads(text))
    rule = json.loads(text)["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["help"]["text"] == "the width is too large.\nWhy: it does not fit.\nFix: make it smaller."


def test_no_secret_is_in_it(judge: Judge) -> None:
    text = (
        "hub_token: hf_verysecret\npush_to_hub_token: hf_other\nresume_from_checkpoint: s3://me:pw@b/x?sig=abc\nseed: x"
    )
    for form in ("sarif", "github", "junit", "json"):
        _, found = judge(form, {"a.yaml": text})
        assert "hf_" not in found and "pw@" not in found and "abc" not in found
