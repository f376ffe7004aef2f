"""Built-in tasks by name, any other by its place: `pkg.mod:callable`."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from trainspec.tasks.protocol import TaskError, TaskParts

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS: dict[str, str] = {
    "digits": "trainspec.tasks.digits:digits",
    "lm": "trainspec.tasks.lm:lm",
}


def resolve_task(name: str) -> Callable[..., TaskParts]:
    """The task of that name or place; TaskError says what is wrong with it."""
    place = TASKS.get(name, name)
    module_name, colon, attribute = place.partition(":")
    if not colon or not module_name or not attribute:
        raise TaskError(f"unknown task {name!r}{_suggestion(name)}; expected {_expected()}")
    found: Any = _import(module_name, name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise TaskError(_missing(name, module_name, attribute, found))
        found = getattr(found, part)
    if not callable(found):
        raise TaskError(f"task {name!r} is a {type(found).__name__}, not a callable that takes the settings")
    task: Callable[..., TaskParts] = found
    return task


def _import(module_name: str, task: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise TaskError(
                f"task {task!r}: there is no module {error.name!r} on the Python path; "
                "run from the folder that holds it, install its package, or set PYTHONPATH"
            ) from error
        raise TaskError(f"task {task!r}: its module needs {error.name!r}, which is not installed") from error
    except Exception as error:
        raise TaskError(
            f"task {task!r}: importing {module_name!r} failed with {type(error).__name__}: {error}"
        ) from error


def _missing(name: str, module_name: str, attribute: str, found: Any) -> str:
    public = [entry for entry in vars(found) if not entry.startswith("_") and callable(getattr(found, entry))]
    near = difflib.get_close_matches(attribute, public, n=1)
    hint = f"; did you mean {module_name}:{near[0]}?" if near else ""
    return f"task {name!r}: module {module_name!r} has no {attribute!r}{hint}"


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, TASKS, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _expected() -> str:
    return f"a built-in task ({', '.join(TASKS)}) or pkg.mod:callable"
