"""How many processes there are is asked in one place: elsewhere the code is the same for one and for many."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[3] / "src" / "trainspec" / "training"
# What judges a machine before a run, and what a launcher does, is about numbers of processes.
ABOUT_PROCESSES = ("parallel", "preflight", "command")
ASKED = {"world_size", "num_processes", "is_initialized", "data_size"}
# One judges a machine, too; one answers for accelerate, which is asked for such numbers.
AS_WELL = ("optimizers/optimizer_needs.py", "trainer/inside/accelerator.py")
FILES = sorted(
    path
    for path in TRAINING.rglob("*.py")
    if path.relative_to(TRAINING).parts[0] not in ABOUT_PROCESSES
    and path.relative_to(TRAINING).as_posix() not in AS_WELL
)


def branches(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Compare | ast.BoolOp):
            yield node


def names(expression: ast.expr) -> set[str]:
    found = {node.attr for node in ast.walk(expression) if isinstance(node, ast.Attribute)}
    return found | {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TRAINING)))
def test_nobody_else_asks_how_many_processes_there_are(path: Path) -> None:
    tree = ast.parse(path.read_text())
    asked = {name for test in branches(tree) for name in names(test) & ASKED}
    assert not asked, f"branches on {asked}: let the strategy, its processes or the agreement decide"
    engines = {name for name in imported(tree) if name.startswith(("torch.distributed", "deepspeed"))}
    assert not engines, f"imports {engines}"
