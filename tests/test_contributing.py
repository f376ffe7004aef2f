"""The page for contributors names only what is there, and what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = ("setting", "rule", "optimizer", "tracker", "strategy", "command")
_QUOTED = re.findall(r"`([^`\n]+)`", PAGE.replace("```", ""))
PATHS = sorted({word for word in _QUOTED if re.fullmatch(r"[\w./-]+(/|\.py|\.md)", word)})


def places(section: str) -> list[Path]:
    """Where the names of a section may lie: at the top, or beside another path of that section."""
    beside = [ROOT / path for path in re.findall(r"`([\w./-]+/)(?:[\w.-]+\.py)?`", section)]
    return [ROOT, ROOT / "src/trainspec", ROOT / "src/trainspec/settings", ROOT / "src/trainspec/training", *beside]


SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
NAMED = [(section.splitlines()[0], path, section) for section in SECTIONS for path in PATHS if f"`{path}`" in section]


@pytest.mark.parametrize("heading, path, section", NAMED, ids=[f"{heading}: {path}" for heading, path, _ in NAMED])
def test_a_path_that_the_page_names_is_there(heading: str, path: str, section: str) -> None:
    assert any((place / path).exists() for place in places(section)), path


def test_the_page_names_paths_in_every_section() -> None:
    assert {heading for heading, _, _ in NAMED} == {section.splitlines()[0] for section in SECTIONS}


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_names_files_and_tests(recipe: str) -> None:
    (section,) = [part for part in SECTIONS if re.match(rf"Add an? {recipe}\n", part)]
    assert "`src/trainspec/" in section and "`tests/" in section


@pytest.mark.parametrize("layer", [path.name for path in (ROOT / "src/trainspec").iterdir() if path.is_dir()])
def test_every_layer_is_on_the_map(layer: str) -> None:
    assert layer == "__pycache__" or f"{layer}/" in PAGE


@pytest.mark.parametrize("room", ["settings", "training"])
def test_every_room_is_described(room: str) -> None:
    folders = {path.name for path in (ROOT / "src/trainspec" / room).iterdir() if path.is_dir()} - {"__pycache__"}
    assert not {name for name in folders if f"`{name}/`" not in PAGE}


def test_every_target_that_the_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", PAGE)) <= targets
