"""AWS Secrets Manager and Parameter Store, by boto3.

Not by the source classes of pydantic-settings: they fetch when they are made, whether or not anything is wanted, walk a
whole path of parameters, and do not tell which version they read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from trainspec.settings.sources.cloud.address import Address, BadAddress
from trainspec.settings.sources.cloud.answer import Entry, NotAMapping, mapping_of

# As many as one call of GetParameters takes.
_AT_ONCE = 10


def prepare() -> None:
    """Import what the readers need. Raises ImportError."""
    import boto3.session  # noqa: F401 - takes longer than a call, and is no part of its time limit


def read_secret(address: Address, wanted: Sequence[str], limit: float) -> dict[str, Entry]:
    """Every key of the one mapping that a secret is, by one call; whatever is wanted of them."""
    chosen = {"VersionId": address.get("version"), "VersionStage": address.get("stage")}
    request = {name: value for name, value in chosen.items() if value is not None}
    client = _client("secretsmanager", address, limit)
    try:
        answer = client.get_secret_value(SecretId=address.name, **request)
    except _wrong_call():
        answer = None
    if answer is None:
        raise BadAddress("its version, stage or name cannot be one of a secret", "correct the address")
    version = str(answer.get("VersionId", ""))
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise NotAMapping("it holds bytes")
    return {key: Entry(key, value, version) for key, value in mapping_of(text).items()}


def read_parameters(address: Address, wanted: Sequence[str], limit: float) -> dict[str, Entry]:
    """The parameters below a path that have the names wanted, in as few calls as there can be."""
    version = address.get("version")
    client = _client("ssm", address, limit)
    below = f"/{address.name}/"
    found: dict[str, Entry] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        names = wanted[start : start + _AT_ONCE]
        asked = [f"{below}{name}{f':{version}' if version else ''}" for name in names]
        for one in client.get_parameters(Names=asked, WithDecryption=True).get("Parameters", ()):
            name = str(one["Name"]).removeprefix(below)
            found[name] = Entry(name, one["Value"], str(one.get("Version", "")))
    return found


def _client(service: str, address: Address, limit: float) -> Any:
    # boto3 itself knows AWS_DEFAULT_REGION alone; other libraries of AWS, and its platforms, say AWS_REGION.
    region = address.get("region") or _region_in(address.name) or os.environ.get("AWS_REGION") or None
    return _cached_client(service, region, address.get("endpoint"), limit, _identity(), os.getpid())


def _wrong_call() -> type[Exception]:
    """What boto3 raises before a call whose parameters no service would take."""
    from botocore.exceptions import ParamValidationError

    wrong: type[Exception] = ParamValidationError
    return wrong


def _region_in(name: str) -> str | None:
    """The region that an ARN names."""
    return name.split(":")[3] if name.startswith("arn:") else None


def _identity() -> int:
    """Changes when the process's credentials, profile or endpoints do."""
    return hash(tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))))


@lru_cache(maxsize=16)
def _cached_client(service: str, region: str | None, endpoint: str | None, limit: float, *_: int) -> Any:
    import boto3.session
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    # Whether to try again is decided by whoever asks, who knows how much time is left.
    config = Config(connect_timeout=limit, read_timeout=limit, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint, config=config)
    except NoRegionError:
        pass
    raise BadAddress("no region of AWS is known", "write it behind the address, ?region=eu-west-1, or set AWS_REGION")
