"""What one source says, which source is stronger, and all that sources say together: the stronger over the weaker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.diagnostic import Diagnostic, Evidence
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.values.coercion import OLD_PREFIX
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from trainspec.settings.sources.files import Document

T = TypeVar("T")
Path = tuple[str, ...]
Locate = Callable[[Path], Source]

PRECEDENCE: tuple[SourceKind, ...] = (
    SourceKind.DEFAULT,
    SourceKind.FILE,
    SourceKind.FOREIGN,
    SourceKind.SECRET,
    SourceKind.DOTENV,
    SourceKind.ENVIRONMENT,
    SourceKind.FLAG,
    SourceKind.CONSTRUCTOR,
)
"""The sources of settings, weakest first. Nothing else orders them; a new source is one more entry here."""

_IN_WORDS = {
    SourceKind.FILE: "config files",
    SourceKind.FOREIGN: "secret managers",
    SourceKind.SECRET: "secret files",
    SourceKind.DOTENV: "the dotenv file",
    SourceKind.ENVIRONMENT: "TRAINSPEC_* variables",
    SourceKind.FLAG: "flags",
}


def strength(kind: SourceKind) -> int:
    """How strong a source is among the others. A document alone is a file without a name."""
    if kind is SourceKind.ASSIGNMENT:
        # It changes what all sources together said.
        return len(PRECEDENCE)
    return PRECEDENCE.index(SourceKind.FILE if kind is SourceKind.DOCUMENT else kind)


def weakest_first(things: Iterable[tuple[SourceKind, T]]) -> list[T]:
    """Things that belong to sources, in the order of their strength; those of one kind stay in the order given."""
    return [thing for _, thing in sorted(things, key=lambda pair: strength(pair[0]))]


def by_strength(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers, weakest first."""
    return tuple(sorted(layers, key=lambda layer: strength(layer.kind) if layer.rank is None else layer.rank))


def sources_in_words() -> str:
    """The sources of a command, strongest first, as help texts say them: flags over variables over ..."""
    return " over ".join(reversed(weakest_first(_IN_WORDS.items())))


@dataclass
class Layer:
    """What one source says: settings by name, and where each stands in the source.

    `rank` is its strength among `PRECEDENCE` where a class orders its sources itself; `file` is the path or URL of a
    document, beside which the files are that it names.
    """

    kind: SourceKind
    values: dict[str, Any]
    locate: Locate
    spelled: dict[Path, Path] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    rank: float | None = None
    file: str = ""

    def source(self, path: Path) -> Source:
        """The place of the setting at `path` in the source, under the name it has there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.spelled:
                return self.locate((*self.spelled[path[:length]], *path[length:]))
        return self.locate(path)

    def holds(self, path: Path) -> bool:
        """Whether this source says something at `path`."""
        found: Any = self.values
        for key in path:
            if not isinstance(found, Mapping) or key not in found:
                return False
            found = found[key]
        return True

    def conceals(self, path: Path) -> bool:
        """Whether this source, which says nothing at `path` itself, says all around it anew."""
        if self.kind is SourceKind.ASSIGNMENT and path[0] in self.values:
            return True
        above = (path[:length] for length in range(1, len(path)))
        return any(self.holds(one) and not isinstance(self.value(one), Mapping) for one in above)

    def value(self, path: Path) -> Any:
        """What the source says at `path`; None where it says nothing."""
        found: Any = self.values
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


@dataclass
class Origin:
    """The sources that settings were put together from, weakest first, what values that name files resolved to with
    those files, and the warnings that judging them found.
    """

    layers: tuple[Layer, ...] = ()
    resolved: dict[str, Any] = field(default_factory=dict)
    found: tuple[Diagnostic, ...] = ()
    files: dict[str, Document] = field(default_factory=dict)

    def source(self, path: Path) -> Source | None:
        """Where the value at `path` stands: in the strongest source that says something there, or a file it names."""
        if len(path) > 1 and path[0] in self.files:
            file = self.files[path[0]]
            # In accelerate's files the keys of FSDP have a prefix.
            return file.place(path[1:]) or file.place((OLD_PREFIX + path[1], *path[2:]))
        return next((layer.source(path) for layer in self.saying(path)), None)

    def saying(self, path: Path) -> Iterator[Layer]:
        """The sources that say something at `path`, strongest first, down to one that says all around it anew."""
        for layer in reversed(self.layers):
            if layer.holds(path):
                yield layer
            elif layer.conceals(path):
                return


def merge(layers: tuple[Layer, ...], diagnostics: list[Diagnostic], model: type[Any]) -> dict[str, Any]:
    """What all layers, weakest first, say about a model: the later over the earlier, mappings key by key."""
    if len(layers) == 1:
        return layers[0].values
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.values.items():
            below = merged.get(name)
            if isinstance(value, dict) and isinstance(below, str):
                diagnostics.append(_keys_over_text(name, below, value, Origin(layers), layer, model))
            merged[name] = _over(below, value)
    return merged


def said_wholly(values: Mapping[str, Any]) -> frozenset[str]:
    """The settings to which a weaker source can add nothing: all but those that are merged key by key."""
    return frozenset(name for name, value in values.items() if not isinstance(value, dict))


def _keys_over_text(name: str, below: str, value: Any, origin: Origin, layer: Layer, model: type[Any]) -> Diagnostic:
    """Keys cannot be laid over a file that a weaker source names, and dropping what it says would be silent."""
    conceal = shape_of(model).conceals((name,))
    weaker = next(other for other in reversed(origin.layers) if other.values.get(name) is below)
    evidence = (
        Evidence(name, shown(name, below, secret=conceal), weaker.source((name,))),
        Evidence(name, shown(name, value, secret=conceal), layer.source((name, *list(value)[:1]))),
    )
    message = f"{name} is text in one source and keys of a mapping in a stronger one"
    code = CODES["SRC113"]
    return Diagnostic("SRC113", code.name, "error", message, code.reason, "give all of it in one source", evidence)


def merged(values: Iterable[Any]) -> Any:
    """Values laid over one another, the weakest first: mappings key by key, anything else as a whole."""
    below: Any = None
    for above in values:
        below = _over(below, above)
    return below


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}
    return above
