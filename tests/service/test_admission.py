"""Kubernetes is told by our codes what is wrong with settings that an object carries."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY


def review(client: TestClient, thing: Any) -> Any:
    asked = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u1", "object": thing}}
    told = client.post("/admission", json=asked)
    assert told.status_code == 200 and told.json()["response"]["uid"] == "u1"
    return told.json()["response"]


def config_map(data: dict[str, str]) -> dict[str, Any]:
    return {"kind": "ConfigMap", "data": data}


def train_job(env: dict[str, str], **trainer: Any) -> dict[str, Any]:
    entries = [{"name": name, "value": value} for name, value in env.items()]
    return {"kind": "TrainJob", "spec": {"trainer": {"env": entries, **trainer}}}


FINE = {
    "settings": config_map({"run.yaml": "seed: 1\nbf16: true\n"}),
    "others' keys": config_map({"nginx.yaml": "server: x\nport: 80\n", "HOME": "/"}),
    "no data": {"kind": "ConfigMap"},
    "another kind": {"kind": "Pod", "spec": None},
    "deleted": None,
    "a job": train_job({"TRAINSPEC_SEED": "7", "RANK": "x"}),
}
WRONG = {
    "a file": (config_map({"run.yaml": "bf16: true\nfp16: true\n"}), "PRE101"),
    "variables": (config_map({"TRAINSPEC_BF16": "true", "TRAINSPEC_FP16": "true"}), "PRE101"),
    "a job": (train_job({"TRAINSPEC_SEAD": "7"}), "SRC101"),
    "its processes": (
        train_job({"TRAINSPEC_PARALLELISM_CONFIG__TP_SIZE": "4"}, numNodes=3, numProcPerNode=2),
        "TGT108",
    ),
}


@pytest.mark.parametrize("thing", FINE.values(), ids=FINE)
def test_what_is_fine_is_allowed(thing: Any, client: TestClient) -> None:
    assert review(client, thing)["allowed"] is True


@pytest.mark.parametrize("thing, code", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(thing: Any, code: str, client: TestClient) -> None:
    told = review(client, thing)
    assert told["allowed"] is False and code in told["status"]["message"]


def test_no_secret_comes_back(client: TestClient) -> None:
    env = {"TRAINSPEC_HUB_TOKNE": CANARY, "TRAINSPEC_HUB_TOKEN": f"{CANARY}"}
    assert CANARY not in str(review(client, train_job(env)))


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"request": {"uid": 1}}', "[" * 9000, '{"request": 1}'])
def test_what_is_no_review_is_told(body: str, client: TestClient) -> None:
    assert client.post("/admission", content=body).status_code == 400
