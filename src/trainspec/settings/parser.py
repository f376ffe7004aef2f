"""SettingsParser: several settings models from one command line or one document, as HfArgumentParser does it.

Settings classes of ours also read the environment, dotenv, secrets and config file below the flags; pydantic models and
dataclasses are made of flags alone. The methods that take a document look at nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from trainspec.settings.diagnostics import Diagnostic, SourceError, errors_of
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.judgement import Verdict, emit
from trainspec.settings.judging.models import judge_sources, read_flags, read_source, unknown_name
from trainspec.settings.judging.pydantic_errors import validation_error
from trainspec.settings.sources.command_line import Vocabulary, old_names
from trainspec.settings.sources.formats.flags import Cut, Flag, Takes, cut, stray_words, unknown_flags
from trainspec.settings.sources.layer import Layer, Locate
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import Shape, shape_of

if TYPE_CHECKING:
    from trainspec.settings.sources.files import Files

_HELP = Flag(("help",), Takes.NOTHING, "true", "help")
_UNKNOWN_NAMES = frozenset({"SRC101", "SRC102", "SRC125"})


class SettingsParser:
    """Settings classes, pydantic models and dataclasses, in any mix, from one command line or document."""

    def __init__(
        self, models: type[Any] | Iterable[type[Any]], *, description: str = "", prog: str | None = None
    ) -> None:
        """Raises TypeError for what is no model, ValueError where two of them have a flag in common."""
        types = (models,) if isinstance(models, type) else tuple(models)
        self.shapes = tuple(shape_of(model) for model in types)
        self.description = description
        self.prog = prog
        self._vocabularies = tuple(
            Vocabulary(shape.kinds, renames=shape.settings is not None, aliases=shape.aliases, owner=shape)
            for shape in self.shapes
        )
        self._refuse_conflicts()

    def _refuse_conflicts(self) -> None:
        owners: dict[str, Shape] = {}
        for shape in self.shapes:
            for flag in (*(f"--{name}" for name in shape.kinds), *(_dashed(alias) for alias in shape.aliases)):
                if flag in owners:
                    raise ValueError(f"{owners[flag].name} and {shape.name} both have the flag {flag}; rename one")
                owners[flag] = shape
            if "-h" in shape.aliases or "help" in shape.kinds:
                raise ValueError(f"{shape.name} takes --help or -h, which show the help; rename it")

    # Command lines.

    def parse_args_into_dataclasses(
        self,
        args: Sequence[str] | None = None,
        return_remaining_strings: bool = False,
        look_for_args_file: bool = True,
        args_filename: str | None = None,
        args_file_flag: str | None = None,
    ) -> tuple[Any, ...]:
        """An instance of each model, in order; `args` is by default sys.argv without the script, in a notebook nothing.

        An args file (named, given behind `args_file_flag`, or SCRIPT.args beside the script) holds flags that those of
        later ones and of `args` override. With `return_remaining_strings` the last item lists the words that no model
        takes. What is wrong is written to stderr, all of it, by the first of several processes; it ends the process
        with code 2, as --help does with 0.
        """
        words = list(_words_of_script() if args is None else args)
        files = [(args_filename, True)] if args_filename else self._args_file() if look_for_args_file else []
        if args_file_flag:
            words, named = _take_flag(words, args_file_flag)
            files += [(name, True) for name in named]
        below: list[list[str]] = []
        found: list[Diagnostic] = []
        for name, required in files:
            try:
                below.append(_read_args_file(name, required))
            except SourceError as error:
                found += error.diagnostics
        return self._parse([cut(part, self._find) for part in (*below, words)], return_remaining_strings, found)

    def parse_args(self, args: Sequence[str] | None = None) -> tuple[Any, ...]:
        """`parse_args_into_dataclasses` without args files."""
        return self.parse_args_into_dataclasses(args, look_for_args_file=False)

    def _args_file(self) -> list[tuple[str, bool]]:
        return [(str(Path(sys.argv[0]).with_suffix(".args")), False)] if sys.argv and sys.argv[0] else []

    def _find(self, written: str) -> Flag | None:
        if written in ("-h", "--help"):
            return _HELP
        found = (vocabulary.find(written) for vocabulary in self._vocabularies)
        return next((flag for flag in found if flag is not None), None)

    def _parse(self, cuts: Sequence[Cut], keep_rest: bool, found: list[Diagnostic]) -> tuple[Any, ...]:
        if any(use.flag is _HELP for part in cuts for use in part.uses):
            print(self.format_help())  # noqa: T201 - what was asked for
            raise SystemExit(0)
        names = [name for vocabulary in self._vocabularies for name in vocabulary.names()]
        for part in cuts:
            found += part.diagnostics
            found += [] if keep_rest else [*unknown_flags(part, names, self._how_files_are_named()), *stray_words(part)]
        verdicts = [self._from_process(shape, cuts) for shape in self.shapes]
        found += dict.fromkeys(item for verdict in verdicts for item in verdict.diagnostics)
        if errors_of(found):
            _exit(found)
        emit(found)
        rest = [[word for part in cuts for word in part.rest]] if keep_rest else []
        return (*(verdict.settings for verdict in verdicts), *rest)

    def _how_files_are_named(self) -> str:
        prefixes = [shape.settings.env_prefix for shape in self.shapes if shape.settings is not None]
        return f"name config files in {prefixes[0]}CONFIG=FILE,FILE" if prefixes else ""

    def _from_process(self, shape: Shape, cuts: Sequence[Cut]) -> Verdict:
        of_flags = [read_flags(shape, (use for use in part.uses if use.flag.owner is shape)) for part in cuts]
        layers = [layer for layer, _ in of_flags]
        found: list[Diagnostic] = []
        if shape.settings is not None:
            from trainspec.settings.sources.process import process_layers

            layers, found = process_layers(shape.settings, given=layers)
            found = [item for item in found if not self._is_known_elsewhere(item, shape)]
        return judge_sources(shape, layers, [*found, *(item for _, more in of_flags for item in more)])

    def _is_known_elsewhere(self, item: Diagnostic, shape: Shape) -> bool:
        """Whether a name that this settings class does not know is another's, which reads the same sources."""
        if item.code not in _UNKNOWN_NAMES or not item.fields or shape.settings is None:
            return False
        head = item.fields[0].partition(".")[0].partition("__")[0].removesuffix("_file")
        others = (other for other in self.shapes if other is not shape and other.settings is not None)
        prefix = shape.settings.env_prefix
        return any(other.model.env_prefix == prefix and head in _names(other) for other in others)

    # Documents.

    def parse_dict(self, args: Mapping[str, Any], allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """An instance of each model from a parsed document alone. Raises ValidationError, which is a ValueError."""
        source = Source(SourceKind.DOCUMENT)
        return self._from_documents([(args, lambda path: source)], SourceKind.DOCUMENT, allow_extra_keys)

    def parse_json_file(self, json_file: Files, allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """As `parse_dict`, from a file or URL, or several, each laid over those before it; also raises ValidationError
        where one cannot be read.
        """
        return self._from_files(json_file, "json", allow_extra_keys)

    def parse_yaml_file(self, yaml_file: Files, allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """As `parse_json_file`, for YAML 1.2."""
        return self._from_files(yaml_file, "yaml", allow_extra_keys)

    def parse_toml_file(self, toml_file: Files, allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """As `parse_json_file`, for TOML."""
        return self._from_files(toml_file, "toml", allow_extra_keys)

    def _from_files(self, files: Files, format: str, allow_extra_keys: bool) -> tuple[Any, ...]:
        from trainspec.settings.sources.files import parse_document, read_plain

        paths = [os.fspath(one) for one in ((files,) if isinstance(files, str | os.PathLike) else files)]
        try:
            documents = [parse_document(read_plain(path), format, path) for path in paths]
        except SourceError as error:
            raise validation_error(self.shapes[0].judge_model, error.diagnostics) from None
        said = [(document.values, document.source) for document in documents]
        return self._from_documents(said, SourceKind.FILE, allow_extra_keys)

    def _from_documents(
        self, documents: Sequence[tuple[Mapping[str, Any], Locate]], kind: SourceKind, allow_extra_keys: bool
    ) -> tuple[Any, ...]:
        names = [_names(shape) for shape in self.shapes]
        known = frozenset[str]().union(*names)
        found = [
            unknown_name(str(name), sorted(known), Layer(kind, {}, locate))
            for values, locate in documents
            for name in values
            if name not in known and not allow_extra_keys
        ]
        verdicts = []
        for shape, own in zip(self.shapes, names, strict=True):
            read = [
                read_source(
                    shape, {name: values[name] for name in values if name in own}, kind, Manner.DOCUMENT, locate
                )
                for values, locate in documents
            ]
            verdicts.append(
                judge_sources(shape, [layer for layer, _ in read], [one for _, more in read for one in more])
            )
            found += verdicts[-1].diagnostics
        if errors_of(found):
            raise validation_error(self.shapes[0].judge_model, errors_of(found))
        emit(found)
        return tuple(verdict.settings for verdict in verdicts)

    # Help.

    def print_help(self, file: IO[str] | None = None) -> None:
        """Write the text of --help to `file`, stdout by default."""
        print(self.format_help(), file=file)

    def format_help(self) -> str:
        """The text of --help."""
        from trainspec.settings.views.help_text import render_help

        prog = self.prog or Path(sys.argv[0] if sys.argv else "").name or "script"
        return render_help(prog, self.shapes, description=self.description)


HfArgumentParser = SettingsParser
"""The name that scripts import, `from trainspec import HfArgumentParser`, so that the import alone changes."""


def _names(shape: Shape) -> frozenset[str]:
    """Every name that a source may use for a setting of this model."""
    return frozenset((*shape.kinds, *(old_names(shape.kinds) if shape.settings is not None else ())))


def _dashed(alias: str) -> str:
    return alias if alias.startswith("-") else f"--{alias}"


def _words_of_script() -> list[str]:
    """What stands behind the script. In a notebook that is nothing: the command line is its kernel's."""
    script = Path(sys.argv[0] if sys.argv else "").stem
    return [] if script.endswith("kernel_launcher") else sys.argv[1:]


def _take_flag(words: Sequence[str], flag: str) -> tuple[list[str], list[str]]:
    """The words without this flag and its values, and the values."""
    rest: list[str] = []
    values: list[str] = []
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=")
        if name == _dashed(flag):
            values.append(value if equals else next(remaining, ""))
        else:
            rest.append(word)
    return rest, values


def _read_args_file(name: str, required: bool) -> list[str]:
    """The words of an args file; one that nobody named may be missing. Raises SourceError."""
    from trainspec.settings.sources.files import read_plain

    return read_plain(name).split() if required or Path(name).is_file() else []


def _exit(diagnostics: Iterable[Diagnostic]) -> NoReturn:
    from trainspec.settings.arguments.speaking import is_to_say_errors

    if is_to_say_errors():
        print("\n\n".join(item.render() for item in diagnostics), file=sys.stderr)  # noqa: T201
    raise SystemExit(2)
