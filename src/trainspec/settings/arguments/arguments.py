"""TrainingArguments: the 118 settings people know, flat, with derived values read under the same names."""

from __future__ import annotations

import sys
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar

from trainspec.settings.arguments.fields import Fields, PluginFields
from trainspec.settings.arguments.parser_types import PARSER_TYPES
from trainspec.settings.arguments.process_view import ProcessView
from trainspec.settings.arguments.setters import Setters
from trainspec.settings.rules.registry import ALL_RULES
from trainspec.settings.rules.rule import Rule
from trainspec.settings.views.derived import DERIVATIONS, Derivation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from typing import Unpack

    from trainspec.settings.typed import SettingsButOutputDir


class TrainingArguments(Setters, ProcessView, Fields, PluginFields):
    """The settings of one training run: Hugging Face's names, types and defaults, validated together.

    `TrainingArguments("out", learning_rate=3e-4)` reads TRAINSPEC_* variables below its own arguments; `from_dict`,
    `from_json` and `from_yaml` read the document alone. Raises pydantic's ValidationError with every fault found.
    """

    positional: ClassVar[tuple[str, ...]] = ("output_dir",)
    own_rules: ClassVar[tuple[Rule, ...]] = ALL_RULES
    # Subclasses of other libraries add to the list; here every mapping may be said as JSON text, listed or not.
    _VALID_DICT_FIELDS: ClassVar[list[str]] = [
        "accelerator_config",
        "fsdp_config",
        "deepspeed",
        "gradient_checkpointing_kwargs",
        "lr_scheduler_kwargs",
    ]

    if TYPE_CHECKING:
        # What checkers would work out from the fields, in words that pydantic's mypy plugin keeps to as well.
        def __init__(
            self,
            output_dir: str = ...,
            *,
            _case_sensitive: bool | None = ...,
            _nested_model_default_partial_update: bool | None = ...,
            _env_prefix: str | None = ...,
            _env_file: str | PathLike[str] | Sequence[str | PathLike[str]] | None = ...,
            _env_file_encoding: str | None = ...,
            _env_ignore_empty: bool | None = ...,
            _env_nested_delimiter: str | None = ...,
            _env_nested_max_split: int | None = ...,
            _env_parse_none_str: str | None = ...,
            _env_parse_enums: bool | None = ...,
            _cli_parse_args: bool | list[str] | tuple[str, ...] | None = ...,
            _secrets_dir: str | PathLike[str] | Sequence[str | PathLike[str]] | None = ...,
            **settings: Unpack[SettingsButOutputDir],
        ) -> None: ...


# The class itself waits for its first use. What adapts it (FastAPI for each route) is built where it is written: later,
# pydantic would warn of what FastAPI means it not to.
TrainingArguments.model_config["defer_build"] = False

GROUPS = tuple(reversed(Fields.__bases__))


class _Derived:
    """Reads a setting as what follows from what the user said; the stored value stays as said.

    On the class it is absent, as pydantic wants fields to be.
    """

    __slots__ = ("derivation", "name")

    def __init__(self, name: str, derivation: Derivation) -> None:
        self.name = name
        self.derivation = derivation

    def __get__(self, settings: TrainingArguments | None, owner: type) -> Any:
        if settings is None:
            raise AttributeError(self.name)
        return self.derivation.compute(settings, settings.__dict__[self.name])

    def __set__(self, settings: TrainingArguments, value: Any) -> None:
        settings._become({self.name: value})


class _Resolved(_Derived):
    """Reads a setting that names a file, or whose arguments another setting types, as the typed model it stands for."""

    __slots__ = ()

    def __get__(self, settings: TrainingArguments | None, owner: type) -> Any:
        said = super().__get__(settings, owner)
        origin = settings.origin if settings is not None else None
        return origin.resolved.get(self.name, said) if origin is not None else said


class _ReadByOurTrainer(_Resolved):
    """As above; transformers' Trainer, which asks for it early, is told whose settings these are."""

    __slots__ = ()

    def __get__(self, settings: TrainingArguments | None, owner: type) -> Any:
        if sys._getframe(1).f_globals.get("__name__") == "transformers.trainer":
            raise TypeError(
                "this Trainer is transformers', and these TrainingArguments are trainspec's: import both from one "
                "package (from trainspec import Trainer, TrainingArguments)"
            )
        return super().__get__(settings, owner)


if not TYPE_CHECKING:
    # As pydantic takes fields off its own classes: a subclass would find them here, under what its bases redefine.
    for _group in GROUPS:
        for _name in get_annotations(_group):
            delattr(_group, _name)
    # For parsers alone: pydantic has read the groups' annotations by now.
    TrainingArguments.__annotations__ = dict(PARSER_TYPES)
    for _name, _derivation in DERIVATIONS.items():
        setattr(TrainingArguments, _name, _Derived(_name, _derivation))
    for _name in ("fsdp_config", "deepspeed", "accelerator_config", "optim_args", "lr_scheduler_kwargs"):
        _stored = DERIVATIONS.get(_name, Derivation(lambda settings, said: said, ()))
        _kind = _ReadByOurTrainer if _name == "accelerator_config" else _Resolved
        setattr(TrainingArguments, _name, _kind(_name, _stored))
