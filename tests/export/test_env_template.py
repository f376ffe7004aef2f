"""The template names every variable, and each of its lines works once its # is taken away."""

import io
import re
import warnings
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

import trainspec
from trainspec import TrainingArguments
from trainspec.export.env_template import render

TEMPLATE = render()
LINES = [line[1:] for line in TEMPLATE.splitlines() if re.match(r"#[A-Z]", line)]


class Extended(TrainingArguments):
    """Settings of a team."""

    env_prefix = "ACME_"
    rank: int
    api_key: SecretStr | None = None
    layers: list[int] | None = None


def codes(text: str, folder: Path, model: type[TrainingArguments] = TrainingArguments) -> set[str]:
    path = folder / ".env"
    path.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainspec.load(model, environ={f"{model.env_prefix}ENV_FILE": str(path)})
        except ValidationError as error:
            return {item.code for item in trainspec.diagnostics(error)}
    return set()


def one_value(found: set[str]) -> set[str]:
    """Codes of single values, names and files; rules about several settings say something else."""
    return {code for code in found if code.startswith(("VAL", "SRC", "REN"))}


def test_it_says_nothing_as_it_stands(tmp_path: Path) -> None:
    assert dotenv_values(stream=io.StringIO(TEMPLATE)) == {}
    assert codes(TEMPLATE, tmp_path) == set()


def test_every_setting_has_its_line() -> None:
    names = {line.partition("=")[0] for line in LINES}
    assert names >= {f"TRAINSPEC_{name.upper()}" for name in TrainingArguments.model_fields}
    assert {"TRAINSPEC_CONFIG", "TRAINSPEC_SECRETS_DIR", "TRAINSPEC_HUB_TOKEN_FILE", "TRAINSPEC_TASK"} <= names
    assert "TRAINSPEC_SECRETS_FROM" in names
    assert len(names) == len(LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_line_works_alone(line: str, tmp_path: Path) -> None:
    (value,) = dotenv_values(stream=io.StringIO(line)).values()
    assert value is not None
    assert one_value(codes(line, tmp_path)) == set()


def test_all_lines_read_together(tmp_path: Path) -> None:
    whole = re.sub(r"(?m)^#(?=[A-Z])", "", TEMPLATE)
    assert len(dotenv_values(stream=io.StringIO(whole))) == len(LINES)
    assert one_value(codes(whole, tmp_path)) == set()


def test_each_setting_has_description_type_and_default() -> None:
    entry = TEMPLATE.partition("#TRAINSPEC_SEED=")[0].rpartition("\n\n")[2]
    assert "Seed of python" in entry and "a whole number >= 0" in entry and "default: 42" in entry
    assert "# --- Schedule" in TEMPLATE


def test_no_line_is_long_and_no_comment_looks_like_a_variable() -> None:
    assert max(map(len, TEMPLATE.splitlines())) <= 120
    assert all(line.startswith(("# ", "#TRAINSPEC_")) for line in TEMPLATE.splitlines() if line)


def test_a_subclass_has_its_own_prefix_and_settings(tmp_path: Path) -> None:
    text = render(Extended)
    assert "#ACME_RANK=1\n" in text and "#ACME_API_KEY=\n" in text and "#ACME_SEED=1\n" in text
    lines = "\n".join(line[1:] for line in text.splitlines() if line.startswith(("#ACME_RANK", "#ACME_LAYERS")))
    assert codes(lines, tmp_path, Extended) == set()
