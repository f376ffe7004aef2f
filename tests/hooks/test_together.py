"""Files of one server are run by one process, all others wherever one is free."""

from pathlib import Path

import pytest
from tests.hooks.together import SERVERS, together

ROOT = Path(__file__).parents[2]
MARKS = {"DeepSpeed": "deepspeed_engine.server import", "transformers": "import WITH_TRANSFORMERS"}


@pytest.mark.parametrize("server", SERVERS)
def test_its_files_are_those_that_use_it(server: str) -> None:
    mark, files = MARKS[server], [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    using = {file for file in files if mark in (ROOT / file).read_text()} - {"tests/hooks/test_together.py"}
    assert {file for file in using if together(f"{file}::test_it") != server} == set()
    assert all(any(file.startswith(one) for file in using) for one in SERVERS[server])


def test_any_other_file_is_by_itself() -> None:
    assert together("tests/hooks/test_together.py::test_it[a::b]") == "tests/hooks/test_together.py"
