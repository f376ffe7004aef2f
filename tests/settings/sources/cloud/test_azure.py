"""Azure Key Vault: its real client with all its policies, over a transport that answers in place of the network."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import Any

import pytest

from .conftest import CANARY, values

secrets = pytest.importorskip("azure.keyvault.secrets")
identity = pytest.importorskip("azure.identity")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")

FROM = "TRAINSPEC_SECRETS_FROM"
CHALLENGE = 'Bearer authorization="https://login.example/tenant", resource="https://{}"'


class Vault(requests.adapters.BaseAdapter):
    """What the service answers: values by name, or a status, or an exception of the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Any] = {}
        self.asked: list[str] = []
        self.clients = 0

    def send(self, request: Any, **_: Any) -> Any:
        if "Authorization" not in request.headers:
            domain = request.url.split("/")[2].partition(".")[2]
            return answer(request, 401, {}, {"WWW-Authenticate": CHALLENGE.format(domain)})
        self.asked.append(request.url.partition("?")[0].removesuffix("/"))
        name, _, version = self.asked[-1].partition("/secrets/")[2].partition("/")
        found = self.held.get(name, 404)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, int):
            return answer(request, found, {"error": {"code": "x", "message": f"no {CANARY}"}})
        where = self.asked[-1].removesuffix(f"/{version}")
        return answer(request, 200, {"value": found, "id": f"{where}/{version or 'abc1'}", "attributes": {}})

    def close(self) -> None:
        pass


def answer(request: Any, status: int, content: Any, headers: dict[str, str] | None = None) -> Any:
    response = requests.Response()
    response.status_code, response.request, response.url, response.reason = status, request, request.url, ""
    response.headers.update({"Content-Type": "application/json", **(headers or {})})
    body = io.BytesIO(json.dumps(content).encode())
    response.raw = urllib3.HTTPResponse(body, response.headers, status, preload_content=False)
    return response


class Credential:
    """Somebody whom the vault knows; or, with an error, nobody."""

    error: Exception | None = None

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        if self.error is not None:
            raise self.error
        return AccessToken("token", 2**40)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Vault:
    from azure.core.pipeline.transport import RequestsTransport

    from trainspec.settings.sources.cloud import azure_vault

    azure_vault._client.cache_clear()
    vault, session = Vault(), requests.Session()
    session.mount("https://", vault)
    transport = RequestsTransport(session=session, session_owner=False)
    real = secrets.SecretClient

    def made(**options: Any) -> Any:
        vault.clients += 1
        return partial(real, transport=transport)(**options)

    monkeypatch.setattr(secrets, "SecretClient", made)
    monkeypatch.setattr(identity, "DefaultAzureCredential", Credential)
    monkeypatch.setattr(Credential, "error", None)
    return vault


def test_names_have_dashes_there_and_the_version_is_told(judge, vault) -> None:
    vault.held |= {"hub-token": CANARY, "learning-rate": "1"}
    verdict = judge({FROM: "azure-kv://my-vault"})
    assert values(verdict) == {"hub_token": CANARY}
    assert vault.asked == ["https://my-vault.vault.azure.net/secrets/hub-token"]
    entry = str(verdict.settings.provenance["hub_token"])
    assert entry == "**********  (azure-kv://my-vault#hub-token version abc1 (settings source))"


def test_fields_a_prefix_a_version_and_another_cloud(judge, vault) -> None:
    vault.held |= {"team-hub-token": CANARY, "team-seed": "7"}
    address = "azure-kv://my-vault.vault.azure.cn?fields=hub_token,seed&prefix=team-&version=v9"
    verdict = judge({FROM: address})
    assert values(verdict) == {"hub_token": CANARY, "seed": 7}
    assert vault.asked[0] == "https://my-vault.vault.azure.cn/secrets/team-hub-token/v9"
    assert "version v9" in str(verdict.settings.provenance["seed"])


def refused() -> dict[str, tuple[Any, str]]:
    from requests import exceptions

    return {
        "missing": (404, "SRC120"),
        "denied": (403, "SRC121"),
        "throttled": (429, "SRC122"),
        "broken": (500, "SRC122"),
        "no such host": (exceptions.ConnectionError(CANARY), "SRC122"),
        "too slow": (exceptions.ReadTimeout(CANARY), "SRC122"),
    }


@pytest.mark.parametrize(("held", "code"), refused().values(), ids=refused())
def test_missing_denied_and_unreachable_are_three_codes(held, code, judge, vault) -> None:
    vault.held["hub-token"] = held
    (found,) = judge({FROM: "azure-kv://my-vault"}).diagnostics
    assert (found.code, found.fields) == (code, ("hub_token",))
    assert "azure-kv://my-vault" in found.message and CANARY not in found.render()


@pytest.mark.parametrize("kind", ["ClientAuthenticationError", "CredentialUnavailableError"])
def test_no_credentials(kind, judge, vault, monkeypatch) -> None:
    from azure.core import exceptions

    error = getattr(exceptions, kind, None) or getattr(identity, kind)
    monkeypatch.setattr(Credential, "error", error(message=CANARY))
    (found,) = judge({FROM: "azure-kv://my-vault"}).diagnostics
    assert found.code == "SRC121" and "Key Vault Secrets User" in found.remedy and CANARY not in found.render()


def test_one_of_the_fields_missing_is_told_by_its_name_there(judge, vault) -> None:
    vault.held["hub-token"] = CANARY
    (found,) = judge({FROM: "azure-kv://my-vault?fields=hub_token,run_name"}).diagnostics
    assert (found.code, found.fields) == ("SRC120", ("run_name",)) and "has no run-name" in found.message


def test_the_client_is_made_once_and_values_are_read_anew(judge, vault) -> None:
    for value in ("hf_1", "hf_2"):
        vault.held["hub-token"] = value
        assert values(judge({FROM: "azure-kv://my-vault"})) == {"hub_token": value}
    assert vault.clients == 1
