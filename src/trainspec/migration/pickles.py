"""`training_args.bin` read as data: a machine of our own follows the pickle's opcodes and builds plain values.

Nothing is imported, called or constructed, so there is nothing that a hostile pickle could run: a class is a name here,
and an object is that name with the arguments and the state that the pickle gives it. Names of Python's own that
settings have no use for are refused all the same, since whoever wrote them meant no settings.
"""

from __future__ import annotations

import io
import pickletools
import sys
import zipfile
from dataclasses import dataclass, field
from typing import Any

from trainspec.migration.documents import Found, found_in
from trainspec.migration.local_files import LARGEST_SOURCE
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import ORGANIZATION, REMOVED, RENAMED
from trainspec.settings.values.coercion import Manner

# People subclass settings in scripts and packages of their own, so that any name may stand there but those of Python
# itself, of which only these are values. Only the names are ever used.
_NAMES = frozenset(
    {
        ("torch", "device"),
        ("torch", "dtype"),
        ("datetime", "timedelta"),
        ("collections", "OrderedDict"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "object"),
        ("builtins", "getattr"),
        ("__builtin__", "set"),
        ("__builtin__", "object"),
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
    }
)
_PYTHONS = (sys.stdlib_module_names | {"__builtin__", "copy_reg", "commands", "test"}) - {"__main__"}
_MOST_OPCODES, _MOST_VALUES, _DEEPEST = 1_000_000, 100_000, 32
# torch's files before zip: a magic number and a version stand in pickles of their own in front.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class Refused(ValueError):
    """The file is not what it should be, or names what settings have no use for; the message tells a person."""


@dataclass(slots=True, eq=False)
class Thing:
    """A class, or an object of it as the pickle describes it."""

    module: str
    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    made: bool = False
    items: list[Any] = field(default_factory=list)


def read_training_args(content: bytes, name: str) -> Found:
    """The settings in a file that torch.save or pickle wrote, without those at their defaults. Raises Refused."""
    root = _root(_pickle_in(content))
    state = root.state if isinstance(root, Thing) else None
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict | None):
        state = {**(state[0] or {}), **(state[1] if isinstance(state[1], dict) else {})}
    if not isinstance(root, Thing) or not isinstance(state, dict) or "output_dir" not in state:
        raise Refused("it does not hold training arguments")
    if isinstance(state.get("__dict__"), dict):
        state = state["__dict__"]
    known = {*TrainingArguments.__pydantic_fields__, *RENAMED, *REMOVED, ORGANIZATION}
    plain = _Plain()
    values = {key: plain(item) for key, item in state.items() if isinstance(key, str) and key in known}
    # Facts of the process that wrote it, not settings of a person.
    for fact in ("_n_gpu", "local_rank"):
        values.pop(fact, None)
    reading = Reading(
        TrainingArguments, SourceKind.FILE, Manner.CONSTRUCTOR, lambda path: Source(SourceKind.FILE, name)
    )
    found = found_in(reading.read(values), reading.diagnostics, differing=True)
    found.made_by = f"{root.module}.{root.name}"
    found.others = [key for key in state if isinstance(key, str) and key not in known and not key.startswith("_")]
    return found


def _pickle_in(content: bytes) -> bytes:
    """The pickle itself: torch writes it into a zip archive."""
    if len(content) > LARGEST_SOURCE:
        raise Refused(f"it is larger than {LARGEST_SOURCE:,} bytes")
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [item for item in archive.infolist() if item.filename.endswith("/data.pkl")]
            if len(inside) != 1 or inside[0].file_size > LARGEST_SOURCE:
                raise Refused("it is no file of torch.save")
            return archive.read(inside[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Refused(str(error) if isinstance(error, Refused) else "it is no valid archive") from None


def _root(content: bytes) -> Any:
    stream = io.BytesIO(content)
    value = _Machine().run(stream)
    if value == _LEGACY_MAGIC:
        for _ in range(3):
            value = _Machine().run(stream)
    return value


class _Plain:
    """Values without objects: an enum's member is its value, a path its text, any other object nothing we know."""

    def __init__(self) -> None:
        self.left = _MOST_VALUES

    def __call__(self, value: Any, depth: int = 0) -> Any:
        # One list may stand in another many times, and that one again.
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            raise Refused("it nests too deep")
        if isinstance(value, dict):
            return {str(key): self(item, depth + 1) for key, item in value.items() if isinstance(key, str | int)}
        if isinstance(value, list | tuple):
            return [self(item, depth + 1) for item in value]
        if isinstance(value, bytes):
            return None
        return self._thing(value, depth) if isinstance(value, Thing) else value

    def _thing(self, thing: Thing, depth: int) -> Any:
        arguments = thing.arguments
        if thing.module == "pathlib":
            return "/".join(str(part) for part in arguments).replace("//", "/")
        if thing.name == "getattr" and len(arguments) == 2:
            return str(arguments[1]).lower()
        if thing.name in ("set", "frozenset") and len(arguments) == 1:
            return self(arguments[0], depth + 1)
        if len(arguments) == 1 and isinstance(arguments[0], str | int | float):
            return arguments[0]
        return self(thing.state, depth + 1) if isinstance(thing.state, dict) else None


class _Machine:
    """The part of pickle's stack machine that data needs. Every other opcode is refused."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        """What the next pickle of the stream describes. Raises Refused."""
        try:
            for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
                if number > _MOST_OPCODES:
                    raise Refused("it is too long")
                if opcode.name == "STOP":
                    return self.stack.pop()
                self._step(opcode.name, argument)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
            raise error if isinstance(error, Refused) else Refused("it is no valid pickle") from None
        raise Refused("it ends too early")

    def _step(self, name: str, argument: Any) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name not in ("PROTO", "FRAME"):
            step = getattr(self, f"_{name.lower()}", None)
            if step is None:
                raise Refused(f"it has the opcode {name}, which settings have no use for")
            step(argument)

    def _above_mark(self) -> list[Any]:
        above, self.stack = self.stack, self.marks.pop()
        return above

    def _mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._above_mark()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    _binput = _long_binput = _put

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    _binget = _long_binget = _get

    def _tuple(self, _: Any) -> None:
        items = tuple(self._above_mark())
        self.stack.append(items)

    def _tuple1(self, _: Any) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def _tuple2(self, _: Any) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def _tuple3(self, _: Any) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def _list(self, _: Any) -> None:
        items = self._above_mark()
        self.stack.append(items)

    def _dict(self, _: Any) -> None:
        items = self._above_mark()
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def _frozenset(self, _: Any) -> None:
        items = self._above_mark()
        self.stack.append(items)

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._above_mark())

    _additems = _appends

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        (target.items if isinstance(target, Thing) else target).extend(items)

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _setitems(self, _: Any) -> None:
        self._update(self._above_mark())

    def _update(self, items: list[Any]) -> None:
        target, pairs = self.stack[-1], dict(zip(items[::2], items[1::2], strict=True))
        if isinstance(target, Thing):
            target.state = {**(target.state or {}), **pairs}
        else:
            target.update(pairs)

    def _global(self, argument: str) -> None:
        self._push_class(*argument.split(" ", 1))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._push_class(module, name)

    def _push_class(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("it names a class by something else than text")
        if (module, name) not in _NAMES and module.partition(".")[0] in _PYTHONS:
            raise Refused(f"it names {module}.{name}, which settings have no use for")
        self.stack.append(Thing(module, name))

    def _newobj(self, _: Any) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        self.stack.append(self._described(cls, arguments))

    _reduce = _newobj

    def _newobj_ex(self, _: Any) -> None:
        known, arguments, cls = self.stack.pop(), self.stack.pop(), self.stack.pop()
        thing = self._described(cls, arguments)
        thing.state = dict(known)
        self.stack.append(thing)

    def _described(self, cls: Any, arguments: Any) -> Thing:
        if not isinstance(cls, Thing) or cls.made or not isinstance(arguments, tuple):
            raise Refused("it makes an object of something that is no class")
        if cls.name == "_reconstructor" and arguments and isinstance(arguments[0], Thing):
            return Thing(arguments[0].module, arguments[0].name, made=True)
        return Thing(cls.module, cls.name, arguments, made=True)

    def _build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, Thing) or not target.made:
            raise Refused("it gives a state to something that is no object")
        target.state = state


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_VALUES = frozenset((*_TEXTS, *_NUMBERS, "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"))
_EMPTY: dict[str, type[Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
