"""Files of settings as tests: pytest collects what `trainspec_files` matches, and judges it.

    [tool.pytest.ini_options]
    testpaths = ["tests", "configs"]
    trainspec_files = ["configs/**/*.yaml"]
    trainspec_together = ["configs/base.yaml sites/a.yaml", "configs/base.yaml sites/b.yaml"]

Files of one line of `trainspec_together` are judged as one, each laid over those before it. Every pytest run of an
environment imports this module, so it imports nothing of trainspec's own before a file is run.
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
_TOGETHER = pytest.StashKey[list[tuple[Path, ...]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    patterns = "files of settings to judge as tests: patterns below the root, ** for any folders"
    parser.addini("trainspec_files", patterns, type="args", default=[])
    together = "files of settings to judge as one: paths below the root, each file laid over those before it"
    parser.addini("trainspec_together", together, type="linelist", default=[])
    parser.addini("trainspec_model", "settings class to judge them by, as pkg.mod:Class", default="")
    parser.addini("trainspec_target", "machine to check them against, such as h100x8", default="")
    parser.addini("trainspec_world_size", "number of processes to check them against", default="")
    parser.addini("trainspec_nodes", "number of machines that run them", default="")
    parser.addini("trainspec_allow_warnings", "whether a warning lets a file pass", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    lines = [line.split() for line in config.getini("trainspec_together")]
    # A mistyped name would be a test that is never collected.
    missing = [name for names in lines for name in names if not (config.rootpath / name).is_file()]
    if missing:
        raise pytest.UsageError(f"trainspec_together: there is no file {missing[0]} below {config.rootpath}")
    config.stash[_TOGETHER] = [tuple(config.rootpath / name for name in names) for names in lines if names]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    config = parent.config
    if _MATCHED not in config.stash:
        found = (path for pattern in config.getini("trainspec_files") for path in config.rootpath.glob(pattern))
        config.stash[_MATCHED] = frozenset(found)
    known = file_path in config.stash[_MATCHED] or any(file_path == files[-1] for files in config.stash[_TOGETHER])
    return SettingsFile.from_parent(parent, path=file_path) if known else None


class SettingsFile(pytest.File):
    """One file of settings, alone and over others."""

    def collect(self) -> Iterator[pytest.Item]:
        if self.path in self.config.stash[_MATCHED]:
            yield SettingsItem.from_parent(self, name="settings", files=(self.path,))
        for files in self.config.stash[_TOGETHER]:
            if files[-1] == self.path:
                below = " ".join(str(path.relative_to(self.config.rootpath)) for path in files[:-1])
                yield SettingsItem.from_parent(self, name=f"settings over {below}", files=files)


class SettingsItem(pytest.Item):
    """The test that a file of settings is valid, or that files are of which each is laid over those before it."""

    def __init__(self, *, files: tuple[Path, ...], **known: Any) -> None:
        super().__init__(**known)
        self.files = files

    def runtest(self) -> None:
        from trainspec.testing import assert_valid

        size, nodes = (self.config.getini(f"trainspec_{name}") for name in ("world_size", "nodes"))
        names = [_as_people_name_it(path, self.config.invocation_params.dir) for path in self.files]
        assert_valid(
            names if len(names) > 1 else names[0],
            model=_model(self.config.getini("trainspec_model")),
            target=self.config.getini("trainspec_target") or None,
            world_size=int(size) if size else None,
            nodes=int(nodes) if nodes else None,
            allow_warnings=self.config.getini("trainspec_allow_warnings"),
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.nodeid.rpartition('::')[0]}: {self.name}"


def _as_people_name_it(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) and folder == Path.cwd() else str(path)


def _model(place: str) -> type[Settings] | None:
    if not place:
        return None
    module, _, name = place.partition(":")
    model: type[Settings] = getattr(import_module(module), name)
    return model
