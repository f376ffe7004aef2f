"""What has to change in a document so that it has today's names and values, told by the reading of settings itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.sources.files import document_layer
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.renames import ORGANIZATION, RENAMED, RETIRED_VALUES, OwnerAlone, name_repository
from trainspec.settings.sources.variables import TASK
from trainspec.settings.views.dumping import plain
from trainspec.text.languages import Words

if TYPE_CHECKING:
    from trainspec.settings.sources.files import Document

Path = tuple[str, ...]
AS_IT_STANDS: Any = object()


@dataclass(frozen=True)
class Edit:
    """What is at `old` goes to `new` (nowhere: it says nothing any more), with a new value or as it stands."""

    old: Path
    new: Path | None
    value: Any = AS_IT_STANDS

    def told(self, words: Words = str) -> str:
        """What becomes of the name and its value, in these words."""
        old = ".".join(self.old)
        if self.new is None:
            return words("{old} says nothing any more").format(old=old)
        new = ".".join(self.new)
        if self.value is AS_IT_STANDS:
            return words("{old} is {new}").format(old=old, new=new)
        if old == new:
            return words("{old} is now {value}").format(old=old, value=self.value)
        return words("{old} is {new}: {value}").format(old=old, new=new, value=self.value)

    def __str__(self) -> str:
        return self.told()


@dataclass(frozen=True)
class Plan:
    """The edits, in the order of the document, and what no edit can bring up to date."""

    edits: list[Edit]
    left: list[Diagnostic]

    @property
    def conflicting(self) -> bool:
        """Whether an old and a new name say different things, so that the document cannot be rewritten."""
        return any(item.code == "REN103" for item in self.left)


def plan(document: Document) -> Plan:
    """What is to be done to a document. Names that are no settings are left alone."""
    layer, found = document_layer(TrainingArguments, document)
    old = [item for item in found if item.code.startswith("REN")]
    left = [item for item in old if item.severity == "error" or item.code == "REN102"]
    stuck = {field for item in left for field in item.fields}
    edits = [
        edit
        for name, value in document.values.items()
        if name not in stuck and name != TASK
        for edit in _edits(name, value, document.values, layer)
    ]
    return Plan(edits, left)


def _edits(name: str, value: Any, said: Mapping[str, Any], layer: Layer) -> Iterator[Edit]:
    if name in TrainingArguments.__pydantic_fields__:
        yield from _edits_of_current(name, value, said, layer)
    elif name == ORGANIZATION:
        if isinstance(layer.values.get("hub_model_id"), OwnerAlone):
            # The name is that of output_dir, which this file may leave to another source.
            if "output_dir" in layer.values:
                named = dict(layer.values)
                name_repository(named, TrainingArguments.__pydantic_fields__)
                yield Edit((name,), ("hub_model_id",), named["hub_model_id"])
        elif not value or layer.values.get("hub_model_id") == said.get("hub_model_id"):
            yield Edit((name,), None)
    elif name in RENAMED:
        path = tuple(RENAMED[name].successor.split("."))
        takes_place = layer.spelled.get(path) == (name,) or _is_hidden(value)
        if not takes_place or _holds(said, path):
            yield Edit((name,), None)
        elif RENAMED[name].convert is not None:
            yield Edit((name,), path, plain(layer.value(path)))
        else:
            yield Edit((name,), path)


def _edits_of_current(name: str, value: Any, said: Mapping[str, Any], layer: Layer) -> Iterator[Edit]:
    becomes = layer.values.get(name)
    if name == "warmup_steps" and layer.spelled.get(("warmup_ratio",)) == (name,):
        yield Edit((name,), None if "warmup_ratio" in said else ("warmup_ratio",))
    elif name == "hub_model_id" and said.get(ORGANIZATION) and becomes != value:
        yield Edit((name,), (name,), becomes)
    elif name in RETIRED_VALUES and isinstance(value, list) and isinstance(becomes, list):
        for number, (item, new) in enumerate(zip(value, becomes, strict=False)):
            if _is_retired(name, item) and item != new:
                yield Edit((name, str(number)), (name, str(number)), plain(new))
    elif _is_retired(name, value):
        yield Edit((name,), (name,), plain(becomes)) if name in layer.values else Edit((name,), None)


def _is_retired(name: str, value: Any) -> bool:
    table = RETIRED_VALUES.get(name, {})
    may_be = value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))
    return may_be and value in table


def _holds(said: Mapping[str, Any], path: Path) -> bool:
    inner: Any = said
    for key in path:
        if not isinstance(inner, Mapping) or key not in inner:
            return False
        inner = inner[key]
    return True


def _is_hidden(value: Any) -> bool:
    """Whether a dump hid a secret here: the name is rewritten, and the secret is still to be filled in."""
    return isinstance(value, str) and value[:1] == "<" and value[-1:] == ">"


def edited(values: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """The plain values with an edit made: what the rewritten text has to say."""
    if len(edit.old) > 1:
        items = list(values[edit.old[0]])
        items[int(edit.old[1])] = edit.value
        return {**values, edit.old[0]: items}
    moved = values[edit.old[0]] if edit.value is AS_IT_STANDS else edit.value
    rest = {name: value for name, value in values.items() if name != edit.old[0]}
    if edit.new is None:
        return rest
    if len(edit.new) == 1:
        return {**rest, edit.new[0]: moved}
    return {**rest, edit.new[0]: {**(rest.get(edit.new[0]) or {}), edit.new[1]: moved}}
