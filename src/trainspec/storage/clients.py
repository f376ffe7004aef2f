"""What the clients of stores are told of how long to wait: some have no end to it, some try again and again."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any

from trainspec.storage.location import scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.storage.retry import RetryPolicy

# These put an object on the condition that there is none, where the package that speaks to them can say so.
S3 = frozenset({"s3", "s3a"})
_GOOGLE = frozenset({"gs", "gcs"})
_AZURE = frozenset({"abfs", "abfss", "az"})
_SSH = frozenset({"sftp", "ssh"})


@dataclass(frozen=True)
class Sockets:
    """Makes those of a client whose server must take what it is sent within so many seconds.

    No client counts that: it waits for ever for one that reads no more.
    """

    seconds: float

    def __call__(self, address: Any) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        _give_up_after(self.seconds, made)
        return made


def _give_up_after(seconds: float, connection: socket.socket) -> None:
    # Linux: how long what was sent may lie there, whether the other side has room for it or not (tcp(7)).
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        # What somebody else's client speaks through may be no connection of TCP.
        with suppress(AttributeError, OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))


def patience(scheme: str, retry: RetryPolicy) -> dict[str, Any]:
    """What tells the client of a store how long to wait, where it can be told: its own retries multiply ours.

    What the user's own configuration of fsspec says goes first.
    """
    said = import_module("fsspec.config").conf.get(scheme, {})
    ours: dict[str, Any] = {}
    if scheme in S3:
        waits = {"connect_timeout": retry.silence, "read_timeout": retry.silence}
        config = {**waits, "retries": {"total_max_attempts": 1}, **said.get("config_kwargs", {})}
        return {"config_kwargs": _with_sockets_of_s3(config, Sockets(retry.silence))}
    if scheme in _GOOGLE:
        waited = import_module("aiohttp").ClientTimeout(None, sock_connect=retry.silence, sock_read=retry.silence)
        ours = {"requests_timeout": waited}
    elif scheme in _SSH:
        # Of connecting; of all that comes after it, see `hold_to`.
        ours = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), retry.silence)
    return {name: value for name, value in ours.items() if name not in said}


def hold_to(filesystem: Any, retry: RetryPolicy) -> None:
    """What a client can only be told once it is there: to try once, since its own waits are ended by no signal."""
    scheme = scheme_of(f"{_protocol(filesystem)}://")
    if scheme in S3 and hasattr(filesystem, "retries"):
        filesystem.retries = 1
    elif scheme in _GOOGLE:
        request = getattr(type(filesystem)._request, "__wrapped__", None)
        if request is not None:
            filesystem._request = MethodType(request, filesystem)
        if hasattr(filesystem, "_set_session"):
            _with_sockets(filesystem, "_set_session", lambda: filesystem._session, Sockets(retry.silence))
    elif scheme in _AZURE:
        _hold_azure_to(filesystem.service_client, retry)
    elif scheme in _SSH:
        channel = filesystem.ftp.get_channel()
        channel.settimeout(retry.silence)
        _give_up_after(retry.silence, channel.get_transport().sock)


def _hold_azure_to(client: Any, retry: RetryPolicy) -> None:
    """What is said to the file system reaches some of its requests only, and nothing does its retries."""
    policy = getattr(getattr(client, "_config", None), "retry_policy", None)
    if policy is not None:
        policy.total_retries = 0
    transport: Any = getattr(getattr(client, "_pipeline", None), "_transport", None)
    waits = getattr(transport, "connection_config", None)
    if waits is not None:
        waits.timeout = waits.read_timeout = retry.silence
        _with_sockets(transport, "open", lambda: transport.session, Sockets(retry.silence))


def _with_sockets_of_s3(config: dict[str, Any], sockets: Sockets) -> dict[str, Any]:
    """The configuration with these sockets, where it has none and its client takes any: one of httpx, or of before
    there was such an option, refuses them.
    """
    whole = {**config, "connector_args": {"socket_factory": sockets, **config.get("connector_args", {})}}
    try:
        import_module("aiobotocore.config").AioConfig(**whole)
    except Exception:
        return config
    return whole


def _with_sockets(owner: Any, name: str, session: Callable[[], Any], sockets: Sockets) -> None:
    """Once what opens its session has done so, connections of that are made of these."""
    # Clients are kept and used again, by whoever opens the same store: in the place of what was put here before.
    opens = getattr(owner, name)
    opens = getattr(opens, "opens", opens)

    async def opened(*given: Any, **named: Any) -> Any:
        answer = await opens(*given, **named)
        connector: Any = getattr(session(), "connector", None)
        # The user's own goes first.
        if getattr(connector, "_socket_factory", sockets) is None:
            connector._socket_factory = sockets
        return answer

    vars(opened)["opens"] = opens
    setattr(owner, name, opened)


def _protocol(filesystem: Any) -> str:
    protocol = filesystem.protocol
    return str(protocol if isinstance(protocol, str) else protocol[0])
