"""Breaks what settings do, one change at a time, and shows whether the contract tests of that setting notice.

    python tests/contract/mutations/mutate.py                      # every mutation
    python tests/contract/mutations/mutate.py --field eval_steps   # those of one setting (may be repeated)
    python tests/contract/mutations/mutate.py --sample 5           # five at random; --seed chooses which

First the unchanged sources: every test must pass. Then each mutation in a copy of the sources, with only the tests that
are named after its field. `killed`: a test failed (or hung). `survived`: all passed, so nothing looks at that effect.
`broken`: the change made no program that runs, which shows nothing. Exits 0 when every mutation was killed, 1 else.
The working tree is not touched. torch and the like are imported once; every try is a fork of that process.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
sys.path[:] = [str(ROOT), *(entry for entry in sys.path if entry != str(Path(__file__).parent))]

import pytest  # noqa: E402
from tests.contract.mutations import MUTATIONS, Mutation  # noqa: E402
from tests.contract.mutations.mutation import SOURCES  # noqa: E402

# What takes long to import and knows nothing of the sources.
HEAVY = (
    "torch",
    "torch._dynamo",
    "torch.utils.data",
    "numpy",
    "pydantic",
    "hypothesis",
    "safetensors.torch",
    "tqdm",
    "huggingface_hub",
)
# A test that takes so much longer than it did on unchanged sources hangs; the machine may be busy.
PATIENCE, AT_LEAST = 10, 120.0
# These say that a mutation is no program, whatever it was meant to be.
NO_PROGRAM = ("NameError", "UnboundLocalError", "SyntaxError", "IndentationError")

Answer = dict[str, Any]


class Watch:
    """A plugin of pytest that notes what became of each test."""

    def __init__(self) -> None:
        self.answer: Answer = {"passed": 0, "failed": [], "errors": [], "seconds": {}}

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.answer["errors"].append(f"{report.nodeid}: {str(report.longrepr).splitlines()[-1]}")

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        if call.excinfo is None:
            return
        self.answer["raised"] = call.excinfo.typename
        if call.excinfo.typename in NO_PROGRAM:
            self.answer["errors"].append(f"{node.nodeid}: {call.excinfo.exconly()}")

    def pytest_runtest_logreport(self, report: Any) -> None:
        seconds = self.answer["seconds"]
        test = report.nodeid.split("[")[0]
        seconds[test] = seconds.get(test, 0.0) + report.duration
        if report.failed:
            self.answer["failed"].append(report.nodeid)
        elif report.when == "call" and report.passed:
            self.answer["passed"] += 1


@dataclass
class Job:
    """Tests to run against a copy of the sources, in which `mutation`, if any, is made."""

    tests: Sequence[str]
    mutation: Mutation | None = None
    limit: float = 3600.0
    answer: Answer = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        answer = self.answer
        if answer.get("hung"):
            return "killed"
        if "passed" not in answer or answer["errors"] or not (answer["failed"] or answer["passed"]):
            return "broken"
        return "killed" if answer["failed"] else "survived"

    @property
    def why(self) -> str:
        """The test that failed, or what went wrong."""
        answer = self.answer
        if answer.get("hung"):
            return f"hung for {self.limit:.0f} s"
        if answer.get("errors"):
            return str(answer["errors"][0])
        if answer.get("failed"):
            return f"{answer['failed'][0].split('::')[1]} ({answer.get('raised', '')})"
        return str(answer.get("log", ""))


def copy_sources(original: Path, folder: Path, mutation: Mutation | None) -> Path:
    """A copy of the sources with the mutation in it; the folder to import from."""
    sources = folder / "src"
    shutil.copytree(original, sources / "trainspec")
    if mutation is not None:
        target = sources / "trainspec" / mutation.file
        changed = mutation.applied(original)
        compile(changed, mutation.file, "exec")
        target.write_text(changed, encoding="utf-8")
        for stale in (target.parent / "__pycache__").glob(f"{target.stem}.*.pyc"):
            stale.unlink()
    return sources


def run_tests(tests: Sequence[str], sources: Path, folder: Path) -> Answer:
    """In a process of its own: what becomes of these tests with trainspec imported from `sources`."""
    sys.path.insert(0, str(sources))
    os.environ["PYTHONPATH"] = str(sources)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    import_module("torch").set_num_threads(1)
    watch = Watch()
    options = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", f"--basetemp={folder / 'tmp'}", "-x", "-q"]
    pytest.main([*options, *(f"{ROOT}/{test}" for test in tests)], plugins=[watch])
    imported = import_module("trainspec").__file__
    if not str(imported).startswith(str(sources)):
        watch.answer["errors"].append(f"the tests saw {imported}, not the copy")
    return watch.answer


def in_a_fork(work: Callable[[], Answer], folder: Path) -> int:
    """Start `work` in a child, whose answer will lie in folder/answer.json and whose output in folder/log."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        os.chdir(folder)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        (folder / "answer.json").write_text(json.dumps(work()))
    finally:
        os._exit(0)


def carry_out(jobs: Sequence[Job], original: Path, at_once: int) -> Iterator[Job]:
    """The jobs as they get done, on copies of the sources at `original`."""
    waiting, running = list(jobs), dict[int, tuple[Job, Path, float]]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop(0)
                folder = Path(tempfile.mkdtemp(dir=original.parent))
                sources = copy_sources(original, folder, job.mutation)
                child = in_a_fork(lambda j=job, s=sources, f=folder: run_tests(j.tests, s, f), folder)
                running[child] = job, folder, time.monotonic()
            time.sleep(0.05)
            for child, (job, folder, began) in list(running.items()):
                job.seconds = time.monotonic() - began
                hung = job.seconds > job.limit
                if os.waitpid(child, os.WNOHANG)[0] or hung:
                    _end(child, still_there=hung)
                    job.answer = {"hung": True} if hung else _answer(folder)
                    del running[child]
                    shutil.rmtree(folder, ignore_errors=True)
                    yield job
    finally:
        for child in running:
            _end(child, still_there=True)


def _end(child: int, *, still_there: bool) -> None:
    """End what the child started too, such as workers that load data."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if still_there:
        os.waitpid(child, 0)


def _answer(folder: Path) -> Answer:
    try:
        answer: Answer = json.loads((folder / "answer.json").read_text())
    except (OSError, ValueError):
        lines = (folder / "log").read_text(errors="replace").splitlines() if (folder / "log").exists() else []
        return {"log": lines[-1] if lines else "the process died"}
    return answer


def tests_by_field(place: Path) -> dict[str, list[str]]:
    """For every setting the tests that are named after it, as pytest names them."""
    folder = Path(tempfile.mkdtemp(dir=place))

    def survey() -> Answer:
        sys.path.insert(0, str(ROOT / "src"))
        module = import_module("tests.contract.test_every_setting")
        found: dict[str, list[str]] = {name: [] for name in module.FIELDS}
        for path in sorted(HERE.rglob("test_*.py")):
            for node in ast.parse(path.read_text()).body:
                name = module.named_after(node.name) if isinstance(node, ast.FunctionDef) else None
                if name is not None:
                    found[name].append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
        return found

    os.waitpid(in_a_fork(survey, folder), 0)
    answer = _answer(folder)
    if "log" in answer:
        raise SystemExit((folder / "log").read_text())
    return answer


def unchanged(tests: Sequence[str], original: Path, at_once: int) -> dict[str, float]:
    """How long each test takes on unchanged sources. Ends the program where one fails."""
    files = dict.fromkeys(test.split("::")[0] for test in tests)
    jobs = [Job([test for test in tests if test.startswith(f"{file}::")]) for file in files]
    seconds: dict[str, float] = {}
    for job in carry_out(jobs, original, at_once):
        if job.verdict != "survived":
            raise SystemExit(f"the tests fail before anything is changed: {job.why}")
        seconds |= job.answer["seconds"]
    return seconds


def choose(arguments: argparse.Namespace, mutations: Sequence[Mutation]) -> list[Mutation]:
    wanted = arguments.field or [mutation.field for mutation in mutations]
    unknown = set(wanted) - {mutation.field for mutation in mutations}
    if unknown:
        raise SystemExit(f"there is no mutation of {', '.join(sorted(unknown))}")
    chosen = [mutation for mutation in mutations if mutation.field in wanted]
    if arguments.sample is None:
        return chosen
    return random.Random(arguments.seed).sample(chosen, min(arguments.sample, len(chosen)))


def main(argv: Sequence[str] | None = None, mutations: Sequence[Mutation] = MUTATIONS) -> int:
    parser = argparse.ArgumentParser(description="break what settings do, and see whether their tests notice")
    parser.add_argument("--field", action="append", help="only the mutations of this setting")
    parser.add_argument("--sample", type=int, help="only so many, chosen at random")
    parser.add_argument("--seed", type=int, help="what chooses them; without it another choice each time")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    arguments = parser.parse_args(argv)
    chosen = choose(arguments, mutations)
    for name in HEAVY:
        import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutation-") as kept:
        # Of one moment: somebody may be editing the sources meanwhile.
        original = Path(shutil.copytree(SOURCES, Path(kept) / "trainspec"))
        for mutation in chosen:
            mutation.applied(original)
        return try_all(chosen, original, arguments.jobs)


def try_all(chosen: Sequence[Mutation], original: Path, at_once: int) -> int:
    began = time.monotonic()
    named = tests_by_field(original.parent)
    tests = list(dict.fromkeys(test for mutation in chosen for test in named[mutation.field]))
    seconds = unchanged(tests, original, at_once)
    print(f"{len(tests)} tests pass on unchanged sources ({time.monotonic() - began:.0f} s)", flush=True)
    jobs = [_job(mutation, named[mutation.field], seconds) for mutation in chosen]
    for job in carry_out(jobs, original, at_once):
        assert job.mutation is not None
        place = f"{job.mutation.field:<40} {job.mutation.file:<42}"
        print(f"{place} {job.verdict:<8} {job.seconds:6.1f} s  {job.why}", flush=True)
    left = [job for job in jobs if job.verdict != "killed"]
    for job in left:
        print(f"\n{job.verdict}: {job.mutation}\n  {job.why or 'every test passed: ' + ', '.join(job.tests)}")
    survivors = sum(job.verdict == "survived" for job in left)
    broken = f", {len(left) - survivors} broken" if len(left) > survivors else ""
    minutes = (time.monotonic() - began) / 60
    print(f"\n{len(jobs)} mutations, {len(jobs) - len(left)} killed, {survivors} survive{broken} ({minutes:.1f} min)")
    return 1 if left else 0


def _job(mutation: Mutation, tests: Sequence[str], seconds: dict[str, float]) -> Job:
    usual = sum(seconds.get(test, 0.0) for test in tests)
    return Job(tests, mutation, max(AT_LEAST, PATIENCE * usual))


if __name__ == "__main__":
    sys.exit(main())
