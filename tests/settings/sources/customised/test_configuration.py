"""What a class's configuration says of settings themselves, and of its mixins, is obeyed or refused with the class."""

import copy
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import TrainingArguments, diagnostics
from trainspec.settings.base import Settings

NOT_KEPT = [
    {"extra": "ignore"},
    {"extra": "allow"},
    {"validate_assignment": False},
    {"strict": True},
    {"str_strip_whitespace": False},
    {"from_attributes": True},
    {"hide_input_in_errors": True},
    {"revalidate_instances": "always"},
    {"revalidate_instances": "subclass-instances"},
    {"validate_by_alias": False, "validate_by_name": True},
    {"populate_by_name": False},
]


@pytest.mark.parametrize("config", NOT_KEPT, ids=str)
def test_an_option_that_settings_cannot_keep_is_refused(config) -> None:
    expected = f"{next(iter(config))}={next(iter(config.values()))!r} cannot be kept: "
    with pytest.raises(TypeError, match=expected):
        type("Configured", (TrainingArguments,), {"__module__": __name__, "model_config": config})
    with pytest.raises(TypeError, match=expected):

        class ByArguments(TrainingArguments, **config):
            pass

    mixin = type("Mixin", (BaseModel,), {"__module__": __name__, "model_config": config})
    for bases in ((mixin, TrainingArguments), (TrainingArguments, mixin)):
        with pytest.raises(TypeError, match=expected):
            type("Mixed", bases, {"__module__": __name__})


USUAL = [
    {"extra": "forbid"},
    {"validate_assignment": True},
    {"strict": False},
    {"str_strip_whitespace": True},
    {"revalidate_instances": "never"},
    {"populate_by_name": True},
    {"title": "Acme"},
    {"use_attribute_docstrings": True},
]


@pytest.mark.parametrize("config", USUAL, ids=str)
def test_what_settings_are_anyway_may_be_said(config) -> None:
    made: Any = type("Configured", (TrainingArguments,), {"__module__": __name__, "model_config": config})
    assert made.from_dict({"seed": 3}).seed == 3


def test_a_mistyped_option_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Configured: neither .* knows the option env_prefx; did you mean env_prefix"):
        type("Configured", (Settings,), {"__module__": __name__, "model_config": {"env_prefx": "ACME_"}})


class Frozen(TrainingArguments, frozen=True):
    rank: int = 8


def test_frozen_settings_stay_as_they_are() -> None:
    made = Frozen.from_dict({"seed": 3, "lr_scheduler_kwargs": {}})
    with pytest.raises(ValidationError, match="seed cannot be assigned: Frozen is frozen") as caught:
        made.seed = 4
    assert [item.fields for item in diagnostics(caught.value)] == [("seed",)]
    with pytest.raises(ValidationError, match="num_train_epochs cannot be assigned"):
        made.set_training(num_epochs=4)
    assert (made.seed, made.replace(seed=5).seed, made.model_copy(update={"seed": 6}).seed) == (3, 5, 6)
    assert {made, copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.replace(seed=3)} == {made}
    pushed = made.replace(push_to_hub=True)
    assert len({made, pushed, pushed.replace(hub_token="hf_one")}) == 2


def test_a_frozen_field_stays_as_it_is() -> None:
    class OneField(Settings):
        kept: int = Field(1, frozen=True)
        free: int = 1

    made = OneField()
    made.free = 2
    with pytest.raises(ValidationError, match="kept cannot be assigned: it is frozen"):
        made.kept = 2
    assert (made.kept, made.free, made.replace(kept=3).kept) == (1, 2, 3)


def test_a_refused_assignment_tells_no_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        Frozen.from_dict({}).hub_token = SecretStr("hf_canary")
    assert "hf_canary" not in f"{caught.value}{caught.value.errors()}"


class Site(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SITE_", env_file="site.env")

    region: str = "here"


class SiteFirst(Site, TrainingArguments):
    pass


class SiteLast(TrainingArguments, Site):
    pass


class OwnPrefix(TrainingArguments, Site, env_prefix="OWN_"):
    pass


class OwnAttribute(TrainingArguments, Site):
    env_prefix = "OWN_"


@pytest.mark.parametrize(
    ("made", "prefix"), [(SiteFirst, "SITE_"), (SiteLast, "SITE_"), (OwnPrefix, "OWN_"), (OwnAttribute, "OWN_")]
)
def test_a_mixin_counts_with_what_its_configuration_says(made, prefix, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.env").write_text(f"{prefix}REGION=there\n")
    monkeypatch.setenv(f"{prefix}SEED", "3")
    monkeypatch.setenv(f"{prefix}LR_SCHEDULER_KWARGS__NUM_CYCLES", "0.5")
    said = made(lr_scheduler_type="cosine").to_dict()
    assert said == {
        "seed": 3,
        "region": "there",
        "lr_scheduler_type": "cosine",
        "lr_scheduler_kwargs": {"num_cycles": 0.5},
    }


def test_basesettings_beside_ours_changes_nothing(monkeypatch) -> None:
    class Both(TrainingArguments, BaseSettings):
        pass

    monkeypatch.setenv("TRAINSPEC_LR_SCHEDULER_KWARGS__NUM_CYCLES", "0.5")
    assert Both(lr_scheduler_type="cosine").lr_scheduler_kwargs == {"num_cycles": 0.5}


@pytest.mark.filterwarnings("ignore:Support for class-based `config`")
def test_the_older_way_to_configure(monkeypatch) -> None:
    class Older(TrainingArguments):
        class Config:
            env_prefix = "OLDER_"

    monkeypatch.setenv("OLDER_SEED", "3")
    assert (Older().seed, Older.env_prefix) == (3, "OLDER_")
    with pytest.raises(TypeError, match="extra='ignore' cannot be kept"):

        class Refused(TrainingArguments):
            class Config:
                extra = "ignore"


def test_a_mixin_that_is_plainly_a_model() -> None:
    class Marked(BaseModel):
        model_config = ConfigDict(frozen=True)

    class Made(Marked, TrainingArguments):
        pass

    with pytest.raises(ValidationError, match="Made is frozen"):
        Made.from_dict({}).seed = 1


@pytest.mark.parametrize("returned", [None, 1, "its first source"])
def test_a_method_that_returns_no_sources_is_named(returned) -> None:
    class Made(TrainingArguments):
        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, **others: Any) -> Any:
            return init_settings if isinstance(returned, str) else returned

    with pytest.raises(TypeError, match=r"Made\.settings_customise_sources must return a tuple of sources, not "):
        Made()
