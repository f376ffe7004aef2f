"""What a source of pydantic-settings is refused and does not tell: Google's takes all refusals for missing secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainspec.settings.sources.cloud.refusals import DENIED, MISSING, refusal_of
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


class Overheard:
    """The refusals that a source's client met while the source was asked."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.met: list[tuple[str, Exception]] = []
        if not any(cls.__name__ == "GoogleSecretManagerSettingsSource" for cls in type(source).__mro__):
            return
        load = source._load_env_vars
        # Before 2.11 it has read them when it was made; since then it does so when it is asked.
        self._listen_in(source.env_vars)
        source._load_env_vars = lambda: self._listen_in(load())

    def _listen_in(self, held: Any) -> Any:
        client = getattr(held, "_secret_client", None)
        if client is not None and not isinstance(client, _Client):
            held._secret_client = _Client(client, self.met)
        return held

    def refusals(
        self, model: type[Settings], said: frozenset[str], *, gave: bool
    ) -> Iterator[tuple[str, Exception, bool]]:
        """Of each setting that could not be read: its name, why, and whether it is certain that there is one to read.

        A service that says only that a name is denied or not there leaves that open where others could be read.
        """
        if not self.met:
            return
        shape, prefix = shape_of(model), (getattr(self.source, "env_prefix", "") or "").lower()
        certain = not gave or not self.source.case_sensitive
        names = {name.lower(): name for name in shape.fields} | {
            key.lower(): name for key, name in shape.spellings.items()
        }
        for secret, error in self.met:
            name = names.get(secret.lower().removeprefix(prefix)) or names.get(secret.lower())
            code = refusal_of(error)
            if name is None or name in said or code == MISSING:
                continue
            if code != DENIED or not self.source.case_sensitive:
                yield name, error, True
            elif name in shape.secrets:
                yield name, error, certain


class _Client:
    """A client of Google's secret manager that notes what it is refused."""

    def __init__(self, client: Any, met: list[tuple[str, Exception]]) -> None:
        self._client, self._met = client, met

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def access_secret_version(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._client.access_secret_version(*args, **kwargs)
        except Exception as error:
            path = str(kwargs.get("name", "")).split("/")
            self._met.append((path[3] if len(path) > 3 else "", error))
            raise
