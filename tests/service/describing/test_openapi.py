"""`GET /openapi.json` tells of every address, and every answer to anything that schemathesis sends is as it says."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from openapi_spec_validator import validate
from schemathesis import checks
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.service.running.serving import served

from trainspec.service.app import ROUTES, create_app
from trainspec.service.options import Options
from trainspec.service.reference.openapi import ADDRESSES, document


def test_it_is_valid(client: TestClient) -> None:
    told = client.get("/openapi.json")
    assert told.status_code == 200 and told.json() == document()
    validate(told.json())
    again = client.get("/openapi.json", headers={"If-None-Match": told.headers["etag"]})
    assert again.status_code == 304


def test_every_address_is_told_with_its_method() -> None:
    app: Any = create_app(Options())
    while not hasattr(app, "router"):
        app = app._app
    routes = {route.path: route.methods for route in app.router.routes if isinstance(route, Route)}
    assert {route.path for route in ROUTES} < set(routes) == set(ADDRESSES)
    for path, one in document()["paths"].items():
        assert {method.upper() for method in one} == set(routes[path]) - {"HEAD"}


def test_every_parameter_is_told(client: TestClient) -> None:
    for path, one in document()["paths"].items():
        if path in ("/healthz", "/readyz", "/", "/assets/{name}"):
            continue
        (method, operation), *_ = one.items()
        address = path.replace("{name}", "seed").replace("{code}", "PRE101")
        needed = {"line": "1", "character": "1", "to": "env"} if path in ("/complete", "/convert") else {}
        needed = {name: value for name, value in needed.items() if (name == "to") == (path == "/convert")}
        told = client.request(method, address, params={"no_such": "1", **needed})
        assert told.status_code == 400
        remedy = told.json()["diagnostics"][0]["remedy"]
        known = remedy.removeprefix("the parameters are ").split(", ")
        named = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
        assert {name.removesuffix("_") for name in known if name} == named


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a real service is."""
    with served("--port", "0") as service:
        yield service.url


schema = schemathesis.openapi.from_dict(document())
CHECKS: Any = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@schema.parametrize()
@hypothesis_settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_is_sent(case: Any, url: str) -> None:
    if case.path == "/" or case.path.startswith("/assets"):
        # What is there depends on whether the page was built, which is tested beside it.
        return
    case.call_and_validate(base_url=url, checks=CHECKS)


DOCUMENTS = {
    "right": "seed: 1\nlearning_rate: 1e-3\nmax_steps: 30\neval_strategy: steps\n",
    "wrong": "sead: 1\nbf16: true\nfp16: true\nevaluation_strategy: epoch\n",
    "broken": "a: [",
    "several": "seed: 1\n---\nseed: 2\n",
    "nothing": "",
    "a secret": "hub_token: abc\npush_to_hub: true\nhub_model_id: a/b\n",
    "too deep": "[" * 3000,
}
ASKED = [
    ("/validate", {}),
    ("/validate", {"target": "v100", "lang": "zh", "strict": "true"}),
    ("/fixes", {}),
    ("/complete", {"line": "1", "character": "3"}),
    ("/plan", {"rows": "1000", "course": "true"}),
    ("/plan", {"world_size": "64", "target": "h100x8", "params": "7000000000", "compare": "strategies"}),
    ("/show", {}),
    ("/shareable", {}),
    ("/migrate", {}),
    ("/migrate", {"to": "env"}),
    ("/diff", {"to": "defaults"}),
    ("/diff", {}),
    ("/convert", {"to": "toml"}),
    ("/convert", {"to": "k8s", "task": "digits", "image": "a/b:1"}),
]


@pytest.mark.parametrize("address, asked", ASKED, ids=str)
@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_answers_are_as_they_are_told(text: str, address: str, asked: dict[str, str], client: TestClient) -> None:
    """What documents are answered with, which nobody finds by chance."""
    from jsonschema import Draft202012Validator

    told = client.post(address, content=text, params={"input": "yaml", **asked})
    described = document()
    response = described["paths"][address]["post"]["responses"][str(told.status_code)]
    shape = {**response["content"]["application/json"]["schema"], "components": described["components"]}
    assert list(Draft202012Validator(shape).iter_errors(told.json())) == []


@pytest.mark.parametrize("address", ["/fields", "/fields/seed", "/rules", "/rules/PRE101", "/fields/none", "/rules/X"])
def test_references_are_as_they_are_told(address: str, client: TestClient) -> None:
    from jsonschema import Draft202012Validator

    described, told = document(), client.get(address)
    path = address if address in described["paths"] else f"{address.rpartition('/')[0]}/{{name}}"
    path = path if path in described["paths"] else path.replace("name", "code")
    shape = described["paths"][path]["get"]["responses"][str(told.status_code)]["content"]["application/json"]["schema"]
    assert list(Draft202012Validator({**shape, "components": described["components"]}).iter_errors(told.json())) == []
