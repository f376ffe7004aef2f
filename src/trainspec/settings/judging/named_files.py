"""Files that settings name in place of what they say: looked for beside the document, then in the working directory.

A verdict must not depend on the machine, so a file that is not here is a warning; what trains makes an error of it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import Document, is_named_as_format, read_as, read_document
from trainspec.text.odd_texts import placeholder_in
from trainspec.text.redaction import printable, redact_whole_url, show_value

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Severity
    from trainspec.settings.sources.layer import Origin

NOT_HERE = "VAL204"
_NOT_THERE = ("SRC105",)
# Whether a URL can be read is a matter of the network, of credentials and of packages.
_NOT_THERE_FROM_HERE = ("SRC105", "SRC106", "SRC111")


def read_named(name: str, path: str, origin: Origin) -> tuple[Document | None, list[Diagnostic]]:
    """The document that a setting names, and what is wrong with it; a warning where it is not here."""
    cited = Evidence(name, show_value(name, path), origin.source((name,)))
    for place in _places(path, _document_around(name, origin)):
        try:
            return _read(place), []
        except SourceError as error:
            gone = _NOT_THERE_FROM_HERE if "://" in place else _NOT_THERE
            if not all(item.code in gone for item in error.diagnostics):
                return None, [replace(item, evidence=(cited, *item.evidence)) for item in error.diagnostics]
    # A path with a placeholder in it is told of as one, and is no path yet.
    return None, [] if placeholder_in(path) else [not_here(name, path, origin)]


def _read(place: str) -> Document:
    # The JSON of other programs has comments. Of a file without an ending transformers expects JSON.
    if is_named_as_format(place):
        return read_document(place, comments=True)
    return read_as(place, "json", comments=True)


def is_here(name: str, path: str, origin: Origin | None) -> bool:
    """Whether a file that a setting names can be read from this machine."""
    for place in _places(path, _document_around(name, origin) if origin is not None else ""):
        try:
            _read(place)
        except SourceError:
            continue
        return True
    return False


def not_here(name: str, path: str, origin: Origin | None, severity: Severity = "warning") -> Diagnostic:
    """That the file is not where it could be."""
    around = _document_around(name, origin) if origin is not None else ""
    where = "cannot be read from here" if "://" in path else "is not there"
    if len(_places(path, around)) > 1:
        where = f"is neither beside {_shown(around)} nor in the working directory"
    elif "://" not in path and not _is_absolute(path):
        where = "is not in the working directory"
    message = printable(f"{name} names {_shown(path)}, which {where}")
    source = origin.source((name,)) if origin is not None else None
    evidence = (Evidence(name, show_value(name, path), source or Source(SourceKind.DOCUMENT)),)
    why = CODES[NOT_HERE]
    return Diagnostic(NOT_HERE, why.name, severity, message, why.reason, why.fix, evidence)


def _shown(path: str) -> str:
    return redact_whole_url(path)


def _document_around(name: str, origin: Origin) -> str:
    """The document in which a setting stands; empty where it stands in none."""
    layer = next(origin.saying((name,)), None)
    if layer is None:
        return ""
    source = layer.source((name,))
    return layer.file or (source.name if source.kind is SourceKind.FILE else "")


def _places(path: str, document: str) -> list[str]:
    """Where a file may be, in the order in which it is looked for."""
    if "://" in path or _is_absolute(path):
        return [path]
    folder = document.partition("?")[0].rpartition("/")[0] if "://" in document else os.path.dirname(document)
    beside = f"{folder}/{path}" if "://" in folder else os.path.join(folder, path)
    return list(dict.fromkeys((beside, path)))


def _is_absolute(path: str) -> bool:
    return os.path.isabs(path) or path.startswith("~")
