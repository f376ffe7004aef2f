"""Commands that hold commands: functions, `eval`, `bash -c '...'`, `sbatch --wrap`, scripts written by the script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.heredocs import written_file
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Command, Word
from trainspec.migration.scripts.wrappers import SHELLS, Unwrapped, text_inside, unwrap

if TYPE_CHECKING:
    from trainspec.migration.scripts.shell.reading import Shell

_READ_STDIN = frozenset({"sbatch", "qsub", "bsub", "ssh", "su"})
_SETTERS = frozenset({"read", "mapfile", "readarray", "getopts", "let", "printf"})


def go_inside(shell: Shell, command: Command, scope: Scope, document: str | None) -> bool:
    """Go through what a command holds; False where it is what it seems. `document` is its here-document."""
    words = command.words
    if shell.call(command, scope):
        return True
    if words[0] == "eval":
        shell.read(_joined(words[1:]), scope, _place(words[1:] or words))
        return True
    if words[0] in ("source", ".") and len(words) > 1:
        text = written_file(words[1], scope)
        if text is not None:
            shell.read(text, scope, _place(words))
        return text is not None
    if words[0] in ("set", "shift"):
        _set(words, scope)
        return True
    if words[0] in _SETTERS and (words[0] != "printf" or "-v" in words):
        names = {str(word).partition("=")[0] for word in words[1:]}
        scope.forget({name for name in names if name.isidentifier()}, "it is set while the script runs")
    return _go_inside_wrapped(shell, unwrap(command), scope, document)


def _go_inside_wrapped(shell: Shell, found: Unwrapped, scope: Scope, document: str | None) -> bool:
    inside = _child(scope, found)
    whole = [*found.wrappers, *found.words]
    if found.name in SHELLS:
        return _shell(shell, found, inside, document)
    if found.name in _READ_STDIN and document is not None:
        shell.read(document, inside, _place(whole))
        return True
    file = written_file(found.words[-1], scope) if found.name in ("sbatch", "qsub") else None
    if file is None and len(found.words) == 1:
        file = written_file(found.words[0], scope)
    if file is not None:
        inside.arguments = []
        shell.read(file, inside, _place(whole))
        return True
    text = text_inside(found.words)
    if text is None:
        return False
    shell.read(text + text.assumed, inside, _place([text]))
    return True


def _shell(shell: Shell, found: Unwrapped, inside: Scope, document: str | None) -> bool:
    """`bash -c 'text' name a b`, `bash file a b`, or a here-document."""
    words = found.words
    for at, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and "c" in word and at + 1 < len(words):
            inside.arguments = [str(one) + one.assumed for one in words[at + 3 :]]
            shell.read(words[at + 1] + words[at + 1].assumed, inside, _place([words[at + 1]]))
            return True
        if word.startswith("-") and word not in ("-", "-s"):
            continue
        text = document if word in ("-", "-s") else written_file(word, inside)
        if text is None:
            return False
        inside.arguments = [str(one) + one.assumed for one in words[at + 1 :]]
        shell.read(text, inside, _place([word]))
        return True
    if document is None:
        return False
    shell.read(document, inside, _place(words))
    return True


def _child(scope: Scope, found: Unwrapped) -> Scope:
    """What another process knows: exported variables, and those said in front of it."""
    child = scope.copy()
    child.values = {name: value for name, value in scope.values.items() if name in scope.exported}
    child.functions, child.arguments = {}, []
    for name, word in found.environment.items():
        child.values[name] = word + word.assumed
        child.exported.add(name)
        child.places[name] = (word.line, word.column)
    return child


def _set(words: list[Word], scope: Scope) -> None:
    """`set -- a b`, `set -a`, `shift 2`."""
    if words[0] == "shift":
        number = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 1
        if scope.arguments is not None:
            unsure = any(map(scope.marks.may_be_several, scope.arguments[:number]))
            scope.arguments = None if unsure else scope.arguments[number:]
        return
    if "--" in words:
        scope.arguments = [str(one) + one.assumed for one in words[words.index(Word("--")) + 1 :]]
    for word in words[1:]:
        if word in ("-a", "-o allexport") or (word == "allexport" and "-o" in words):
            scope.exports_all = True
        elif word in ("+a",) or (word == "allexport" and "+o" in words):
            scope.exports_all = False


def _joined(words: list[Word]) -> str:
    return " ".join(str(word) + word.assumed for word in words)


def _place(words: list[Word]) -> tuple[int, int]:
    return words[0].line, words[0].column
