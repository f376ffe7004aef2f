"""Numbers for Prometheus: of bounded labels, over all processes, and without anything that a client sent."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN

from trainspec.service.app import create_app
from trainspec.service.options import Options
from trainspec.service.watching.metrics import Metrics


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def numbers(client: TestClient) -> Any:
    told = client.get("/metrics")
    assert told.status_code == 200 and told.headers["content-type"].startswith("text/plain")
    return read(told.text)


def requests(address: str, method: str, status: str) -> Any:
    return ("trainspec_requests_total", (("address", address), ("method", method), ("status", status)))


def test_what_is_asked_is_counted(client: TestClient) -> None:
    before = numbers(client)
    client.post("/validate", content="bf16: true\nfp16: true\n", params={"input": "yaml"})
    client.post("/validate", content="{", params={"input": "nonsense"})
    client.get("/fields/seed")
    client.get(f"/{CANARY}")
    after = numbers(client)
    grown = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
    assert grown[requests("/validate", "POST", "2xx")] == grown[requests("/validate", "POST", "4xx")] == 1
    assert grown[requests("/fields/{name}", "GET", "2xx")] == grown[requests("other", "GET", "4xx")] == 1
    assert grown["trainspec_findings_total", (("code", "PRE101"), ("severity", "error"))] == 1
    assert grown["trainspec_findings_total", (("code", "SVC104"), ("severity", "error"))] == 1
    assert grown["trainspec_request_seconds_count", (("address", "/validate"),)] == 2
    # The one that asks.
    assert after["trainspec_requests_open", ()] == 1


def test_labels_are_bounded_and_tell_nothing(client: TestClient) -> None:
    for text in (SECRETS, OLD_SECRETS, UNKNOWN, f"{CANARY}: {CANARY}", f"hub_token: [{CANARY}"):
        for address in ("/validate", "/fixes", "/plan", "/show", "/complete", f"/{CANARY}"):
            client.post(address, content=text, params={"input": "yaml", CANARY: CANARY} if "[" in text else {})
    for number in range(30):
        client.request(f"CANARY{number}", f"/canary-{number}")
        client.get(f"/rules/{CANARY}{number}")
    labels = {(name, value) for _, pairs in numbers(client) for name, value in pairs}
    assert CANARY not in client.get("/metrics").text and "canary" not in client.get("/metrics").text.lower()
    assert {value for name, value in labels if name == "method"} <= {"GET", "POST", "HEAD", "OPTIONS", "other"}
    assert len({value for name, value in labels if name == "address"}) <= 25


def test_codes_of_other_classes_are_one() -> None:
    made = Metrics()
    made.begin()
    made.end("/validate", "POST", 200, 0.01, {("ACME101", "error"): 2, ("PRE101", "error"): 1})
    told = read(made.render().decode())
    assert told["trainspec_findings_total", (("code", "other"), ("severity", "error"))] == 2
    assert not any("ACME101" in str(key) for key in told)


def test_they_need_the_token() -> None:
    client = TestClient(create_app(Options(tokens=("open",))))
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer open"}).status_code == 200


ONE = """
from trainspec.service.watching.metrics import Metrics
made = Metrics()
made.begin()
made.end("/validate", "POST", 200, 0.01, {("PRE101", "error"): 1})
made.begin()
print(made.render().decode())
"""


@pytest.mark.parametrize("several", [False, True])
def test_processes_are_added_up(several: bool, tmp_path: Path) -> None:
    environ = {**os.environ, **({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if several else {})}
    said = [subprocess.run([sys.executable, "-c", ONE], env=environ, capture_output=True, text=True) for _ in range(3)]
    told = read(said[-1].stdout)
    assert told[requests("/validate", "POST", "2xx")] == (3 if several else 1)
    assert told["trainspec_request_seconds_count", (("address", "/validate"),)] == (3 if several else 1)
