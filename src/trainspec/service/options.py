"""What a service is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainspec.settings.sources.formats.limits import LARGEST_FILE

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take: bytes of its body and seconds; and how many are judged, and wait, at a time."""

    body: int = LARGEST_FILE
    seconds: float = 5.0
    threads: int = 4
    waiting: int = 64


@dataclass(frozen=True, slots=True)
class Running:
    """How many processes serve, the seconds between being no longer ready and taking no more, and those that open
    requests have after that; the files of its certificate and of its key, which may be in one.
    """

    workers: int = 1
    drain: float = 1
    grace: int = 20
    certificate: str | None = None
    key: str | None = None


@dataclass(slots=True)
class Life:
    """Whether the service still wants to be sent requests."""

    draining: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The classes it judges by beside TrainingArguments, by their place; tokens, of which each opens it; origins."""

    models: Mapping[str, type[BaseSettings]] = field(default_factory=dict)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    origins: tuple[str, ...] = ()
    limits: Limits = Limits()
    # Under which others know it, where a proxy stands before it; by default the address that it is asked at.
    public_url: str | None = None
