"""The file to begin with says what it lists, and each setting under its description."""

from tests.answers.conftest import as_json, settings_of

from trainspec import TrainingArguments
from trainspec.answers.init import BEGINNING, beginning


def test_the_text_says_the_settings() -> None:
    answer = as_json(beginning())
    one = settings_of(answer["text"])
    assert one.settings is not None and one.diagnostics == []
    assert answer["settings"] == {name: value for under in BEGINNING.values() for name, value in under.items()}
    assert one.settings.to_dict() == answer["settings"]


def test_each_stands_under_its_description() -> None:
    text = beginning().text.replace("\n# ", " ")
    for name in beginning().settings:
        assert f"{TrainingArguments.model_fields[name].description}\n{name}: " in text
