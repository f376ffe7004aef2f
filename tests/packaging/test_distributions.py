"""What is published holds the package and nothing of the workshop, and asks for little."""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from tests.packaging.conftest import ROOT, Built

import trainspec

CORE = {"pydantic", "pydantic-settings", "pyyaml", "fsspec", "python-dotenv", "tree-sitter", "tree-sitter-bash"}
# Beside the modules: where an editor finds them in an installed package.
SCHEMAS = {f"trainspec/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.schema.json")}
EXTRAS = {"train", "optimizers", "trackers", "hub", "search", "deepspeed", "s3", "gs", "az", "bench"}
RUBBISH = re.compile(
    r"__pycache__|node_modules|\.py[co]$|\.venv|\.(mypy|ruff|pytest)_cache|\.hypothesis|/\.git/|/build/|/runs/|\.env$"
)


@pytest.fixture(scope="module")
def in_wheel(built: Built) -> set[str]:
    with zipfile.ZipFile(built.wheel) as wheel:
        return {name for name in wheel.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def in_sdist(built: Built) -> set[str]:
    """Names without the folder that holds them all."""
    with tarfile.open(built.sdist) as sdist:
        return {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}


@pytest.fixture(scope="module")
def metadata(built: Built) -> Message:
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode())


# What the page is built from; what is built is in static/ beside it.
PAGE = "trainspec/service/page/"
BUILT = "trainspec/service/static/"


def sources() -> set[str]:
    folder = ROOT / "src"
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if not RUBBISH.search(str(path.relative_to(folder)))}


def test_the_wheel_holds_the_package_and_nothing_else(in_wheel: set[str]) -> None:
    ours = {name for name in in_wheel if ".dist-info/" not in name}
    assert ours == {name for name in sources() if not name.startswith(PAGE)} | SCHEMAS


def test_the_wheel_has_the_page_whole(in_wheel: set[str], built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        index = wheel.read(f"{BUILT}index.html").decode()
        named = set(re.findall(r'(?:src|href)="assets/([^"]+)"', index))
        assert {Path(name).suffix for name in named} == {".js", ".css", ".svg"}
        assert {f"{BUILT}{name}.gz" for name in named} < in_wheel
        assert "@codemirror/view" in gzip.decompress(wheel.read(f"{BUILT}licenses.txt.gz")).decode()


def test_the_wheel_is_typed_and_licensed(in_wheel: set[str]) -> None:
    assert "trainspec/py.typed" in in_wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in in_wheel)


def test_the_wheel_runs_on_any_python_it_says(built: Built, metadata: Message) -> None:
    assert built.wheel.name == f"trainspec-{trainspec.__version__}-py3-none-any.whl"
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_sdist_can_be_built_and_tested(in_sdist: set[str]) -> None:
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"} <= in_sdist
    assert {f"src/{name}" for name in sources()} <= in_sdist
    assert {"tests/conftest.py", f"src/{PAGE}package-lock.json", f"src/{PAGE}source/main.tsx"} <= in_sdist


@pytest.mark.parametrize("which", ["in_wheel", "in_sdist"])
def test_nothing_of_the_workshop_is_published(which: str, request: pytest.FixtureRequest) -> None:
    # The generated template holds names and defaults, every line commented out.
    names = request.getfixturevalue(which) - {"schemas/trainspec.env"}
    assert not {name for name in names if RUBBISH.search(f"/{name}")}


def test_both_are_small(built: Built) -> None:
    sdist, wheel = built
    # The tests are in the one that is built from.
    # The page is in both, a quarter of a megabyte, and Chinese.
    assert wheel.stat().st_size < 2_500_000 and sdist.stat().st_size < 3_500_000


def requirements(metadata: Message, extra: str | None) -> set[str]:
    """The names that are required always, or by an extra."""
    found = set()
    for line in metadata.get_all("Requires-Dist", []):
        requirement, _, condition = line.partition(";")
        wanted = re.search(r"extra == ['\"](.+?)['\"]", condition)
        if (wanted[1] if wanted else None) == extra:
            found.add(re.split(r"[\s<>=!~\[]", requirement, maxsplit=1)[0].lower())
    return found


def test_the_core_needs_few_packages(metadata: Message) -> None:
    assert requirements(metadata, None) == CORE


def test_the_extras_are_there_and_none_is_empty(metadata: Message) -> None:
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras >= EXTRAS
    assert all(requirements(metadata, extra) for extra in extras)
    assert "torch" in requirements(metadata, "train")


def test_the_readme_is_the_description(metadata: Message) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).strip() == Path(ROOT / "README.md").read_text().strip()
