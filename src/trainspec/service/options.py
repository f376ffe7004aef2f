"""What a service is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainspec.settings.sources.files import LARGEST_FILE

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take: bytes of its body and seconds; and how many are judged, and wait, at a time."""

    body: int = LARGEST_FILE
    seconds: float = 5.0
    threads: int = 4
    waiting: int = 64


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
