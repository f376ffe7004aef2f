"""Missing, denied and unreachable, by the real exceptions of the libraries; also in sources of pydantic-settings."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import AWSSecretsManagerSettingsSource, AWSSystemsManagerSettingsSource

from trainspec import Settings
from trainspec.settings.loading import diagnostics
from trainspec.settings.sources.cloud.refusals import DENIED, MISSING, UNREACHABLE, refusal_of, refusal_word

from .conftest import CANARY


def of_botocore() -> dict[str, tuple[BaseException, str | None]]:
    exceptions = pytest.importorskip("botocore.exceptions")

    def answered(code: str, status: int = 400) -> BaseException:
        response = {"Error": {"Code": code, "Message": CANARY}, "ResponseMetadata": {"HTTPStatusCode": status}}
        error: BaseException = exceptions.ClientError(response, "GetSecretValue")
        return error

    return {
        "no such secret": (answered("ResourceNotFoundException"), MISSING),
        "marked for deletion": (answered("InvalidRequestException"), MISSING),
        "not allowed": (answered("AccessDeniedException"), DENIED),
        "expired": (answered("ExpiredTokenException"), DENIED),
        "wrong signature": (answered("InvalidSignatureException"), DENIED),
        "403 without a code": (answered("403", 403), DENIED),
        "throttled": (answered("ThrottlingException"), UNREACHABLE),
        "broken": (answered("InternalServiceError", 500), UNREACHABLE),
        "502 of a proxy": (answered("502", 502), UNREACHABLE),
        "what nobody knows": (answered("Strange"), None),
        "no credentials": (exceptions.NoCredentialsError(), DENIED),
        "half of them": (exceptions.PartialCredentialsError(provider="env", cred_var="x"), DENIED),
        "no such profile": (exceptions.ProfileNotFound(profile="x"), DENIED),
        "no connection": (exceptions.EndpointConnectionError(endpoint_url="x"), UNREACHABLE),
        "too slow to connect": (exceptions.ConnectTimeoutError(endpoint_url="x"), UNREACHABLE),
        "too slow": (exceptions.ReadTimeoutError(endpoint_url="x"), UNREACHABLE),
        "certificate": (exceptions.SSLError(endpoint_url="x", error="x"), UNREACHABLE),
        "proxy": (exceptions.ProxyConnectionError(proxy_url="x"), UNREACHABLE),
        "wrong call": (exceptions.ParamValidationError(report="x"), None),
    }


def of_google() -> dict[str, tuple[BaseException, str | None]]:
    exceptions = pytest.importorskip("google.api_core.exceptions")
    auth = pytest.importorskip("google.auth.exceptions")
    return {
        "no such secret": (exceptions.NotFound(CANARY), MISSING),
        "disabled": (exceptions.FailedPrecondition(CANARY), MISSING),
        "not allowed": (exceptions.PermissionDenied(CANARY), DENIED),
        "forbidden": (exceptions.Forbidden(CANARY), DENIED),
        "who": (exceptions.Unauthenticated(CANARY), DENIED),
        "no credentials": (auth.DefaultCredentialsError(CANARY), DENIED),
        "refused to refresh": (auth.RefreshError(CANARY), DENIED),
        "no token for the call": (exceptions.ServiceUnavailable("Getting metadata from plugin failed"), DENIED),
        "unavailable": (exceptions.ServiceUnavailable(CANARY), UNREACHABLE),
        "too slow": (exceptions.DeadlineExceeded(CANARY), UNREACHABLE),
        "out of quota": (exceptions.ResourceExhausted(CANARY), UNREACHABLE),
        "tried again in vain": (exceptions.RetryError(CANARY, None), UNREACHABLE),
        "no way to the tokens": (auth.TransportError(CANARY), UNREACHABLE),
    }


def of_azure() -> dict[str, tuple[BaseException, str | None]]:
    exceptions = pytest.importorskip("azure.core.exceptions")
    identity = pytest.importorskip("azure.identity")

    def status(code: int) -> BaseException:
        error: BaseException = exceptions.HttpResponseError(message=CANARY)
        error.status_code = code  # type: ignore[attr-defined]
        return error

    return {
        "no such secret": (exceptions.ResourceNotFoundError(CANARY), MISSING),
        "who": (exceptions.ClientAuthenticationError(CANARY), DENIED),
        "no credentials": (identity.CredentialUnavailableError(CANARY), DENIED),
        "not allowed": (status(403), DENIED),
        "no connection": (exceptions.ServiceRequestError(CANARY), UNREACHABLE),
        "cut off": (exceptions.ServiceResponseError(CANARY), UNREACHABLE),
        "throttled": (status(429), UNREACHABLE),
        "broken": (status(503), UNREACHABLE),
        "wrong call": (status(400), None),
    }


def of_python() -> dict[str, tuple[BaseException, str | None]]:
    response = SimpleNamespace(status_code=403)
    refused = RuntimeError("answered")
    refused.response = response  # type: ignore[attr-defined]
    return {
        "no file": (FileNotFoundError(2, "x"), MISSING),
        "no permission": (PermissionError(13, "x"), DENIED),
        "refused": (ConnectionRefusedError(111, "x"), UNREACHABLE),
        "no name": (socket.gaierror(-2, "x"), UNREACHABLE),
        "no route": (OSError(113, "x"), UNREACHABLE),
        "too slow": (TimeoutError(), UNREACHABLE),
        "certificate": (ssl.SSLCertVerificationError("x"), UNREACHABLE),
        "urllib, no name": (urllib.error.URLError(socket.gaierror(-2, "x")), UNREACHABLE),
        "urllib, 404": (urllib.error.HTTPError("http://x", 404, "x", None, None), MISSING),  # type: ignore[arg-type]
        "requests and httpx, 403": (refused, DENIED),
        "full disk": (OSError(28, "x"), None),
        "mistake": (KeyError("x"), None),
        "mistake with a code": (SystemExit(1), None),
    }


KINDS = {"botocore": of_botocore, "google": of_google, "azure": of_azure, "python": of_python}


@pytest.mark.parametrize("errors", KINDS.values(), ids=KINDS)
def test_an_exception_is_one_of_the_three_or_none(errors) -> None:
    told = {name: refusal_of(error) for name, (error, _) in errors().items()}
    assert told == {name: code for name, (_, code) in errors().items()}
    assert not any(CANARY in refusal_word(error) for error, _ in errors().values())


def test_what_an_exception_was_raised_from_counts() -> None:
    outer = RuntimeError("x")
    outer.__cause__ = ValueError("y")
    outer.__cause__.__context__ = ConnectionRefusedError()
    assert refusal_of(outer) == UNREACHABLE
    outer.__cause__.__suppress_context__ = True
    assert refusal_of(outer) is None
    outer.__cause__.__cause__ = outer
    assert refusal_of(outer) is None


def app(source: Callable[[Any], Any]) -> type[Settings]:
    class App(Settings):
        hub_token: SecretStr | None = None

        @classmethod
        def settings_customise_sources(cls, settings_cls, init_settings, *others: Any, **more: Any) -> Any:
            return (init_settings, source(settings_cls))

    return App


THEIRS = {
    "Secrets Manager": lambda url: (
        lambda cls: AWSSecretsManagerSettingsSource(cls, "a", "us-east-1", url, env_prefix="")
    ),
    "Parameter Store": lambda url: lambda cls: AWSSystemsManagerSettingsSource(cls, "/a", "us-east-1", url),
}


@pytest.mark.parametrize("kind", THEIRS)
def test_a_source_of_pydantic_settings_is_denied(kind, refusing) -> None:
    url = refusing(400, {"__type": "AccessDeniedException", "Message": CANARY})
    with pytest.raises(ValueError) as caught:
        app(THEIRS[kind](url))()
    (found,) = diagnostics(caught.value)
    assert found.code == DENIED and CANARY not in str(caught.value)


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("port", ["closed_port", "silent_port"])
def test_a_source_of_pydantic_settings_is_unreachable(port, kind, credentials, request) -> None:
    with pytest.raises(ValueError) as caught:
        app(THEIRS[kind](f"http://127.0.0.1:{request.getfixturevalue(port)}"))()
    assert [item.code for item in diagnostics(caught.value)] == [UNREACHABLE]


def test_a_source_of_pydantic_settings_is_missing_or_read(secret, server) -> None:
    class App(app(THEIRS["Secrets Manager"](server[0]))):  # type: ignore[misc]
        pass

    with pytest.raises(ValueError) as caught:
        App()
    assert [item.code for item in diagnostics(caught.value)] == [MISSING]
    secret("a", {"hub_token": CANARY})
    settings = App()
    assert settings.hub_token.get_secret_value() == CANARY
    assert "a#hub_token" in str(settings.provenance["hub_token"]) and CANARY not in str(
        settings.provenance["hub_token"]
    )


def test_a_vault_by_a_source_of_ones_own() -> None:
    class Forbidden(Exception):
        """As hvac raises it."""

    class VaultSource(AWSSecretsManagerSettingsSource):
        def __init__(self, settings_cls: Any) -> None:
            self.settings_cls = settings_cls

        def __call__(self) -> dict[str, Any]:
            raise Forbidden(CANARY)

    with pytest.raises(ValueError) as caught:
        app(VaultSource)()
    (found,) = diagnostics(caught.value)
    assert found.code == DENIED and "VaultSource" in found.message and CANARY not in str(caught.value)
