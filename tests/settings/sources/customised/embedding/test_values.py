"""Values as real configurations hold them, inside somebody's app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, YamlConfigSettingsSource

from trainspec import SettingsWarning, TrainingArguments

pytestmark = pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")


class App(BaseSettings):
    """An app with a file and variables."""

    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__", yaml_file="conf/app.yaml")
    train: TrainingArguments = Field(default_factory=TrainingArguments)

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> tuple[Any, ...]:
        return sources["init_settings"], sources["env_settings"], YamlConfigSettingsSource(settings_cls)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    return tmp_path


def test_whole_floats_and_json_are_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__LOGGING_STEPS", "10.0")
    monkeypatch.setenv("APP_TRAIN__ACCELERATOR_CONFIG", '{"split_batches": true}')
    (here / "conf/app.yaml").write_text(
        "train:\n  save_steps: 500.0\n  optim: sgd\n  optim_args: '{\"momentum\": 0.9}'\n"
    )
    train = App().train
    assert (train.logging_steps, train.save_steps) == (10, 500)
    assert train.accelerator_config.split_batches is True
    assert train.optim_args == {"momentum": 0.9}


def test_a_file_is_looked_for_beside_the_apps_own(here: Path) -> None:
    (here / "conf/app.yaml").write_text("train:\n  deepspeed: ds.json\n")
    (here / "conf/ds.json").write_text('{"zero_optimization": {"stage": 2}}')
    assert App().train.deepspeed.zero_optimization.stage == 2


def test_odd_texts_are_warned_of_and_broken_json_is_not_shown(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__OUTPUT_DIR", "$OUT")
    with pytest.warns(SettingsWarning, match="VAL201") as told:
        App()
    (warning,) = [item.message for item in told if "VAL201" in str(item.message)]
    assert "APP_TRAIN__OUTPUT_DIR (environment)" in str(warning)
    monkeypatch.setenv("APP_TRAIN__LR_SCHEDULER_KWARGS", '{"power": 2')
    with pytest.raises(ValidationError, match="VAL106"):
        App()
