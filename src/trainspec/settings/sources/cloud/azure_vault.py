"""Azure Key Vault, by its own client.

Not by the source class of pydantic-settings: it lists the names of the whole vault as soon as it is made.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from trainspec.settings.sources.cloud.address import Address
from trainspec.settings.sources.cloud.answer import Entry

_HOST = "vault.azure.net"


def prepare() -> None:
    """Import what the reader needs. Raises ImportError."""
    import azure.identity
    import azure.keyvault.secrets  # noqa: F401 - takes longer than a call, as with AWS


def read_vault(address: Address, wanted: Sequence[str], limit: float) -> dict[str, Entry]:
    """The secrets of a vault that have the names wanted, one call each; names there have dashes, not underscores."""
    from azure.core.exceptions import ResourceNotFoundError

    host = address.name if "." in address.name else f"{address.name}.{_HOST}"
    client = _client(f"https://{host}", limit, os.getpid())
    found: dict[str, Entry] = {}
    for name in wanted:
        try:
            answer = client.get_secret(name, address.get("version"))
        except ResourceNotFoundError:
            continue
        found[name] = Entry(name, answer.value, str(answer.properties.version or ""))
    return found


@lru_cache(maxsize=16)
def _client(url: str, limit: float, _process: int) -> Any:
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    # Whether to try again is decided by whoever asks, who knows how much time is left.
    return SecretClient(
        vault_url=url,
        credential=DefaultAzureCredential(),
        retry_total=0,
        connection_timeout=limit,
        read_timeout=limit,
    )
