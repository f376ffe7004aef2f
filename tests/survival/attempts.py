"""The same command again and again until it is done, whatever ends it in between; and what became of it, in numbers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.survival.comparing import contents, differences
from tests.survival.processes import TASK, Ended

from trainspec.storage import open_store

MOST_ATTEMPTS = 40
_RESUMED = re.compile(r"^  resumed +at update ([\d,]+),", re.MULTILINE)
_USUAL = {
    "output_dir": "out",
    "num_train_epochs": 2,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-2,
    "logging_steps": 2,
    "eval_strategy": "steps",
    "eval_steps": 4,
    "save_strategy": "steps",
    "save_steps": 4,
    "save_total_limit": 2,
    "metric_for_best_model": "accuracy",
    "load_best_model_at_end": True,
    "do_predict": True,
    "report_to": "jsonl",
    "disable_tqdm": True,
    "use_cpu": True,
    "resume_from_checkpoint": "auto",
}


def words(task: str = TASK, **changes: object) -> list[str]:
    """`trainspec train` with the usual settings, of which some are changed, or left out as None."""
    settings = {name: value for name, value in {**_USUAL, **changes}.items() if value is not None}
    said = ((f"--{name.replace('__', '.')}", str(value)) for name, value in settings.items())
    return ["train", task, *(word for pair in said for word in pair)]


@dataclass
class Tally:
    """What became of all that was tried of one kind; `faults` are the exceptions to the promise."""

    kills: int = 0
    resumed: int = 0
    afresh: int = 0
    runs: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


TABLE: dict[str, Tally] = {}


def rows_of_table() -> list[str]:
    head = f"{'':<44}{'kills':>7}{'resumed':>9}{'afresh':>8}{'runs':>6}{'slowest s':>11}{'exceptions':>12}"
    return [head] + [
        f"{name:<44}{one.kills:>7}{one.resumed:>9}{one.afresh:>8}{one.runs:>6}{one.slowest:>11.1f}{len(one.faults):>12}"
        for name, one in TABLE.items()
    ]


class Trial:
    """One run in a folder of its own, through all of its attempts."""

    def __init__(self, kind: str, name: str, folder: Path, output: str | Path | None = None) -> None:
        self.tally, self.name, self.folder = TABLE.setdefault(kind, Tally()), name, folder
        self.output: str | Path = folder / "out" if output is None else output
        self._before: int | None = None
        self._begun = False

    def about_to_start(self) -> None:
        """Note the newest checkpoint that is published, which no training may be lost before."""
        steps = [
            int(match.group(1))
            for name in self.names()
            if (match := re.fullmatch(r"checkpoint-(\d+)/manifest\.json", name))
        ]
        self._before = max(steps, default=None)

    def names(self) -> list[str]:
        return list(contents(self.output))

    def took(self, ended: Ended, *expected: int) -> bool:
        """Whether that attempt came to the end; else it was ended as expected: by these codes, or SIGKILL."""
        self.tally.slowest = max(self.tally.slowest, ended.seconds)
        at = [int(found.replace(",", "")) for found in _RESUMED.findall(ended.said)]
        self.tally.resumed += bool(at)
        self.tally.afresh += self._begun and not at and "training begins" in ended.said
        if at and at[-1] != self._before:
            self.fault(f"resumed at {at[-1]}, the newest was {self._before}", ended.said)
        elif not at and "training begins" in ended.said and self._before is not None:
            self.fault(f"began anew, with checkpoint-{self._before} there", ended.said)
        # Of a killed run it is its workers that complain, as Python makes them.
        if "Traceback" in ended.said and ended.code != -9:
            self.fault("a traceback", ended.said)
        self._begun = True
        if ended.code == 0:
            self.tally.runs += 1
            return True
        if ended.code is None:
            self.fault(f"it hung for {ended.seconds:.0f} s", ended.said)
        elif ended.code not in (-9, *expected):
            self.fault(f"exit code {ended.code}", ended.said)
        self.tally.kills += 1
        return False

    def finish(self, ended: Ended) -> None:
        """An attempt that nobody disturbed."""
        if not self.took(ended) and ended.code is not None:
            self.fault(f"undisturbed it ended with {ended.code}", ended.said)

    def fault(self, text: str, said: str = "") -> None:
        self.tally.faults.append(f"{self.name}: {text}" + (f"\n{said[-3000:]}" if said else ""))
        with (self.folder / "faults.txt").open("a") as file:
            file.write(self.tally.faults[-1] + "\n")

    def compare(self, expected: dict[str, bytes], *, but: str = r"(?!)") -> None:
        """All files with those of the undisturbed run, but for places that match."""
        found = [place for place in differences(contents(self.output), expected) if not re.match(but, place)]
        if found:
            self.fault("; ".join(found[:12]))


@contextmanager
def trial(kind: str, name: str, base: Path, output: str | None = None) -> Iterator[Trial]:
    """One in a new folder, which goes again where all was well."""
    folder = base / re.sub(r"[^\w.-]+", "-", f"{kind} {name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if output is not None:
        # The same for all, since settings that are saved tell it.
        open_store(output).delete_tree()
    one = Trial(kind, name, folder, output)
    before = len(one.tally.faults)
    yield one
    if len(one.tally.faults) == before:
        shutil.rmtree(folder, ignore_errors=True)


def one_of_each_kind(calls: list[str]) -> list[int]:
    """The number of a call of each kind: of those in the middle, when something is there to lose."""
    numbers = {kind: [at for at, call in enumerate(calls, 1) if call == kind] for kind in dict.fromkeys(calls)}
    return [found[len(found) // 2] for found in numbers.values()]
