"""What can be done to the files of a checkpoint, by accident or on purpose; all from a seeded generator."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tests.training.checkpoint.hostile.children import seal, sign

# "\x1b]0;" sets the title of a terminal, "\x9b2J" clears it.
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**400, 2**63, -(2**63), 1e308, float("nan"), float("inf"), 0.5),
    *("", "\x1b]0;owned\x07\x1b[2J\x9b2J", "x" * 100_000, "../../../etc/passwd", [], {}, [[]], {"$tensor": "no"}),
    *({"$made": {"of": "os:system"}}, {"$float": "one"}, {"by_rank": []}, {"by_rank": [None]}),
)


# By accident


def truncate(folder: Path, path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def flip(folder: Path, path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def swap(folder: Path, path: Path, chance: random.Random) -> None:
    other = chance.choice([one for one in files_of(folder) if one != path])
    mine, others = path.read_bytes(), other.read_bytes()
    path.write_bytes(others)
    other.write_bytes(mine)


def zeros(folder: Path, path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    start = chance.randrange(len(data))
    path.write_bytes(data[:start] + bytes(len(data) - start))


def lose(folder: Path, path: Path, chance: random.Random) -> None:
    path.unlink()


def grow(folder: Path, path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randrange(1, 4096)))


def in_place_of(path: Path, chance: random.Random) -> None:
    path.unlink()
    kind = chance.randrange(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(chance.choice(["/dev/zero", "/dev/random"]))
    elif kind == 2:
        path.symlink_to(path.with_name("nowhere"))
    elif kind == 3:
        path.symlink_to(path)
    elif kind == 4:
        path.mkdir()
    else:
        here = os.getcwd()
        os.chdir(path.parent)
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)


def other_kind(folder: Path, path: Path, chance: random.Random) -> None:
    in_place_of(path, chance)


ACCIDENTS: tuple[Callable[[Path, Path, random.Random], None], ...] = (
    *(truncate, flip, swap, zeros, lose, grow, other_kind),
)


# On purpose: the manifest agrees


def odd_value(folder: Path, path: Path, chance: random.Random) -> None:
    """One value of a document is another one."""
    document = json.loads(path.read_text())
    places = list(_places(document))
    holder, key = chance.choice(places)
    holder[key] = chance.choice(ODD)
    path.write_text(json.dumps(document))


def odd_key(folder: Path, path: Path, chance: random.Random) -> None:
    document = json.loads(path.read_text())
    holders = [holder for holder, _ in _places(document) if isinstance(holder, dict)]
    holder = chance.choice(holders)
    name = chance.choice(list(holder))
    holder[chance.choice(["step", "\x1b[31m", "optimizer", "__class__", "$dict", "", "y" * 5000])] = holder.pop(name)
    path.write_text(json.dumps(document))


def deep(folder: Path, path: Path, chance: random.Random) -> None:
    depth = chance.choice([90, 500, 100_000])
    path.write_text('{"nest":' + "[" * depth + "]" * depth + "}")


def many(folder: Path, path: Path, chance: random.Random) -> None:
    path.write_text(chance.choice(['{"nest":[' + "{}," * 20_000_000 + "{}]}", "[" + "0," * 20_000_000 + "0]"]))


def odd_tensors(folder: Path, path: Path, chance: random.Random) -> None:
    """Tensors of other shapes and types, under these names or others."""
    tensors = load_file(path)
    name = chance.choice(sorted(tensors))
    value = tensors[name]
    kinds: list[Callable[[], Any]] = [
        lambda: torch.zeros(()),
        lambda: torch.zeros(1),
        lambda: torch.zeros(3, 7),
        lambda: torch.zeros(0),
        lambda: value.to(torch.int64),
        lambda: value.to(torch.complex64),
        lambda: value.to(torch.bool),
        lambda: torch.full_like(value, float("nan")),
        lambda: torch.full_like(value, -1e30),
    ]
    tensors[name] = chance.choice(kinds)()
    if chance.random() < 0.25:
        tensors["\x1b[2Jmore" if chance.random() < 0.5 else "z" * 4000] = tensors.pop(name)
    save_file(tensors, path, {"format": "pt"})


def odd_header(folder: Path, path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    name = chance.choice(sorted(header))
    header[name] = chance.choice([*ODD, {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 16]}])
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + int.from_bytes(data[:8], "little") :])


class Deed:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def odd_archive(folder: Path, path: Path, chance: random.Random) -> None:
    """A torch file that is another object, holds code, or is no such file any more."""
    data = path.read_bytes()
    state = torch.load(path, weights_only=True)
    nest: Any = []
    for _ in range(chance.choice([50, 200])):
        nest = [nest]
    code = Deed(folder.parent / "ran")
    kinds: list[Callable[[], Any]] = [
        lambda: path.write_bytes(pickle.dumps(code)),
        lambda: torch.save({**state, "state": code}, path),
        lambda: torch.save(nest, path),
        lambda: torch.save(chance.choice([None, [], {}, 3, torch.zeros(3)]), path),
        lambda: torch.save({**state, chance.choice(list(state)): chance.choice([*ODD[:3], *ODD[9:], nest])}, path),
        lambda: torch.save(_with_other_tensors(state, chance), path),
        lambda: path.write_bytes(data[: chance.randrange(len(data))]),
        lambda: path.write_bytes(_with_noise(data, chance)),
    ]
    chance.choice(kinds)()


def _with_other_tensors(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _with_other_tensors(entry, chance) for key, entry in value.items()}
    if not isinstance(value, torch.Tensor) or chance.random() < 0.5:
        return value
    return chance.choice([torch.zeros(3, 7), torch.zeros(0), value.to(torch.complex64), torch.full((1,), -1e30)])


def _with_noise(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 9)):
        changed[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(changed)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def commit_accident(folder: Path, chance: random.Random) -> str:
    before = contents(folder)
    while contents(folder) == before:
        path, deed = chance.choice(files_of(folder)), chance.choice(ACCIDENTS)
        # Zeros may be there already.
        deed(folder, path, chance)
    return f"{deed.__name__} {path.name}"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files_of(folder)}


def commit_crime(folder: Path, chance: random.Random, pattern: str = "*") -> str:
    """On one of the files of which the names match."""
    path = chance.choice([one for one in files_of(folder) if fnmatch(one.name, pattern)])
    if path.suffix == ".pt":
        odd_archive(folder, path, chance)
        sign(folder)
        return f"odd_archive {path.name}"
    deeds = [odd_tensors, odd_header] if path.suffix == ".safetensors" else [odd_value] * 8 + [odd_key] * 3 + [deep]
    deed = many if path.suffix == ".json" and chance.random() < 0.02 else chance.choice(deeds)
    if deed is odd_tensors and not load_file(path):
        deed = odd_header
    deed(folder, path, chance)
    if path.name != "manifest.json":
        sign(folder)
    else:
        seal(path)
    return f"{deed.__name__} {path.name}"


def copied(output: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(output, to)
    return to


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(entry)
