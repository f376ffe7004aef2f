"""The editors' own language services and schema compilers, installed by `make editor-tools`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.editor.language_server import YamlEditor

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SCHEMAS = HERE.parents[1] / "schemas"
FOR_EDITORS = SCHEMAS / "trainspec.schema.json"
YAML_SERVER = "yaml-language-server/bin/yaml-language-server"
FOR_TOOLS = SCHEMAS / "trainspec.2020-12.schema.json"

collect_ignore = ["node_modules"]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The installed packages; without them the test is skipped."""
    if not (MODULES / ".package-lock.json").exists():
        pytest.skip("make editor-tools installs what this test drives")
    return MODULES


@pytest.fixture(scope="session")
def yaml_editor(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[YamlEditor]:
    """An editor with an open document that names our schema in its modeline."""
    folder = tmp_path_factory.mktemp("work")
    editor = YamlEditor(node_modules / YAML_SERVER, folder, os.path.relpath(FOR_EDITORS, folder))
    yield editor
    editor.close()


@pytest.fixture(scope="session")
def run_node(node_modules: Path) -> Any:
    """Run a script of sessions/ with JSON as its input; returns the JSON that it prints."""

    def run(script: str, question: Any) -> Any:
        text = json.dumps(question)
        done = subprocess.run(
            ["node", f"sessions/{script}"], cwd=HERE, input=text, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
