"""Why a service gave nothing: missing, denied or unreachable, told by the names of its library's exceptions.

Names are enough, so that no library is imported to ask. What an exception says is never shown: botocore's carry the
request with its session token, and those of parsers the text that they were given.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

MISSING, DENIED, UNREACHABLE = "SRC120", "SRC121", "SRC122"

_BY_NAME = {
    "botocore": {
        MISSING: "ResourceNotFoundException ParameterNotFound ParameterVersionNotFound",
        DENIED: "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError SSOError "
        "ProfileNotFound NoAuthTokenError InvalidConfigError LoginError AccessDeniedException",
        UNREACHABLE: "ConnectionError HTTPClientError EndpointConnectionError IncompleteReadError ReadTimeoutError",
    },
    "google": {
        # A version that is disabled or destroyed fails a precondition; a name that cannot exist is an invalid argument.
        MISSING: "NotFound FailedPrecondition InvalidArgument",
        DENIED: "Forbidden Unauthorized DefaultCredentialsError RefreshError GoogleAuthError",
        UNREACHABLE: "ServerError TooManyRequests RetryError TransportError ResponseError",
    },
    "azure": {
        MISSING: "ResourceNotFoundError",
        DENIED: "ClientAuthenticationError",
        UNREACHABLE: "ServiceRequestError ServiceResponseError",
    },
    # Vault, and what people write sources of their own with.
    "hvac": {
        MISSING: "InvalidPath",
        DENIED: "Forbidden Unauthorized",
        UNREACHABLE: "VaultDown InternalServerError BadGateway RateLimitExceeded",
    },
    "requests": {UNREACHABLE: "ConnectionError Timeout"},
    "httpx": {UNREACHABLE: "TransportError"},
    "urllib3": {UNREACHABLE: "HTTPError"},
    "aiohttp": {UNREACHABLE: "ClientConnectionError"},
}
# Names that say the same whoever raises them.
_BY_ANYBODY = {
    MISSING: "NotFound SecretNotFound ResourceNotFoundError ResourceNotFoundException",
    DENIED: "PermissionDenied AccessDenied AccessDeniedException Forbidden Unauthorized Unauthenticated "
    "NoCredentialsError PartialCredentialsError",
    UNREACHABLE: "ServiceUnavailable DeadlineExceeded EndpointConnectionError",
}
_NAMES = {
    (library, name): code
    for library, codes in _BY_NAME.items()
    for code, names in codes.items()
    for name in names.split()
}
_NAMES |= {("", name): code for code, names in _BY_ANYBODY.items() for name in names.split()}
# What services of AWS answer; the rest is told by the HTTP status.
_AWS_CODES = {
    # Also what says that a secret is marked for deletion.
    "InvalidRequestException": MISSING,
    "ValidationException": MISSING,
    "InvalidParameterException": MISSING,
    "ResourceNotFoundException": MISSING,
    "ParameterNotFound": MISSING,
    "ParameterVersionNotFound": MISSING,
    "DecryptionFailure": DENIED,
    "InvalidKeyId": DENIED,
    "AccessDeniedException": DENIED,
    "UnrecognizedClientException": DENIED,
    "InvalidSignatureException": DENIED,
    "SignatureDoesNotMatch": DENIED,
    "IncompleteSignature": DENIED,
    "MissingAuthenticationToken": DENIED,
    "MissingAuthenticationTokenException": DENIED,
    "InvalidClientTokenId": DENIED,
    "InvalidAccessKeyId": DENIED,
    "ExpiredToken": DENIED,
    "ExpiredTokenException": DENIED,
    "RequestExpired": DENIED,
    "OptInRequired": DENIED,
    "NotAuthorized": DENIED,
    "ThrottlingException": UNREACHABLE,
    "Throttling": UNREACHABLE,
    "TooManyRequestsException": UNREACHABLE,
    "RequestLimitExceeded": UNREACHABLE,
    "InternalServiceError": UNREACHABLE,
    "ServiceUnavailable": UNREACHABLE,
}
_GRPC_CODES = {
    "NOT_FOUND": MISSING,
    "FAILED_PRECONDITION": MISSING,
    "PERMISSION_DENIED": DENIED,
    "UNAUTHENTICATED": DENIED,
    "UNAVAILABLE": UNREACHABLE,
    "DEADLINE_EXCEEDED": UNREACHABLE,
    "RESOURCE_EXHAUSTED": UNREACHABLE,
}
# gRPC calls a service unavailable where only the token for it could not be had.
_NO_TOKEN = "Getting metadata from plugin failed"


def refusal_of(error: BaseException) -> str | None:
    """SRC120 (missing), SRC121 (denied) or SRC122 (unreachable); None for what is none of these."""
    return next((code for one in _causes(error) if (code := _refusal(one)) is not None), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was raised from, the outermost first."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _refusal(error: BaseException) -> str | None:
    code = _by_aws_code(error) or _by_grpc_code(error)
    if code is not None:
        return code
    for cls in type(error).__mro__:
        code = _NAMES.get((cls.__module__.partition(".")[0], cls.__name__)) or _NAMES.get(("", cls.__name__))
        if code is not None:
            return DENIED if code is UNREACHABLE and _NO_TOKEN in str(error) else code
    return _by_status(error) or _by_system(error)


def _by_aws_code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    said = response.get("Error") if isinstance(response, dict) else None
    if not isinstance(said, dict):
        return None
    code = _AWS_CODES.get(str(said.get("Code")))
    metadata = response.get("ResponseMetadata") if isinstance(response, dict) else None
    status = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else None
    return code or _of_status(status)


def _by_grpc_code(error: BaseException) -> str | None:
    if type(error).__module__.partition(".")[0] != "grpc":
        return None
    status = getattr(error, "code", None)
    name = getattr(status() if callable(status) else status, "name", "")
    return DENIED if name == "UNAVAILABLE" and _NO_TOKEN in str(error) else _GRPC_CODES.get(name)


def _by_status(error: BaseException) -> str | None:
    """By HTTP status: `status_code` of azure, `code` of urllib, `response.status_code` of requests and httpx."""
    statuses: tuple[Any, ...] = (
        getattr(error, "status_code", None),
        getattr(error, "code", None),
        getattr(getattr(error, "response", None), "status_code", None),
    )
    return next((code for status in statuses if (code := _of_status(status)) is not None), None)


def _of_status(status: Any) -> str | None:
    if not isinstance(status, int) or isinstance(status, bool):
        return None
    if status in (404, 410):
        return MISSING
    if status in (401, 403, 407):
        return DENIED
    return UNREACHABLE if status in (408, 429) or 500 <= status < 600 else None


def _by_system(error: BaseException) -> str | None:
    if isinstance(error, FileNotFoundError):
        return MISSING
    if isinstance(error, PermissionError):
        return DENIED
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror | ssl.SSLError):
        return UNREACHABLE
    # No route to a host, a network that is down: URLError too holds one of these.
    reason = getattr(error, "reason", None)
    if isinstance(error, OSError) and isinstance(reason, BaseException) and reason is not error:
        return _by_system(reason)
    return UNREACHABLE if isinstance(error, OSError) and error.errno in _NO_WAY else None


def _no_way() -> frozenset[int]:
    import errno

    return frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ETIMEDOUT})


_NO_WAY = _no_way()


def refusal_word(error: BaseException) -> str:
    """A word for people who know the service: a code of AWS that is known here, or the class of the exception."""
    response = getattr(error, "response", None)
    said = response.get("Error") if isinstance(response, dict) else None
    code = str(said.get("Code")) if isinstance(said, dict) else ""
    # Any other code is the service's own text.
    return code if code in _AWS_CODES else type(error).__name__
