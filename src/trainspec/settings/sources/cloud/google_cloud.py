"""Google Cloud Secret Manager, by its own client.

Not by the source class of pydantic-settings: where the case of names does not matter it lists the whole project, for
which few have the permission, and a secret to which access is denied is None to it, as one that is missing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from trainspec.settings.sources.cloud.address import Address
from trainspec.settings.sources.cloud.answer import Entry, text_of


def prepare() -> None:
    """Import what the reader needs. Raises ImportError."""
    with warnings.catch_warnings():
        # The end of a Python's support is no concern of whoever reads a secret.
        warnings.simplefilter("ignore", FutureWarning)
        import google.cloud.secretmanager  # noqa: F401 - takes longer than a call, as with AWS


def read_secrets(address: Address, wanted: Sequence[str], limit: float) -> dict[str, Entry]:
    """The secrets of a project that have the names wanted, one AccessSecretVersion each."""
    from google.api_core.exceptions import NotFound

    region = address.get("region")
    endpoint = address.get("endpoint") or (f"secretmanager.{region}.rep.googleapis.com" if region else None)
    client = _client(endpoint, os.getpid())
    project = f"projects/{address.name}" + (f"/locations/{region}" if region else "")
    found: dict[str, Entry] = {}
    for name in wanted:
        path = f"{project}/secrets/{name}/versions/{address.get('version') or 'latest'}"
        try:
            answer = client.access_secret_version(request={"name": path}, timeout=limit, retry=None)
        except NotFound:
            continue
        version = str(answer.name).rpartition("/")[2]
        found[name] = Entry(name, text_of(answer.payload.data), version)
    return found


@lru_cache(maxsize=16)
def _client(endpoint: str | None, _process: int) -> Any:
    from google.cloud import secretmanager

    if endpoint is None:
        return secretmanager.SecretManagerServiceClient()
    host = endpoint.removeprefix("https://").rstrip("/")
    if not endpoint.startswith("http://"):
        return secretmanager.SecretManagerServiceClient(client_options={"api_endpoint": host})
    # An emulator or a proxy beside this process: nothing that proves who we are goes over a plain connection.
    import grpc
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    channel = grpc.insecure_channel(endpoint.removeprefix("http://").rstrip("/"))
    transport = SecretManagerServiceGrpcTransport(channel=channel)
    return secretmanager.SecretManagerServiceClient(transport=transport)
