"""One judge: what the service says of any document is what the command line prints of it, byte for byte.

A few of the documents of the agreement test here; all of them in `make test-agreement`.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from starlette.testclient import TestClient
from tests.export.documents import Documents, schema_of
from tests.service.judging import mine
from tests.service.judging.test_validate import BORDERS

from trainspec.cli import main
from trainspec.service import admission, documents, reference
from trainspec.service.app import create_app
from trainspec.service.options import Options
from trainspec.service.work import MEDIUM

# Imported by a thread of the service, otherwise, while Hypothesis changes how deep this one may go.
assert admission and documents and reference

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXAMPLES = 20_000 if LONG else 120
pytestmark = [pytest.mark.timeout(1800)] if LONG else []
README = (Path(__file__).parents[3] / "README.md").read_text()
MODELS = {
    "tests.service.judging.mine:Narrow": mine.Narrow,
    "tests.service.judging.mine:Wide": mine.Wide,
    "tests.service.judging.mine:App": mine.App,
}
STRATEGIES = Documents(schema_of("7"))
ALIKE = hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    with TestClient(create_app(Options(models=MODELS)), raise_server_exceptions=False) as made:
        yield made


def printed(text: bytes, format: str, capsys: Any, *words: str) -> bytes:
    """What `trainspec validate` prints."""

    class Stdin:
        buffer = BytesIO(text)

    before, sys.stdin = sys.stdin, Stdin()  # type: ignore[assignment]
    try:
        main(["validate", "-", "--stdin-format", format, "--stdin-name", "document", "--format", "json", *words])
    finally:
        sys.stdin = before
    told: bytes = capsys.readouterr().out.encode()
    return told


def told(service: TestClient, text: bytes, format: str, **asked: Any) -> bytes:
    return service.post("/validate", content=text, params={"input": format, **asked}).content


def same(service: TestClient, text: bytes, format: str, capsys: Any, model: str | None = None) -> bool:
    words, asked = (("--model", model), {"model": model}) if model is not None else ((), {})
    return told(service, text, format, **asked) == printed(text, format, capsys, *words)


@ALIKE
@given(document=STRATEGIES.valid_by_field())
def test_documents_of_the_agreement_test(document: Any, service: TestClient, capsys: Any) -> None:
    assert same(service, json.dumps(document).encode(), "json", capsys)


@ALIKE
@given(document=STRATEGIES.mutated())
def test_mutated_documents_of_the_agreement_test(document: Any, service: TestClient, capsys: Any) -> None:
    assert same(service, json.dumps(document).encode(), "json", capsys)


def test_every_border(service: TestClient, capsys: Any) -> None:
    for document in BORDERS[:: 1 if LONG else 5]:
        assert same(service, json.dumps(document).encode(), "json", capsys)


def test_examples_of_the_readme(service: TestClient, capsys: Any) -> None:
    blocks = re.findall(r"```(yaml|json|toml)\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 5
    for format, text in blocks:
        assert same(service, text.encode(), format, capsys)


@pytest.mark.parametrize("model", MODELS)
def test_classes_of_users_side_by_side(model: str, service: TestClient, capsys: Any) -> None:
    texts = ["rank: 3\nwidth: wide\n", "seed: x\nrank: -1\n", "train: {seed: x}\nname: 3\n", "", "rnak: 1\n", "[1]"]
    for text in texts:
        assert same(service, text.encode(), "yaml", capsys, model)
    # Judged in another process, which imports the class.
    large = "".join(f"rank{number}: 1\n" for number in range(200)) + "#" * MEDIUM
    assert same(service, large.encode(), "yaml", capsys, model)


def test_what_another_process_judges(service: TestClient, capsys: Any) -> None:
    for text in ("".join(f"learning_rat{number}: 1\n" for number in range(2000)), "task:\n" + "  a: 1\n" * 3000):
        assert same(service, text.encode(), "yaml", capsys)
    names = ", ".join(f"y{number}" for number in range(5000))
    assert same(service, f"label_names: [{names}]\n".encode(), "yaml", capsys)
