"""Settings as a field of an app's BaseSettings: text of the app's variables is read as ours, and named as the app's."""

from typing import Any

import pydantic_settings
import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import Settings, TrainingArguments, diagnostics, load
from trainspec.settings.diagnostics import Diagnostic

CANARY = "canary-of-an-app"


class App(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    train: TrainingArguments = Field(default_factory=TrainingArguments)


class Job(BaseModel):
    train: TrainingArguments


class Deep(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    job: Job


class Several(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    one: TrainingArguments = Field(default_factory=TrainingArguments)
    other: TrainingArguments | None = None
    jobs: list[TrainingArguments] = []
    named: dict[str, TrainingArguments] = {}


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:
    def say(**variables: str) -> None:
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return say


def found_by(app: Any, **arguments: Any) -> list[Diagnostic]:
    with pytest.raises(ValidationError) as caught:
        app(**arguments)
    assert CANARY not in f"{caught.value}{caught.value.errors()}"
    return diagnostics(caught.value)


TEXTS: dict[str, tuple[str, str, Any]] = {
    "number": ("LEARNING_RATE", "1e-3", 0.001),
    "integer": ("SEED", "7", 7),
    "boolean": ("BF16", "yes", True),
    "choice": ("LR_SCHEDULER_TYPE", "cosine", "cosine"),
    "list by commas": ("REPORT_TO", "jsonl,plot", ["jsonl", "plot"]),
    "list as JSON": ("REPORT_TO", '["jsonl", "plot"]', ["jsonl", "plot"]),
    "number that is text": ("RUN_NAME", "7", "7"),
    "null": ("SAVE_TOTAL_LIMIT", "null", None),
    "mapping as JSON": ("LR_SCHEDULER_KWARGS", '{"power": 2.0}', {"power": 2.0}),
}


@pytest.mark.parametrize("case", TEXTS)
@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_text_is_read_as_ours_is(case: str, say: Any) -> None:
    name, text, value = TEXTS[case]
    also = {"APP_TRAIN__LR_SCHEDULER_TYPE": "polynomial"} if name == "LR_SCHEDULER_KWARGS" else {}
    say(**{f"APP_TRAIN__{name}": text}, **also)
    train = App().train
    assert train.to_dict()[name.lower()] == value
    assert train.provenance[name.lower()].source.name == f"APP_TRAIN__{name}"
    say(**{f"TRAINSPEC_{name}": text}, **{key.replace("APP_TRAIN_", "TRAINSPEC"): text for key, text in also.items()})
    assert TrainingArguments() == train


@pytest.mark.skipif(not hasattr(pydantic_settings, "NoDecode"), reason="before 2.7 such a list is JSON alone")
@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_a_list_that_is_nothing_else(say: Any) -> None:
    say(APP_TRAIN__INCLUDE_FOR_METRICS="inputs,loss")
    assert App().train.to_dict() == {"include_for_metrics": ["inputs", "loss"]}


def test_keys_of_sections(say: Any) -> None:
    say(APP_TRAIN__FSDP="full_shard auto_wrap", APP_TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS="100")
    train = App().train
    assert train.fsdp_config.min_num_params == 100
    entry = train.provenance["fsdp_config.min_num_params"]
    assert str(entry) == "100  (APP_TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS (environment))"


def test_secrets_by_value_and_by_file(say: Any, tmp_path: Any) -> None:
    (tmp_path / "token").write_text(f"{CANARY}\n")
    for variables in ({"TOKEN": CANARY}, {"TOKEN_FILE": str(tmp_path / "token")}):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("APP_TRAIN__PUSH_TO_HUB", "true")
            for name, text in variables.items():
                patch.setenv(f"APP_TRAIN__HUB_{name}", text)
            app = App()
        assert app.train.hub_token.get_secret_value() == CANARY
        assert CANARY not in f"{app!r}{app.model_dump_json()}{app.train.provenance['hub_token']}"


def test_any_depth(say: Any) -> None:
    say(APP_JOB__TRAIN__SEED="7", APP_JOB='{"train": {"learning_rate": 0.5, "seed": 3}}')
    train = Deep().job.train
    assert (train.seed, train.learning_rate) == (7, 0.5)
    assert str(train.provenance["seed"]) == "7  (APP_JOB__TRAIN__SEED (environment), over 3 from APP_JOB (environment))"
    assert train.provenance["learning_rate"].source.name == "APP_JOB"


def test_a_typo_is_named_with_the_nearest_of_the_apps_names(say: Any) -> None:
    say(APP_TRAIN__LERNING_RATE="1e-3", APP_TRAIN__SEED="x")
    typo, seed = found_by(App)
    assert (typo.code, typo.message) == ("SRC101", "APP_TRAIN__LERNING_RATE matches no setting")
    assert typo.remedy == "did you mean APP_TRAIN__LEARNING_RATE?"
    assert (seed.code, str(seed.source)) == ("VAL101", "APP_TRAIN__SEED (environment)")


def test_a_typo_at_depth(say: Any) -> None:
    say(APP_JOB__TRAIN__SEDE="7")
    (typo,) = found_by(Deep)
    assert typo.remedy == "did you mean APP_JOB__TRAIN__SEED?"


def test_where_settings_are_found_is_the_apps_business(say: Any) -> None:
    say(APP_TRAIN__CONFIG="run.yaml")
    assert [item.code for item in found_by(App)] == ["SRC101"]


def test_an_empty_variable_says_nothing(say: Any) -> None:
    say(APP_TRAIN__SEED=" ", APP_TRAIN__RUN_NAME="")
    assert App().train.to_dict() == {}


JSON: dict[str, tuple[str, str]] = {
    "text for a number": ('{"learning_rate": "1e-3"}', "VAL101"),
    "unknown key": ('{"lerning_rate": 1e-3}', "SRC102"),
    "a key twice": ('{"seed": 1, "seed": 2}', "SRC104"),
    "no number": ('{"learning_rate": NaN}', "SRC107"),
}


@pytest.mark.parametrize("case", JSON)
def test_json_in_a_variable_is_a_document(case: str, say: Any) -> None:
    text, code = JSON[case]
    say(APP_TRAIN=text)
    (item,) = found_by(App)
    assert (item.code, str(item.source)) == (code, "APP_TRAIN (environment)")


def test_json_with_variables_over_it(say: Any) -> None:
    say(APP_TRAIN='{"learning_rate": 1e-3, "seed": 3}', APP_TRAIN__SEED="7")
    train = App().train
    assert (train.learning_rate, train.seed) == (0.001, 7)
    assert train.provenance["learning_rate"].source.name == "APP_TRAIN"


def test_a_value_given_in_python_is_judged_as_one(say: Any) -> None:
    say(APP_TRAIN__SEED="7", APP_TRAIN__LEARNING_RATE="2e-3")
    (item,) = found_by(App, train={"learning_rate": "1e-3"})
    assert (item.code, str(item.source)) == ("VAL101", "App(train=...) (constructor)")
    entry = App(train={"learning_rate": 1e-3}).train.provenance["learning_rate"]
    assert str(entry) == "0.001  (App(train=...) (constructor), over 0.002 from APP_TRAIN__LEARNING_RATE (environment))"


def test_two_in_one_app(say: Any) -> None:
    say(APP_ONE__SEED="7", APP_OTHER__SEED="7")
    app = Several()
    assert app.other is not None and app.one == app.other
    assert app.one.provenance["seed"].source.name == "APP_ONE__SEED"
    assert app.other.provenance["seed"].source.name == "APP_OTHER__SEED"


def test_lists_and_mappings(say: Any) -> None:
    say(APP_JOBS='[{"seed": 1}, {"seed": 1}]', APP_NAMED__A__SEED="2", APP_NAMED__B__BF16="on")
    app = Several()
    assert [job.seed for job in app.jobs] == [1, 1] and app.jobs[1].provenance["seed"].source.name == "APP_JOBS"
    assert app.named["a"].seed == 2 and app.named["b"].bf16 is True
    say(APP_JOBS='[{"seed": 1}, {"seed": "2"}]')
    with pytest.raises(ValidationError) as caught:
        Several()
    assert caught.value.errors()[0]["loc"] == ("jobs", 1, "seed")


def test_null_for_an_optional_one(say: Any) -> None:
    say(APP_OTHER="null")
    assert Several().other is None


class Rival(BaseModel):
    width: int


class Either(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    what: TrainingArguments | Rival


def test_unions(say: Any) -> None:
    say(APP_WHAT__SEED="7")
    what = Either().what
    assert isinstance(what, TrainingArguments) and what.seed == 7
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("APP_WHAT__SEED", raising=False)
        patch.setenv("APP_WHAT__WIDTH", "7")
        assert Either().what == Rival(width=7)


class Part(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PART_")

    train: TrainingArguments


class Whole(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    part: Part


def test_an_app_inside_an_app(say: Any) -> None:
    say(APP_PART__TRAIN__SEED="7", PART_TRAIN='{"seed": 8, "learning_rate": 0.5}')
    train = Whole().part.train
    assert (train.seed, train.learning_rate) == (7, 0.5)
    names = "APP_PART__TRAIN__SEED (environment), over 8 from PART_TRAIN (environment)"
    assert str(train.provenance["seed"]) == f"7  ({names})"


class Ours(Settings):
    env_prefix = "OURS_"

    train: TrainingArguments = Field(default_factory=TrainingArguments)


def test_settings_inside_settings(say: Any) -> None:
    say(OURS_TRAIN__SEED="7", OURS_TRAIN__LEARNING_RATE="1e-3")
    train = Ours(train={"seed": 8}).train
    assert (train.seed, train.learning_rate) == (8, 0.001)
    assert train.provenance["learning_rate"].source.name == "OURS_TRAIN__LEARNING_RATE"
    say(OURS_TRAIN__SEDE="7", OURS_TRAIN__BF16="1", OURS_TRAIN__FP16="1")
    typo, broken = found_by(Ours)
    assert (typo.code, typo.fields, typo.source.name) == ("SRC102", ("train.sede",), "OURS_TRAIN__SEDE")
    assert (broken.code, broken.fields) == ("PRE101", ("train.bf16", "train.fp16"))
    assert "train.bf16 and train.fp16 exclude each other" in broken.message


def test_a_context_of_somebody_elses(say: Any) -> None:
    assert Job.model_validate({"train": {"seed": 3}}, context={"values": 1}).train.seed == 3


# What the environment of our own says.


class Asking(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    train: TrainingArguments = Field(default_factory=load)


class Subclass(TrainingArguments):
    inner: TrainingArguments = Field(default_factory=TrainingArguments)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class WithDefault(BaseModel):
    train: Subclass = Field(default_factory=Subclass)


def test_nothing_of_ours_is_read_for_what_lies_inside(say: Any) -> None:
    say(TRAINSPEC_SEED="7", TRAINSPEC_NONSENSE="1")
    assert App().train.seed == 42
    assert WithDefault().train.seed == WithDefault.model_validate({}).train.seed == 42
    say(APP_TRAIN__LEARNING_RATE="1e-3")
    assert App().train.seed == 42
    assert Subclass.from_dict({}).inner.seed == 42


def test_unless_it_is_asked_for(say: Any) -> None:
    say(TRAINSPEC_SEED="7")
    assert Asking().train.seed == 7
    assert TrainingArguments().seed == Subclass().seed == 7 and Subclass().inner.seed == 42
