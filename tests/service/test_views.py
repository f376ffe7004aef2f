"""What the views of the page are drawn from: the run's course, strategies side by side, what is said, differences."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, SECRETS, UNKNOWN

from trainspec.cli import main

RUN = "eval_strategy: steps\neval_steps: 100\nsave_steps: 100\nsave_total_limit: 2\nload_best_model_at_end: true\n"


def post(client: TestClient, address: str, text: str, **asked: Any) -> Any:
    return client.post(address, params={"input": "yaml", **asked}, content=text)


def test_a_plan_without_pictures_is_as_it_was(client: TestClient) -> None:
    told = post(client, "/plan", RUN, rows=8000, world_size=8, params=10**9).json()
    assert told.keys() == {"version", "ok", "plan", "diagnostics", "scale"}


def test_the_course(client: TestClient) -> None:
    told = post(client, "/plan", RUN, rows=4000, course="true").json()
    course = told["course"]
    assert course["points"][0] == [1, told["plan"]["learning_rate"]["first"]]
    assert course["points"][-1] == [1500, told["plan"]["learning_rate"]["last"]]
    assert course["saves"] == {"count": 15, "steps": told["plan"]["save_steps"]}
    assert course["evaluations"]["steps"] == told["plan"]["eval_steps"]
    assert course["epoch_ends"]["steps"] == [500, 1000, 1500]
    assert course["retention"]["best"] == 1500
    left = [life["step"] for life in course["retention"]["lives"] if life["until"] is None]
    assert left == [1400, 1500]


def test_the_best_may_be_supposed(client: TestClient) -> None:
    lives = post(client, "/plan", RUN, rows=4000, course="true", best=300).json()["course"]["retention"]["lives"]
    assert [life["step"] for life in lives if life["until"] is None] == [300, 1500]
    told = post(client, "/plan", RUN, rows=4000, course="true", best=301).json()
    assert [item["code"] for item in told["diagnostics"]] == ["CLI107"] and "course" not in told


def test_no_run_has_no_course(client: TestClient) -> None:
    told = post(client, "/plan", RUN, course="true", compare="strategies").json()
    assert (told["ok"], told["plan"], told["compared"]) == (False, None, []) and "course" not in told


def test_strategies_side_by_side(client: TestClient) -> None:
    asked = {"target": "h100x8", "params": 7 * 10**9, "compare": "strategies"}
    told = post(client, "/plan", "fsdp: full_shard\nbf16: true\n", **asked).json()
    ways = {way["name"]: way for way in told["compared"]}
    assert {name: way["fits"] for name, way in ways.items()} == {
        "DDP": False,
        "ZeRO-1": True,
        "ZeRO-2": True,
        "ZeRO-3": True,
    }
    assert ways["ZeRO-3"]["chosen"] and ways["ZeRO-3"]["memory_per_rank"] == told["scale"]["memory_per_rank"]


def test_a_plan_of_the_longest_run_is_small(client: TestClient) -> None:
    told = post(client, "/plan", "max_steps: 1000000000\nlogging_steps: 1\nsave_steps: 1\n", course="true")
    assert len(json.dumps(told.json()["course"])) < 50_000


@pytest.mark.parametrize("text", [RUN, "", "evaluation_strategy: steps\nlogging_steps: 7\n", "seed: 1\n---\nseed: 2\n"])
def test_what_holds_is_as_the_command_shows_it(
    text: str, client: TestClient, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [f"{place}.yaml" for place, _ in enumerate(text.split("---\n"))]
    for file, part in zip(files, text.split("---\n"), strict=True):
        Path(file).write_text(part)
    main(["show", *files, "--format", "json"])
    wanted = json.loads(capsys.readouterr().out)["settings"]
    told = post(client, "/show", text, name="0.yaml").json()["settings"]
    if len(files) == 1:
        assert told == wanted
    assert {name: item["value"] for name, item in told.items()} == {
        name: item["value"] for name, item in wanted.items()
    }


def test_what_is_said_is_told_of_a_document_with_findings(client: TestClient) -> None:
    told = post(client, "/show", "learning_rate: -2\nevaluation_strategy: steps\nlerning_rate: 3\n").json()
    assert (told["ok"], told["settings"]) == (False, None)
    said = {name: (item["value"], item["source"]["line"]) for name, item in told["said"].items()}
    assert said == {"learning_rate": (-2, 1), "eval_strategy": ("steps", 2)}


def test_what_follows_is_told_of_what_is_not_wrong(client: TestClient) -> None:
    text = "logging_steps: 7\neval_strategy: steps\nbf16: true\nfp16: true\nlerning_rate: 3\n"
    rest = post(client, "/show", text).json()["rest"]
    assert (rest["eval_steps"]["value"], rest["eval_steps"]["follows_from"]) == (7, ["logging_steps"])
    assert rest["do_eval"]["value"] is True and not rest.keys() & {"bf16", "fp16"}
    assert post(client, "/show", "seed: 1\n").json()["rest"] is None


def test_nothing_is_told_to_follow_from_what_is_wrong(client: TestClient) -> None:
    """greater_is_better would follow from metric_for_best_model, which would from load_best_model_at_end."""
    text = "load_best_model_at_end: true\neval_strategy: steps\nsave_strategy: epoch\nseed: 3\n"
    told = post(client, "/show", text).json()
    assert told["settings"] is None and told["rest"]["data_seed"]["value"] == 3
    assert not told["rest"].keys() & {"do_eval", "metric_for_best_model", "greater_is_better", "eval_strategy"}


def test_several_documents_are_laid_over_one_another(client: TestClient) -> None:
    text = "fsdp_config: {min_num_params: 1, forward_prefetch: true}\n---\nfsdp_config: {min_num_params: 2}\n"
    said = post(client, "/show", text).json()["said"]
    assert said["fsdp_config"]["value"] == {"min_num_params": 2, "forward_prefetch": True}


@pytest.mark.parametrize("address", ["/show", "/diff?to=defaults", "/plan?course=true&compare=strategies"])
def test_no_secret_comes_back(address: str, client: TestClient) -> None:
    bodies = [(text, "yaml") for text in (SECRETS, UNKNOWN, f"{SECRETS}---\n{UNKNOWN}", f"hub_token: {CANARY}\n  x: [")]
    bodies.append((f"TRAINSPEC_HUB_TOKEN={CANARY}\nTRAINSPEC_HUB_TOKNE={CANARY}\n", "x-dotenv"))
    for text, media in bodies:
        told = client.post(address, headers={"Content-Type": f"text/{media}"}, content=text)
        assert told.status_code in (200, 400) and CANARY not in told.text


def test_the_difference_to_the_defaults(client: TestClient) -> None:
    told = post(client, "/diff", "logging_steps: 7\nseed: 42\n", to="defaults", name="run.yaml").json()
    found = {item["setting"]: (item["a"], item["b"]) for item in told["differences"]}
    assert found.keys() == {"eval_steps", "logging_steps"}
    assert [side["source"]["kind"] for side in found["logging_steps"]] == ["default", "file"]
    assert [side["value"] for side in found["eval_steps"]] == ["500", "7"]
    assert post(client, "/diff", "", to="defaults").json()["same"] is True


# Two documents with their formats -> the settings that differ.
PAIRS: dict[str, tuple[tuple[str, str], tuple[str, str], list[str]]] = {
    "formats": (("seed: 1\ndata_seed: 3\n", "yaml"), ('{"seed": 2, "data_seed": 3}', "json"), ["seed"]),
    "the same": (("seed = 1\n", "toml"), ("TRAINSPEC_SEED=1\n", "env"), []),
    "no ASCII": (("run_name: 数字\n", "yaml"), ("run_name: 数\n", "yaml"), ["run_name"]),
    "an empty one": (("", "yaml"), ("bf16: true\n", "yaml"), ["bf16"]),
}


@pytest.mark.parametrize(("a", "b", "wanted"), PAIRS.values(), ids=PAIRS)
def test_two_documents(a: tuple[str, str], b: tuple[str, str], wanted: list[str], client: TestClient) -> None:
    asked = {"first": len(a[0].encode()), "input": a[1], "other_input": b[1], "name": "a", "other_name": "b"}
    told = client.post("/diff", params=asked, content=a[0] + b[0]).json()
    assert [item["setting"] for item in told["differences"]] == wanted
    names = {item["a"]["source"]["name"] for item in told["differences"] if item["a"]["source"]["kind"] == "file"}
    assert names <= {"a"}


@pytest.mark.parametrize("asked", [{"first": 99}, {"first": 3, "to": "defaults"}, {"first": -1}])
def test_what_cannot_be_compared(asked: dict[str, Any], client: TestClient) -> None:
    told = post(client, "/diff", "seed: 1\n", other_input="yaml", **asked)
    assert (told.status_code, told.json()["diagnostics"][0]["code"]) == (400, "SVC104")


def test_titles_in_both_languages(client: TestClient) -> None:
    address = "/schema/v1/training-arguments.json"
    english, chinese = (client.get(address, params={"lang": lang}).json() for lang in ("en", "zh"))
    # Each has the address that it is asked at.
    assert {**english, "$id": ""} == {**client.get(address).json(), "$id": ""}
    assert english["properties"].keys() == chinese["properties"].keys()
    titles = [schema["properties"]["learning_rate"]["title"] for schema in (english, chinese)]
    assert titles[0] == "Learning rate" and titles[1] != titles[0]
