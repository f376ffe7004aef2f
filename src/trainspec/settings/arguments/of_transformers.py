"""transformers' own TrainingArguments, or a subclass of it (Seq2SeqTrainingArguments, SFTConfig ...), as ours.

Such an object no longer tells what was said and what its own `__post_init__` made of that. What a fresh object of its
class has too was not said: it holds where it is no default of ours, and nothing is told about it.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from collections.abc import Mapping
from enum import Enum
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, Self

from trainspec.settings.arguments.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic, Evidence, errors_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.judgement import emit
from trainspec.settings.judging.pydantic_errors import validation_error
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import REMOVED, RENAMED
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.derived import DERIVATIONS

if TYPE_CHECKING:
    from trainspec.settings.judging.judgement import Verdict

_OF_THE_PROCESS = frozenset({"local_rank", "deepspeed_plugin", "distributed_state"})
# What transformers writes for the optimizer that our default is too: torch's AdamW in its fastest form.
_OUR_DEFAULT: dict[str, tuple[Any, ...]] = {
    "optim": ("adamw_torch_fused",),
    "use_cache": (False,),
    "do_eval": (False,),
    "report_to": (None,),
    "eval_delay": (0,),
    "train_sampling_strategy": ("random",),
    "include_num_input_tokens_seen": ("no", False),
}
# The spelling is that of transformers, where it is right.
_ABOUT_SPELLING = frozenset({"REN101", "REN104", "REN106"})


class ConvertedArguments(TrainingArguments):
    """Settings made of transformers' own. What its class has beside the settings is kept as attributes."""

    def _set_other(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            self.__dict__[name] = value
        else:
            super()._set_other(name, value)

    def replace(self, **changes: Any) -> Self:
        """As `TrainingArguments.replace`; what its class has beside the settings is kept."""
        beside = {name: value for name, value in vars(self).items() if name not in type(self).model_fields}
        beside |= {name: changes.pop(name) for name in list(changes) if name in beside}
        new = super().replace(**changes)
        new.__dict__.update(beside)
        return new

    __replace__ = replace


def is_of_transformers(args: Any) -> bool:
    """Whether this is an object of transformers' TrainingArguments or of a subclass of it."""
    return any(cls.__module__ == "transformers.training_args" for cls in type(args).__mro__)


def converted(args: Any) -> TrainingArguments:
    """Settings that mean what `args`, an object of transformers' TrainingArguments, means.

    Everything found is warned of, as where settings are made. Raises ValidationError with every fault, and TypeError
    for anything but such an object.
    """
    if not is_of_transformers(args):
        hint = "TrainingArguments(**args)" if isinstance(args, Mapping) else "trainspec.TrainingArguments(...)"
        raise TypeError(f"args must be TrainingArguments, not {type(args).__name__}: pass {hint}")
    theirs = _Theirs(args)
    verdict = theirs.judged()
    if not verdict.ok:
        raise validation_error(TrainingArguments, errors_of(verdict.diagnostics))
    emit(verdict.diagnostics)
    settings: TrainingArguments = verdict.settings
    settings.__dict__.update(theirs.beside())
    return settings


class _Theirs:
    """One object of transformers, with the values of a fresh one of its class to compare with."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.name = type(args).__name__
        self.fields = {one.name: one for one in dataclasses.fields(args) if one.init and one.name[:1] != "_"}
        self.shape = shape_of(ConvertedArguments)
        self.fresh = _fresh(args, self.fields)
        self.raw = {name: _plain(_raw_default(one)) for name, one in self.fields.items()}
        self.said: dict[str, Any] = {}
        self.held: dict[str, Any] = {}
        self.unknown: dict[str, Any] = {}
        for name in self.fields.keys() - _OF_THE_PROCESS:
            self._sort(name, _plain(getattr(args, name)))
        self._drop_mirrored()

    def _sort(self, name: str, value: Any) -> None:
        known = name in self.shape.fields or name in RENAMED or name in REMOVED
        if _alike(value, self.fresh[name]) or _alike(value, self.raw[name]):
            if name in self.shape.fields and not self._holds_anyway(name, value):
                self.held[name] = value
        elif known and not self._is_derived(name, value):
            self.said[name] = _without(value, self.fresh[name])
        elif not known and self._is_transformers_own(name):
            self.unknown[name] = value

    def _holds_anyway(self, name: str, value: Any) -> bool:
        """Whether what was not said holds here too without being said."""
        ours = _plain(self.shape.defaults[name])
        if value in _OUR_DEFAULT.get(name, ()) or self.raw[name] in _OUR_DEFAULT.get(name, ()):
            return True
        if value is None and name != "trackio_space_id":
            return True
        return _alike(value, ours) or _alike(self.raw[name], ours)

    def _is_derived(self, name: str, value: Any) -> bool:
        """Whether transformers' own `__post_init__` makes this of the other settings, in a way of its own."""
        if name == "logging_dir":
            return isinstance(value, str) and os.path.dirname(value) == os.path.join(self.args.output_dir, "runs")
        if name == "dataloader_pin_memory":
            return bool(self.args.use_cpu)
        return name == "warmup_steps" and _alike(value, _plain(getattr(self.args, "warmup_ratio", None)))

    def _is_transformers_own(self, name: str) -> bool:
        """Whether the field is one of transformers' class, and not of a subclass that reads it itself."""
        declaring = [cls for cls in type(self.args).__mro__ if name in get_annotations(cls)]
        return bool(declaring) and declaring[-1].__module__ == "transformers.training_args"

    def _drop_mirrored(self) -> None:
        """Old and new names of one setting, which transformers gives the same value."""
        for name in [name for name in self.said if name not in self.shape.fields and name in RENAMED]:
            successor = RENAMED[name].successor.partition(".")[0]
            if successor in self.said or successor in self.held:
                del self.said[name]

    def judged(self) -> Verdict:
        """Settings, and what is to be told: nothing about what was not said, unless it is an error."""
        verdict = self._verdict(self.said)
        if verdict.ok:
            follows = {name for name in self.said if name in DERIVATIONS and self._follows(name)}
            if follows:
                verdict = self._verdict({name: value for name, value in self.said.items() if name not in follows})
        quiet = set(self.held)
        told = [
            item
            for item in verdict.diagnostics
            if item.severity == "error" or not (item.code in _ABOUT_SPELLING or quiet.issuperset(item.fields))
        ]
        verdict.diagnostics[:] = [*told, *(self._not_had(name) for name in sorted(self.unknown))]
        return verdict

    def _verdict(self, said: dict[str, Any]) -> Verdict:
        reading = Reading(ConvertedArguments, SourceKind.CONSTRUCTOR, Manner.CONSTRUCTOR, self._source)
        layer: Layer = reading.read({name: self._counted(name, value) for name, value in {**self.held, **said}.items()})
        return from_layers(ConvertedArguments, [layer], reading.diagnostics, quiet=True)

    def _follows(self, name: str) -> bool:
        """Whether the value is what follows from the others here as well."""
        others = self._verdict({key: value for key, value in self.said.items() if key != name})
        return others.ok and _alike(_plain(getattr(others.settings, name)), self.said[name])

    def _counted(self, name: str, value: Any) -> Any:
        """transformers keeps counts as floats where a share is possible too."""
        kind = self.shape.kinds.get(name)
        whole = isinstance(value, float) and value.is_integer() and kind is not None and kind.integer
        return int(value) if whole else value

    def _source(self, path: tuple[str, ...]) -> Source:
        return Source(SourceKind.CONSTRUCTOR, self.name)

    def _not_had(self, name: str) -> Diagnostic:
        code = CODES["REN107"]
        message = f"{name} of transformers' {self.name} is no setting here, and has no effect"
        evidence = (Evidence(name, None, self._source((name,))),)
        return Diagnostic("REN107", code.name, "warning", message, code.reason, code.fix, evidence)

    def beside(self) -> dict[str, Any]:
        """What the object has beside the settings, as its own Trainer and its scripts read it."""
        known = {*self.shape.fields, *RENAMED, *REMOVED, *_OF_THE_PROCESS}
        return {
            name: value
            for name, value in vars(self.args).items()
            if name[:1] != "_" and name not in known and not hasattr(TrainingArguments, name)
        }


def _fresh(args: Any, fields: Mapping[str, dataclasses.Field[Any]]) -> dict[str, Any]:
    """What an object of the same class has that says no more than it has to."""
    raw = {name: _raw_default(one) for name, one in fields.items()}
    required = {name: getattr(args, name) for name, value in raw.items() if value is dataclasses.MISSING}
    named = {**required, "output_dir": args.output_dir}
    # Without use_cpu it may ask for what this machine lacks, as the object itself did not.
    for more in ({}, {"use_cpu": True}):
        made = _made(type(args), {**named, **more})
        if made is not None:
            return {name: _plain(getattr(made, name, raw[name])) for name in fields} | {"use_cpu": raw["use_cpu"]}
    # A class of anybody's own may want whatever it likes; what it left as transformers has it is known all the same.
    base = next(cls for cls in type(args).__mro__ if cls.__module__ == "transformers.training_args")
    made = _made(base, {"output_dir": args.output_dir, "use_cpu": True})
    theirs = {one.name: _raw_default(one) for one in dataclasses.fields(base)}
    same = {name for name, value in raw.items() if made is not None and name in theirs and theirs[name] == value}
    return {name: _plain(getattr(made, name) if name in same else raw[name]) for name in fields}


def _made(cls: type[Any], named: dict[str, Any]) -> Any:
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cls(**named)
    except Exception:
        return None
    finally:
        logging.disable(disabled)


def _raw_default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _plain(value: Any) -> Any:
    """A value as a document would hold it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {name: item for name, item in shown.items() if item is not None}
    return value


def _alike(value: Any, other: Any) -> bool:
    if isinstance(value, bool) is not isinstance(other, bool):
        return False
    return bool(value == other) or (not value and not other and isinstance(value, list | dict | str | None))


def _without(value: Any, fresh: Any) -> Any:
    """Of a mapping that was filled up with defaults, what differs from them."""
    if not isinstance(value, dict) or not isinstance(fresh, dict):
        return value
    return {key: item for key, item in value.items() if key not in fresh or not _alike(item, fresh[key])}
