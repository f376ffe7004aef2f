"""One prefix however it is said, and other names of settings: aliases, capitals, text that a validator reads."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from trainspec import TrainingArguments
from trainspec.settings.base import Settings


class Aliased(Settings):
    model_config = SettingsConfigDict(env_prefix="ACME_")

    token: SecretStr | None = Field(None, validation_alias=AliasChoices("HF_KEY", "hf-key"))
    Model: str = "m"
    tags: Annotated[list[str], NoDecode] = Field(default_factory=list)

    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return value.split("|") if isinstance(value, str) else value


ALIASES: dict[str, tuple[str | None, str]] = {
    "as it is": (None, "HF_KEY"),
    "in small letters": (None, "hf_key"),
    "its own name": (None, "ACME_TOKEN"),
    "with the prefix": ("alias", "ACME_HF_KEY"),
    "both with it": ("all", "ACME_HF_KEY"),
    "the name without": ("alias", "TOKEN"),
}


@pytest.mark.parametrize(("target", "variable"), ALIASES.values(), ids=ALIASES)
def test_an_alias_names_a_variable(target, variable, monkeypatch) -> None:
    monkeypatch.setenv(variable, "hf_1")
    made = Aliased(_env_prefix_target=target)
    assert made.token is not None and made.token.get_secret_value() == "hf_1"
    assert made.provenance["token"].source.name == variable


def test_an_alias_names_a_setting_everywhere(tmp_path, monkeypatch) -> None:
    (tmp_path / "HF_KEY").write_text("hf_2")
    made = [Aliased(HF_KEY="hf_2"), Aliased(token="hf_2"), Aliased.from_dict({"HF_KEY": "hf_2"})]
    made += [Aliased.from_yaml("hf-key: hf_2"), Aliased(_secrets_dir=tmp_path)]
    assert [one.token.get_secret_value() for one in made] == ["hf_2"] * 5
    with pytest.raises(ValidationError, match="REN103"):
        Aliased(HF_KEY="a", token="b")
    monkeypatch.setenv("ACME_MODEL", "big")
    monkeypatch.setenv("ACME_TAGS", "a|b")
    assert (Aliased().Model, Aliased().tags) == ("big", ["a", "b"])


class Mixin:
    env_prefix: ClassVar[str] = "MIXED_"


PREFIXES: dict[str, Callable[[], type[Settings]]] = {
    "attribute": lambda: type("One", (TrainingArguments,), {"__module__": __name__, "env_prefix": "P_"}),
    "configuration": lambda: type(
        "One", (TrainingArguments,), {"__module__": __name__, "model_config": SettingsConfigDict(env_prefix="P_")}
    ),
    "argument": lambda: type(TrainingArguments)("One", (TrainingArguments,), {"__module__": __name__}, env_prefix="P_"),
    "mixin": lambda: type("One", (Mixin, TrainingArguments), {"__module__": __name__}),
}


@pytest.mark.parametrize("make", PREFIXES.values(), ids=PREFIXES)
def test_one_prefix_however_it_is_said(make, monkeypatch) -> None:
    made = make()
    prefix = "MIXED_" if issubclass(made, Mixin) else "P_"
    inherited = type("Two", (made,), {"__module__": __name__})
    for one in (made, inherited):
        assert {one.env_prefix, one.model_config["env_prefix"], one.from_dict({}).env_prefix} == {prefix}
    monkeypatch.setenv(f"{prefix}SEED", "7")
    assert (made().seed, inherited().seed, TrainingArguments().seed) == (7, 7, 42)


def test_two_prefixes_are_refused() -> None:
    with pytest.raises(TypeError, match="says env_prefix twice: 'A_' and 'B_'"):
        type(
            "One",
            (TrainingArguments,),
            {"__module__": __name__, "env_prefix": "A_", "model_config": {"env_prefix": "B_"}},
        )
