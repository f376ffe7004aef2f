"""What a class does itself once its settings are valid: attributes of its own, then `__post_init__`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import validation_error

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


def nothing_more(settings: Any) -> None:
    """Called once the settings are valid; the dataclass idiom's place for a subclass's own work."""


def after_init(settings: Settings, init_only: Mapping[str, Any]) -> None:
    """Call `__post_init__`, with what is init-only. Raises ValidationError for a ValueError of it."""
    cls = type(settings)
    for name, field in cls.__attributes__.items():
        if field.default_factory is not MISSING:
            settings.__dict__[name] = field.default_factory()
    given = [_given(cls, name, init_only) for name in cls.__init_only__]
    try:
        settings.__post_init__(*given)
    except ValidationError:
        raise
    except (ValueError, AssertionError) as error:
        # pydantic would quote all that was said, secrets too.
        code, evidence = CODES["VAL106"], (Evidence("", None, None),)
        found = Diagnostic("VAL106", code.name, "error", f"{cls.__name__}: {error}", evidence=evidence)
        raise validation_error(cls, [found]) from error


def _given(cls: type[Any], name: str, init_only: Mapping[str, Any]) -> Any:
    if name in init_only:
        return init_only[name]
    field = cls.__init_only__[name]
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise TypeError(f"{cls.__name__} needs the argument {name}, which only its constructor takes: it is no setting")
