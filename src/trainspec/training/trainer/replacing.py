"""Our Trainer and settings under transformers' names, for libraries that build on those."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

# Where transformers keeps each of the classes that ours stand in for; the package itself names them too.
_HOMES = {
    "Trainer": "transformers.trainer",
    "TrainingArguments": "transformers.training_args",
    "Seq2SeqTrainer": "transformers.trainer_seq2seq",
    "Seq2SeqTrainingArguments": "transformers.training_args_seq2seq",
}
_KNOWN = ("transformers", "trainspec", "__main__")


def replace_transformers_trainer() -> None:
    """From now on `transformers.Trainer`, `TrainingArguments` and their Seq2Seq forms are trainspec's.

    A library that is imported afterwards (trl, sentence-transformers ...) builds on them. Calling it again changes
    nothing. Raises ImportError where transformers is not installed, and RuntimeError where a library was imported
    before, which then holds transformers' own.
    """
    import trainspec

    try:
        homes = {name: import_module(home) for name, home in _HOMES.items()}
        package = import_module("transformers")
    except ImportError as error:
        raise ImportError(f"there is no transformers whose Trainer could be replaced: {error}") from error
    late = _holders(tuple(getattr(home, name) for name, home in homes.items()))
    if late:
        raise RuntimeError(
            f"{', '.join(sorted(late))}: imported before this call, and made of transformers' own Trainer; "
            "call replace_transformers_trainer() before that import"
        )
    for name, home in homes.items():
        for module in (home, package):
            setattr(module, name, getattr(trainspec, name))


def _holders(theirs: tuple[Any, ...]) -> set[str]:
    """Packages of other people with one of these classes among the names of a module, or with one made of it."""
    found = set()
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        # Of the type itself: what an attribute says of its class may run code, which may warn.
        kinds = [value for value in list(vars(module).values()) if issubclass(type(value), type)] if module else []
        if package not in _KNOWN and any(issubclass(kind, theirs) and not _is_ours(kind) for kind in kinds):
            found.add(package)
    return found


def _is_ours(kind: type) -> bool:
    return any(base.__module__.startswith("trainspec.") for base in kind.__mro__)
