"""Files of settings as tests: pytest collects what `trainspec_files` matches, and judges it.

    [tool.pytest.ini_options]
    testpaths = ["tests", "configs"]
    trainspec_files = ["configs/**/*.yaml"]

Every pytest run of an environment imports this module, so it imports nothing of trainspec's own before a file is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

_MATCHED = pytest.StashKey[frozenset[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    patterns = "files of settings to judge as tests: patterns below the root, ** for any folders"
    parser.addini("trainspec_files", patterns, type="args", default=[])
    parser.addini("trainspec_model", "settings class to judge them by, as pkg.mod:Class", default="")
    parser.addini("trainspec_target", "machine to check them against, such as h100x8", default="")
    parser.addini("trainspec_world_size", "number of processes to check them against", default="")
    parser.addini("trainspec_allow_warnings", "whether a warning lets a file pass", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    config = parent.config
    if _MATCHED not in config.stash:
        found = (path for pattern in config.getini("trainspec_files") for path in config.rootpath.glob(pattern))
        config.stash[_MATCHED] = frozenset(found)
    return SettingsFile.from_parent(parent, path=file_path) if file_path in config.stash[_MATCHED] else None


class SettingsFile(pytest.File):
    """One file of settings."""

    def collect(self) -> Iterator[pytest.Item]:
        item: pytest.Item = SettingsItem.from_parent(self, name="settings")
        yield item


class SettingsItem(pytest.Item):
    """The test that a file of settings is valid."""

    def runtest(self) -> None:
        from trainspec.testing import assert_valid

        size = self.config.getini("trainspec_world_size")
        assert_valid(
            _as_people_name_it(self.path, self.config.invocation_params.dir),
            model=_model(self.config.getini("trainspec_model")),
            target=self.config.getini("trainspec_target") or None,
            world_size=int(size) if size else None,
            allow_warnings=self.config.getini("trainspec_allow_warnings"),
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.nodeid.rpartition('::')[0]}: settings"


def _as_people_name_it(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) and folder == Path.cwd() else str(path)


def _model(place: str) -> type[Settings] | None:
    if not place:
        return None
    module, _, name = place.partition(":")
    model: type[Settings] = getattr(import_module(module), name)
    return model
