"""schemas/ holds exactly what the settings of today make."""

from pathlib import Path

import pytest

from trainspec.export.generated import FILES, main, stale, write

FOLDER = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize("name", FILES)
def test_a_committed_file_is_what_would_be_written(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == FILES[name](), "run make schemas"


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_rendering_twice_gives_the_same(name: str) -> None:
    assert FILES[name]() == FILES[name]()


def test_what_is_missing_changed_or_foreign_is_stale(tmp_path: Path) -> None:
    assert stale(tmp_path / "none") == sorted(FILES)
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "rules.json").write_text("{}")
    (tmp_path / "trainspec.env").unlink()
    (tmp_path / "notes.txt").touch()
    assert stale(tmp_path) == ["notes.txt", "rules.json", "trainspec.env"]


def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(tmp_path)]) == 1
    assert "make schemas" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    assert main([]) == 2
