"""The shape of the code: sizes people can read, and names that say what a folder holds."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGE = [
    path for path in (ROOT / "src/trainspec/service/page/source").rglob("*") if path.suffix in {".ts", ".tsx", ".css"}
]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST_FUNCTION = 60
# Made by tools, and not ours to read.
BUILT = {"__pycache__", "node_modules", "static"}
VAGUE = {"utils", "common", "helpers", "core", "misc"}
WIDEST, WIDEST_FAMILY = 14, 25
# Each entry is one of a kind, and nobody reads all: a layer, an optimizer, a tracker, a command, its answer.
FAMILIES = {
    "src/trainspec",
    "src/trainspec/answers",
    "src/trainspec/cli",
    "src/trainspec/settings/groups",
    "src/trainspec/settings/rules",
    "src/trainspec/training",
    "src/trainspec/training/optimizers",
    "src/trainspec/training/parallel",
    "src/trainspec/training/trackers",
    "tests",
    "tests/answers",
    "tests/cli",
    "tests/contract",
    "tests/contract/mutations",
    "tests/settings/rules",
    "tests/trackers",
    "tests/training",
}


@cache
def folders() -> list[Path]:
    return sorted(
        folder
        for top in ("src/trainspec", "tests")
        for folder in (ROOT / top, *(ROOT / top).rglob("*"))
        if folder.is_dir() and not BUILT & set(folder.parts)
    )


def lines_allowed(path: Path) -> int:
    """By what the file is: a family of rules 250; callbacks, trackers and commands 150; tests 300; any other 400."""
    if path.name.startswith("test_"):
        return 300
    if path.parent.name == "rules" and "RULES: tuple" in path.read_text():
        return 250
    return 150 if path.parent.name in {"callbacks", "trackers", "cli"} else 400


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# One test for all files: a test of each would be a third of all that every process collects.
def test_a_file_is_short_enough_to_read() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in [*SOURCES, *PAGE, *TESTS]}
    assert {named(path): length for path, length in lengths.items() if length > lines_allowed(path)} == {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_function_is_short_enough_to_read() -> None:
    long = [(named(path), *each) for path in SOURCES for each in functions(path) if each[1] > LONGEST_FUNCTION]
    assert long == []


def test_a_file_opens_with_what_it_is() -> None:
    """A module says in its first line what it holds."""
    assert [named(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def entries(folder: Path) -> list[str]:
    """The modules and folders of a folder; a stub is no entry beside its module, and Python's own names are none."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if not path.name.startswith((".", "__")) and path.suffix not in (".pyi", ".typed") and path.name not in BUILT
    )


def test_a_folder_is_narrow_enough_to_find_things_in() -> None:
    limits = {folder: WIDEST_FAMILY if named(folder) in FAMILIES else WIDEST for folder in folders()}
    assert {named(folder): entries(folder) for folder, limit in limits.items() if len(entries(folder)) > limit} == {}


def test_every_family_is_there() -> None:
    assert {named(folder) for folder in folders()} >= FAMILIES


def test_no_folder_has_a_vague_name() -> None:
    assert not {folder.name for folder in folders() if ROOT / "src" in folder.parents} & VAGUE


def tracked() -> set[str]:
    """What lies at the top and is part of the project; in a source distribution, where git knows nothing, all of it."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return {line.partition("/")[0] for line in listed.stdout.splitlines()}
    return {path.name for path in ROOT.iterdir()} - {"PKG-INFO"}


def test_no_file_lies_at_the_top_that_has_no_place_there() -> None:
    allowed = {
        "pyproject.toml",
        "src",
        "schemas",
        "tests",
        "tests/answers",
        "README.md",
        "Makefile",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Dockerfile",
    }
    assert {name for name in tracked() if not name.startswith(".")} <= allowed
