"""Google Cloud Secret Manager: its real client against a server of gRPC, and a fake of the client at its edge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from .conftest import CANARY, values

secretmanager = pytest.importorskip("google.cloud.secretmanager")
grpc = pytest.importorskip("grpc")

FROM = "TRAINSPEC_SECRETS_FROM"
Serve = Callable[[dict[str, Any]], str]


@pytest.fixture
def asked() -> list[str]:
    """The names that the server was asked for."""
    return []


@pytest.fixture
def serve(asked: list[str]) -> Iterator[Serve]:
    """Start a server that holds versions by name (a text, bytes, or a status that it answers); returns its address."""
    servers: list[Any] = []

    def start(held: dict[str, Any]) -> str:
        def access(request: Any, context: Any) -> Any:
            asked.append(request.name)
            found = held.get(request.name, grpc.StatusCode.NOT_FOUND)
            if isinstance(found, grpc.StatusCode):
                context.abort(found, f"no {CANARY}")
            data = found if isinstance(found, bytes) else found.encode()
            name = request.name.replace("/latest", "/5")
            return secretmanager.AccessSecretVersionResponse(name=name, payload={"data": data})

        method = grpc.unary_unary_rpc_method_handler(
            access,
            request_deserializer=secretmanager.AccessSecretVersionRequest.deserialize,
            response_serializer=secretmanager.AccessSecretVersionResponse.serialize,
        )
        service = "google.cloud.secretmanager.v1.SecretManagerService"
        servers.append(grpc.server(ThreadPoolExecutor(2)))
        servers[-1].add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"AccessSecretVersion": method}),)
        )
        port = servers[-1].add_insecure_port("127.0.0.1:0")
        servers[-1].start()
        return f"endpoint=http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None)


def path(name: str, version: str = "latest") -> str:
    return f"projects/my-project/secrets/{name}/versions/{version}"


def test_only_secrets_are_asked_for_and_the_version_is_told(judge, serve, asked) -> None:
    verdict = judge({FROM: f"gcp-sm://my-project?{serve({path('hub_token'): CANARY, path('seed'): '7'})}"})
    assert values(verdict) == {"hub_token": CANARY}
    assert asked == [path("hub_token")]
    entry = str(verdict.settings.provenance["hub_token"])
    assert entry == "**********  (gcp-sm://my-project#hub_token version 5 (settings source))"


def test_fields_a_prefix_and_a_version(judge, serve, asked) -> None:
    held = {path("team-hub_token", "3"): CANARY, path("team-seed", "3"): " 7\n"}
    address = f"gcp-sm://my-project?fields=hub_token,seed&prefix=team-&version=3&{serve(held)}"
    assert values(judge({FROM: address})) == {"hub_token": CANARY, "seed": 7}
    assert asked == list(held)


REFUSED = {
    "missing": ("NOT_FOUND", "SRC120"),
    "disabled": ("FAILED_PRECONDITION", "SRC120"),
    "a project that cannot be": ("INVALID_ARGUMENT", "SRC120"),
    "denied": ("PERMISSION_DENIED", "SRC121"),
    "who are you": ("UNAUTHENTICATED", "SRC121"),
    "out of quota": ("RESOURCE_EXHAUSTED", "SRC122"),
    "unavailable": ("UNAVAILABLE", "SRC122"),
    "broken": ("INTERNAL", "SRC122"),
}


@pytest.mark.parametrize(("status", "code"), REFUSED.values(), ids=REFUSED)
def test_missing_denied_and_unreachable_are_three_codes(status, code, judge, serve) -> None:
    address = f"gcp-sm://my-project?{serve({path('hub_token'): grpc.StatusCode[status]})}"
    (found,) = judge({FROM: address}).diagnostics
    assert (found.code, found.fields) == (code, ("hub_token",))
    assert "gcp-sm://my-project" in found.message and CANARY not in found.render()


def test_one_of_the_fields_missing(judge, serve) -> None:
    address = f"gcp-sm://my-project?fields=hub_token,seed&{serve({path('hub_token'): CANARY})}"
    (found,) = judge({FROM: address}).diagnostics
    assert (found.code, found.fields) == ("SRC120", ("seed",)) and "has no seed" in found.message


def test_a_name_in_another_case_is_another_secret(judge, serve, asked) -> None:
    (found,) = judge({FROM: f"gcp-sm://my-project?{serve({path('HUB_TOKEN'): CANARY})}"}).diagnostics
    assert found.code == "SRC120" and asked == [path("hub_token")]


def test_bytes_that_are_no_text(judge, serve) -> None:
    endpoint = serve({path("hub_token"): b"\xff\xfe"})
    (found,) = judge({FROM: f"gcp-sm://my-project?{endpoint}"}).diagnostics
    assert found.code == "SRC108" and "UTF-8" in found.message


@pytest.mark.parametrize("port", ["closed_port", "silent_port"])
def test_a_dead_end_is_one_finding_within_three_seconds(port, judge, request) -> None:
    address = f"gcp-sm://my-project?endpoint=http://127.0.0.1:{request.getfixturevalue(port)}"
    before = time.monotonic()
    (found,) = judge({FROM: address}).diagnostics
    assert time.monotonic() - before < 3
    assert found.code == "SRC122"


class Fake:
    """Google's client without a network: answers by name, and has no method that lists."""

    made: ClassVar[list[dict[str, Any]]] = []
    held: ClassVar[dict[str, str]] = {}

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    def access_secret_version(self, *, request: dict[str, str], timeout: float, retry: None) -> Any:
        from google.api_core.exceptions import PermissionDenied

        if request["name"] not in self.held:
            raise PermissionDenied(f"or it may not exist {CANARY}")
        return SimpleNamespace(
            name=request["name"].replace("/latest", "/7"),
            payload=SimpleNamespace(data=self.held[request["name"]].encode()),
        )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    from trainspec.settings.sources.cloud import google_cloud

    google_cloud._client.cache_clear()
    monkeypatch.setattr(secretmanager, "SecretManagerServiceClient", Fake)
    monkeypatch.setattr(Fake, "made", [])
    monkeypatch.setattr(Fake, "held", {})
    return Fake


def test_the_client_is_made_once_and_values_are_read_anew(judge, fake) -> None:
    for value in ("hf_1", "hf_2"):
        fake.held[path("hub_token")] = value
        assert values(judge({FROM: "gcp-sm://my-project"})) == {"hub_token": value}
    assert fake.made == [{}]


def test_a_region_has_an_endpoint_and_names_of_its_own(judge, fake) -> None:
    fake.held["projects/my-project/locations/europe-west3/secrets/hub_token/versions/latest"] = CANARY
    assert values(judge({FROM: "gcp-sm://my-project?region=europe-west3"})) == {"hub_token": CANARY}
    assert fake.made == [{"client_options": {"api_endpoint": "secretmanager.europe-west3.rep.googleapis.com"}}]


def test_denied_is_not_taken_for_missing(judge, fake) -> None:
    (found,) = judge({FROM: "gcp-sm://my-project"}).diagnostics
    assert found.code == "SRC121" and "secretAccessor" in found.remedy


def test_no_credentials(judge, monkeypatch) -> None:
    from trainspec.settings.sources.cloud import google_cloud

    google_cloud._client.cache_clear()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    (found,) = judge({FROM: "gcp-sm://my-project"}).diagnostics
    assert found.code == "SRC121" and "DefaultCredentialsError" in found.message
