"""Files judged in a folder of their own, and SARIF's official schema, from the npm package that carries it."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainspec.cli import main

Judge = Callable[..., tuple[int, str]]

_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
_INSIDE = "lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="session")
def sarif_schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema, kept for the next time; skipped where npm cannot bring it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trainspec-tests" / "sarif-2.1.0.json"
    if not cache.exists():
        _fetch(cache, tmp_path_factory.mktemp("npm"))
    return json.loads(cache.read_text())


def _fetch(cache: Path, folder: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings SARIF's schema, is not installed")
    packed = subprocess.run(["npm", "pack", "--silent", _PACKAGE], cwd=folder, capture_output=True, timeout=120)
    if packed.returncode != 0:
        pytest.skip(f"npm could not bring {_PACKAGE}")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        member = package.extractfile(f"package/{_INSIDE}")
        assert member is not None
        text = member.read()
    cache.parent.mkdir(parents=True, exist_ok=True)
    # Another worker may be writing the same.
    new = cache.with_suffix(f".{os.getpid()}")
    new.write_bytes(text)
    new.replace(cache)


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """`judge("sarif", {"a.yaml": text}, "--strict")`: exit code and stdout, run where the files are."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(form: str, files: dict[str, str], *words: str) -> tuple[int, str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        code = main(["validate", "--format", form, *files, *words])
        return code, capsys.readouterr().out

    return run
