"""pydantic-settings' sources for Google Cloud and Azure inside a class, over fakes of the clients at their edge."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import AzureKeyVaultSettingsSource, GoogleSecretManagerSettingsSource
from pydantic_settings.sources.providers import azure as provider

from trainspec import SettingsWarning, TrainingArguments, diagnostics

google = pytest.importorskip("google.api_core.exceptions")
azure = pytest.importorskip("azure.core.exceptions")
pytest.importorskip("google.cloud.secretmanager")
pytest.importorskip("azure.keyvault.secrets")

CANARY = "canary-of-a-vault"


class GoogleClient:
    """Secrets by name: a text, or what is raised for it."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.held = held
        self.asked: list[str] = []

    def common_project_path(self, project: str) -> str:
        return f"projects/{project}"

    def secret_version_path(self, project: str, secret: str, version: str) -> str:
        return f"projects/{project}/secrets/{secret}/versions/{version}"

    def parse_secret_path(self, path: str) -> dict[str, str]:
        return {"secret": path.split("/")[3]}

    def list_secrets(self, parent: str) -> list[Any]:
        return [SimpleNamespace(name=f"{parent}/secrets/{name}") for name in self.held]

    def access_secret_version(self, name: str) -> Any:
        self.asked.append(name.split("/")[3])
        found = self.held.get(self.asked[-1], google.NotFound(f"no {CANARY}"))
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(payload=SimpleNamespace(data=found.encode()))


class AzureClient:
    def __init__(self, held: dict[str, Any]) -> None:
        self.held = held

    def list_properties_of_secrets(self) -> list[Any]:
        return [SimpleNamespace(name=name, enabled=True) for name in self.held]

    def get_secret(self, name: str) -> Any:
        found = self.held[name]
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(value=found)


class Managed(TrainingArguments, env_prefix="acme_"):
    api_key: SecretStr | None = None
    source: ClassVar[Any] = None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: Any, env_settings: Any, dotenv_settings: Any, file_secret_settings: Any
    ) -> Any:
        return init_settings, env_settings, dotenv_settings, file_secret_settings, cls.source(settings_cls)


def google_source(held: dict[str, Any], **options: Any) -> Any:
    client: Any = GoogleClient(held)

    def make(cls: Any) -> Any:
        return GoogleSecretManagerSettingsSource(cls, project_id="here", secret_client=client, **options)

    make.client = client  # type: ignore[attr-defined]
    return make


def found_by(source: Any, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> list[tuple[str, tuple[str, ...]]]:
    monkeypatch.setattr(Managed, "source", staticmethod(source))
    with pytest.raises(ValidationError) as caught:
        Managed(**arguments)
    assert CANARY not in f"{caught.value}{caught.value.errors()}"
    return [(item.code, item.fields) for item in diagnostics(caught.value)]


REFUSED: list[tuple[Any, str]] = [
    (google.PermissionDenied(CANARY), "SRC121"),
    (google.Unauthenticated(CANARY), "SRC121"),
    (google.ServiceUnavailable(CANARY), "SRC122"),
    (RuntimeError(CANARY), "SRC123"),
]


@pytest.mark.parametrize("case_sensitive", [True, False])
@pytest.mark.parametrize(("error", "code"), REFUSED, ids=str)
def test_what_google_refuses_is_not_missing(error, code, case_sensitive, monkeypatch) -> None:
    source = google_source({"acme_hub_token": error}, case_sensitive=case_sensitive)
    assert found_by(source, monkeypatch) == [(code, ("hub_token",))]


def test_what_google_does_not_have_says_nothing(monkeypatch) -> None:
    held = {"acme_api_key": CANARY, "acme_seed": "7", "others": google.PermissionDenied(CANARY)}
    for case_sensitive in (True, False):
        source = google_source(held, case_sensitive=case_sensitive)
        monkeypatch.setattr(Managed, "source", staticmethod(source))
        made = Managed()
        assert made.api_key is not None and made.api_key.get_secret_value() == CANARY
        assert (made.seed, made.hub_token) == (7, None)
        place = "GoogleSecretManagerSettingsSource here#api_key"
        assert str(made.provenance["api_key"]) == f"**********  ({place} (settings source))"


def test_google_may_deny_a_name_that_it_does_not_have(monkeypatch) -> None:
    held = {"acme_api_key": CANARY, "acme_hub_token": google.PermissionDenied(CANARY)}
    monkeypatch.setattr(Managed, "source", staticmethod(google_source(held)))
    with pytest.warns(SettingsWarning, match=r"SRC121(.|\n)*hub_token"):
        assert Managed().hub_token is None
    assert found_by(google_source(held, case_sensitive=False), monkeypatch) == [("SRC121", ("hub_token",))]


def test_google_is_not_asked_for_what_is_given(monkeypatch) -> None:
    source = google_source({"acme_hub_token": google.PermissionDenied(CANARY)})
    monkeypatch.setattr(Managed, "source", staticmethod(source))
    assert Managed(hub_token="given", push_to_hub=True, seed=3).seed == 3
    assert "acme_seed" not in source.client.asked and "acme_api_key" in source.client.asked


def refused_with(status: int) -> Exception:
    error = azure.HttpResponseError(CANARY)
    error.status_code = status
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused_with(403), "SRC121"),
        (azure.ClientAuthenticationError(CANARY), "SRC121"),
        (azure.ServiceRequestError(CANARY), "SRC122"),
        (refused_with(503), "SRC122"),
    ],
    ids=str,
)
def test_what_azure_refuses_is_not_missing(error, code, monkeypatch) -> None:
    client = AzureClient({"acme-hub-token": error})
    provider.import_azure_key_vault()
    monkeypatch.setattr(provider, "SecretClient", lambda *_, **__: client, raising=False)
    monkeypatch.setattr(provider, "import_azure_key_vault", lambda: None)
    credential: Any = object()
    url = "https://here.vault.azure.net"
    assert [one for one, _ in found_by(lambda cls: AzureKeyVaultSettingsSource(cls, url, credential), monkeypatch)] == [
        code
    ]
