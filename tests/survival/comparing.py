"""Whether a run that was disturbed left what the undisturbed one has: every file, every weight, every number."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import event
from hypothesis import strategies as st

from trainspec.storage import open_store

# How long things took is all that two runs may differ in, and with it the checksum of a manifest that says so.
_TIMES = re.compile(r"(_|^)(checksum|runtime|samples_per_second|steps_per_second|tokens_per_second)$")
_WITH_TIMES = ("trainer_state.json", "trainspec_state.json", "metrics.jsonl")
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def contents(url: str | Path) -> dict[str, bytes]:
    """Every file below a folder or URL; on this machine those too that no reader is shown."""
    if isinstance(url, Path):
        return {str(path.relative_to(url)): path.read_bytes() for path in sorted(url.rglob("*")) if path.is_file()}
    store = open_store(url)
    return {entry.name: store.read_bytes(entry.name) for entry in store.entries()}


def differences(there: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """What is not as it should be, by file."""
    found = [f"{name}: is left over" for name in there if name not in expected]
    for name, content in expected.items():
        if name not in there:
            found.append(f"{name}: is missing")
        elif there[name] != content:
            found += _inside(name, there[name], content)
    return found


def _inside(name: str, one: bytes, other: bytes) -> list[str]:
    if name.endswith(".jsonl"):
        pairs = [[_timeless(json.loads(line)) for line in text.splitlines()] for text in (one, other)]
    elif name.endswith(".json"):
        pairs = [_timeless(json.loads(text)) for text in (one, other)]
    else:
        return [f"{name}: {len(one)} bytes are not the {len(other)} expected"]
    return [f"{name}: {place}" for place in _places(*pairs)]


def _timeless(document: Any) -> Any:
    if isinstance(document, list):
        return [_timeless(item) for item in document]
    if not isinstance(document, dict):
        return document
    if document.get("name") in _WITH_TIMES:
        return {"name": document["name"]}
    return {key: _timeless(value) for key, value in document.items() if not _TIMES.search(key)}


def _places(one: Any, other: Any, at: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys([*one, *other])
        return [place for key in keys for place in _places(one.get(key), other.get(key), f"{at}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            place
            for number, pair in enumerate(zip(one, other, strict=True))
            for place in _places(*pair, f"{at}[{number}]")
        ]
    return [] if repr(one) == repr(other) else [f"{at} is {str(one)[:80]}, expected {str(other)[:80]}"]


def different_when_cut(data: st.DataObject, trained: Callable[[Path], object]) -> list[str]:
    """The places that `differences` names. `trained` runs in a folder, where it writes to `out` and goes on by itself
    from the newest checkpoint there; `data` draws the checkpoint after which the run is cut.
    """
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        whole, cut = Path(folder, "whole"), Path(folder, "cut")
        whole.mkdir()
        trained(whole)
        saved = _steps_in(whole / "out")
        if not saved:
            event("nothing was saved")
            return []
        step = data.draw(st.sampled_from(saved), label="goes on from")
        shutil.copytree(whole, cut)
        (cut / "out" / "trainer_state.json").unlink()
        for later in saved[saved.index(step) + 1 :]:
            shutil.rmtree(cut / "out" / f"checkpoint-{later}")
        trained(cut)
        return differences(contents(cut / "out"), contents(whole / "out"))


def _steps_in(folder: Path) -> list[int]:
    found = (re.fullmatch(r"checkpoint-(\d+)", path.name) for path in folder.iterdir())
    return sorted(int(match.group(1)) for match in found if match)
