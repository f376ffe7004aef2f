"""Saving, sharding, resuming and uploading a checkpoint against the same bytes written without us."""

from __future__ import annotations

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.timing import Row, milliseconds, run_quietly

HERE = Path(__file__).parent
SAVE = "a save of 50M parameters with AdamW's state"
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
# By the name that the table has for them, the package.
OTHERS = {"transformers": ("transformers", "accelerate"), "Fabric": ("lightning_fabric",)}
_OF_RANK = re.compile(r"[a-z]+-([0-9]{5})-of-[0-9]{5}\.(?:safetensors|json)")
_STATES_OF_RANK = re.compile(r"rng_state_([0-9]+)\.json")


def save_rows(rounds: int = 5) -> list[Row]:
    """A save that the loop waits for, hashing included, and by how much it raises the memory of the process."""
    (saves,) = _saves("trainspec", rounds, yardsticks="plain")
    plain = _typical(saves, "plain")
    raised = max(save["raised"] for save in saves)
    return [
        Row(
            f"{SAVE}, {_megabytes(saves[0]['files'])}",
            f"{_typical(saves, 'save'):.2f} s",
            f"`safetensors.torch.save_file` and fsync: {plain:.2f} s",
            _ratio(saves, "save", "plain"),
            1.15,
        ),
        Row("the same, memory beyond the model", f"{raised:.1f} MiB", "a fixed bound", raised, 122, unit="MiB"),
    ]


def transformers_row() -> list[Row]:
    return _beside("transformers")


def fabric_row() -> list[Row]:
    return _beside("Fabric")


def _beside(name: str, rounds: int = 2) -> list[Row]:
    """Somebody else's save until what it wrote is on the disk, and ours; each as a multiple of what is plain."""
    if not all(map(find_spec, OTHERS[name])):
        print(f"{name} is not installed: not measured", file=sys.stderr)
        return []
    (ours,), (theirs,) = (_saves(kind, rounds, yardsticks="plain") for kind in ("trainspec", name))
    for save in theirs:
        save["safe"] = save["save"] + save["sync"]
    ratios = [_ratio(ours, "save", "plain"), _ratio(theirs, "safe", "plain")]
    told = f"{name}, then fsync: {ratios[1]:.2f} x, without fsync {_ratio(theirs, 'save', 'plain'):.2f} x"
    what = f"{SAVE}, of `save_file` and fsync"
    return [Row(what, f"{ratios[0]:.2f} x", told, ratios[1] / ratios[0], 1, at_least=True)]


def background_rows(rounds: int = 9) -> list[Row]:
    """How long the loop waits for a save that goes on behind its back. No row where there is no such setting."""
    from trainspec import TrainingArguments

    if "save_in_background" not in TrainingArguments.model_fields:
        print("save_in_background is no setting yet: not measured", file=sys.stderr)
        return []
    (saves,) = _saves("background", rounds, yardsticks="copy")
    # The first makes the buffers.
    saves = saves[1:]
    return [
        Row(
            "the same in the background, what the loop waits for",
            milliseconds(_typical(saves, "save")),
            f"a copy into memory that is there already: {milliseconds(_typical(saves, 'copy'))}",
            _ratio(saves, "save", "copy"),
            1.3,
        )
    ]


def sharded_rows(turns: int = 3, rounds: int = 4) -> list[Row]:
    """FSDP2 in two processes against one process that saves all of it; processes of both kinds take turns."""
    alone: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    for _ in range(turns):
        # The first of each sets up what the others find there.
        alone += _saves("trainspec", rounds)[0][1:]
        shared += _saves("sharded", rounds, launcher=TORCHRUN)[0][1:]
    whole = sum(alone[0]["files"].values())
    each = [sum(size for name, size in shared[0]["files"].items() if _rank(name) == rank) for rank in (0, 1)]
    seconds = [_typical(saves, "save") for saves in (shared, alone)]
    bytes_shown = " and ".join(f"{size / 1e6:.0f} MB" for size in each)
    return [
        Row(
            "a save of two processes under FSDP2, the bytes of the one that writes more",
            bytes_shown,
            f"one process: {whole / 1e6:.0f} MB",
            max(each) / whole,
            0.6,
        ),
        Row(
            "the same, its time", f"{seconds[0]:.2f} s", f"one process: {seconds[1]:.2f} s", seconds[0] / seconds[1], 1
        ),
    ]


def resume_row(rounds: int = 9) -> Row:
    """From the call of `train` to the first forward pass, of a million rows in random order."""
    from benchmarks.checkpoints.resuming import EARLY, LATE

    with TemporaryDirectory() as folder:
        times = _measured((sys.executable, str(HERE / "resuming.py"), str(rounds)), Path(folder))
    early, late = (median(turn[str(step)] for turn in times) for step in (EARLY, LATE))
    ratio = median(turn[str(LATE)] / turn[str(EARLY)] for turn in times)
    what = f"resuming at update {LATE:,}, until its first forward pass"
    return Row(what, milliseconds(late), f"at update {EARLY}: {milliseconds(early)}", ratio, 1.1)


def upload_row(rounds: int = 9) -> Row:
    """To moto's S3 in a process of its own, which takes most of the time on both sides."""
    with TemporaryDirectory() as folder:
        times = _measured((sys.executable, str(HERE / "uploading.py"), str(rounds)), Path(folder))
    raw = {name: median(turn[name] for turn in times) for name in ("s3fs", "boto3")}
    best = min(raw, key=lambda name: raw[name])
    rate = median(turn[best] / turn["ours"] for turn in times)
    shown = ", ".join(f"{name}'s own: {seconds:.1f} s" for name, seconds in raw.items())
    ours = f"{median(turn['ours'] for turn in times):.1f} s"
    return Row("uploading its weights, 201 MB, to S3 on the loopback, rate", ours, shown, rate, 0.8, at_least=True)


def _saves(
    kind: str, rounds: int, *, yardsticks: str = "", launcher: tuple[str, ...] = (sys.executable,)
) -> list[list[dict[str, Any]]]:
    """What each process tells of its saves."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "saves"
        run_quietly((*launcher, str(HERE / "saving.py"), kind, str(rounds), str(file), yardsticks))
        return [json.loads(path.read_text()) for path in sorted(Path(folder).glob("saves-*"))]


def _measured(command: tuple[str, ...], folder: Path) -> list[dict[str, float]]:
    run_quietly((*command, str(folder / "times")))
    found: list[dict[str, float]] = json.loads((folder / "times").read_text())
    return found


def _rank(name: str) -> int:
    """Which process wrote a file: the first writes what is nobody's own."""
    part = _OF_RANK.fullmatch(name)
    state = _STATES_OF_RANK.fullmatch(name)
    return int(part[1]) - 1 if part else int(state[1]) if state else 0


def _typical(saves: list[dict[str, Any]], name: str) -> float:
    return median(save[name] for save in saves)


def _ratio(saves: list[dict[str, Any]], name: str, to: str) -> float:
    """Of what stood next to each other."""
    return median(save[name] / save[to] for save in saves)


def _megabytes(files: dict[str, int]) -> str:
    return f"{sum(files.values()) / 1e6:.0f} MB"
