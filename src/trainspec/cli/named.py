"""What the command line names by its place in Python: settings classes and tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.text.redaction import redact_reason, redact_whole_url

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from trainspec.settings.base import Settings
    from trainspec.settings.values.shape import Shape


def settings_class(place: str) -> type[Settings]:
    """The settings class at `pkg.mod:Class`. Raises CannotRun."""
    from trainspec.settings.base import Settings

    found = _class_at(place)
    if not (isinstance(found, type) and issubclass(found, Settings)):
        raise CannotRun(mistake("CLI106", f"{place} is no settings class", "derive it from trainspec.Settings"))
    return found


def settings_or_app(place: str) -> type[Settings] | type[BaseSettings]:
    """The class at `pkg.mod:Class`: of settings, or an app of pydantic-settings with some inside. Raises CannotRun."""
    from pydantic_settings import BaseSettings

    from trainspec.settings.base import Settings

    found = _class_at(place)
    if not (isinstance(found, type) and issubclass(found, BaseSettings)):
        remedy = "derive it from trainspec.Settings, or from BaseSettings with a field of such a class"
        raise CannotRun(mistake("CLI106", f"{place} is no settings class", remedy))
    if not issubclass(found, Settings):
        from trainspec.settings.sources.embedding.inside import places_in

        if not any(places_in(found)):
            remedy = "give it a field of TrainingArguments, or of another class of trainspec.Settings"
            raise CannotRun(mistake("CLI106", f"{place} has no settings of trainspec inside", remedy))
    return found


def _class_at(place: str) -> Any:
    from importlib import import_module

    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise CannotRun(mistake("CLI106", f"--model takes pkg.mod:Class, not {redact_whole_url(place)}"))
    _look_in_this_folder()
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise CannotRun(mistake("CLI106", f"the module {module} has no {name}")) from None
    except Exception as error:
        text = f"importing {module} failed with {type(error).__name__}: {error}"
        raise CannotRun(mistake("CLI106", text, "set PYTHONPATH, or run from its folder")) from None
    return found


def task_named(name: str) -> tuple[Callable[..., Any], Shape]:
    """A task and the shape of its own settings. Raises CannotRun."""
    from trainspec.settings.values.shape import shape_of
    from trainspec.tasks import TaskError, resolve_task, settings_model

    _look_in_this_folder()
    try:
        task = resolve_task(name)
        return task, shape_of(settings_model(task) or _no_settings())
    except (TaskError, TypeError, NameError) as error:
        raise CannotRun(mistake("CLI105", redact_reason(str(error), name))) from None


def _no_settings() -> type[Any]:
    from pydantic import BaseModel

    class NoSettings(BaseModel):
        """The settings of a task that has none."""

    return NoSettings


def _look_in_this_folder() -> None:
    """`python -m` finds modules of the current folder; an installed command does not by itself."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
