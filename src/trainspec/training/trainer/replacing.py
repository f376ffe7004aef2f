"""Our Trainer and settings under transformers' names, for libraries that build on those."""

from __future__ import annotations

import sys
from typing import Any

# Of transformers: the modules that name each of the classes that ours stand in for.
_MODULES = {
    "Trainer": ("transformers", "transformers.trainer"),
    "TrainingArguments": ("transformers", "transformers.training_args"),
    "Seq2SeqTrainer": ("transformers", "transformers.trainer_seq2seq"),
    "Seq2SeqTrainingArguments": ("transformers", "transformers.training_args_seq2seq"),
}


def replace_transformers_trainer() -> None:
    """From now on `transformers.Trainer`, `TrainingArguments` and their Seq2Seq forms are trainspec's.

    A library that is imported afterwards (trl, sentence-transformers ...) builds on them. Raises ImportError where
    transformers is not installed, and RuntimeError where a module that is imported already has taken its own.
    """
    try:
        import transformers
    except ImportError as error:
        raise ImportError("there is nothing to replace: transformers is not installed here") from error
    import transformers.trainer
    import transformers.trainer_seq2seq
    import transformers.training_args
    import transformers.training_args_seq2seq

    import trainspec

    theirs = {name: getattr(sys.modules[places[-1]], name) for name, places in _MODULES.items()}
    late = sorted(_holders(theirs))
    if late:
        raise RuntimeError(
            f"{', '.join(late)} took transformers' own classes when it was imported: call "
            "replace_transformers_trainer() before that import"
        )
    for name, places in _MODULES.items():
        for place in places:
            setattr(sys.modules[place], name, getattr(trainspec, name))


def _holders(theirs: dict[str, Any]) -> set[str]:
    """Packages beside transformers with one of these classes, or with a class made of one, among a module's names."""
    kinds = tuple(theirs.values())
    found = set()
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if package in ("transformers", "trainspec", "__main__") or module is None:
            continue
        held = (value for value in list(vars(module).values()) if isinstance(value, type))
        if any(issubclass(value, kinds) for value in held):
            found.add(package)
    return found
