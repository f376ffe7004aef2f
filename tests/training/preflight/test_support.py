"""Every one of the 118 settings is either acted on or refused; none is passed over in silence."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Make

import trainspec.training
from trainspec import TrainingArguments
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.preflight.support import NOT_DRIVEN, RETIRED, WITHOUT_EFFECT_YET

SOURCE = Path(trainspec.training.__file__).parent
# Read under another name: what follows from the settings, rather than what they hold.
READ_AS = {
    "use_cpu": "device",
    "local_rank": "device",
    "log_on_each_node": "args.should_log",
    "eval_steps": "Cadence.of(args",
    "save_steps": "Cadence.of(args",
    "save_strategy": "Cadence.of(args",
    "logging_steps": "Cadence.of(args",
    "logging_strategy": "Cadence.of(args",
    "logging_first_step": "Cadence.of(args",
    "eval_delay": "Cadence.of(args",
}

# A value for each that asks for what is not driven, and what else the settings' rules want with it.
ASKED: dict[str, dict[str, Any]] = {
    "parallelism_config": {"parallelism_config": {"tp_size": 2}},
}

IDLE: dict[str, Any] = {
    "ddp_backend": "gloo",
    "ddp_find_unused_parameters": False,
    "ddp_bucket_cap_mb": 25,
    "ddp_broadcast_buffers": True,
    "ddp_static_graph": True,
    "ddp_timeout": 7200,
    "average_tokens_across_devices": False,
}


def _is_read(name: str, source: str) -> bool:
    return re.search(rf"\bargs\.{name}\b", source) is not None


def test_every_setting_is_acted_on_or_refused() -> None:
    files = [path for path in SOURCE.rglob("*.py") if path.name != "support.py"]
    source = "\n".join(path.read_text() for path in files)
    refused = {name for gap in NOT_DRIVEN for name in (gap.field, *gap.details)}
    known = refused | set(WITHOUT_EFFECT_YET) | set(RETIRED)
    lost = [
        name
        for name in TrainingArguments.__pydantic_fields__
        if name not in known and not _is_read(name, source) and READ_AS.get(name, "?") not in source
    ]
    assert len(TrainingArguments.__pydantic_fields__) == 128
    assert not lost, "neither read in training nor refused"
    assert known <= set(TrainingArguments.__pydantic_fields__), "the tables name settings that there are"
    assert all(READ_AS[name] != "device" or "args.device" in source for name in READ_AS)


def test_the_tables_of_this_test_cover_those_of_the_source() -> None:
    assert set(ASKED) == {gap.field for gap in NOT_DRIVEN}
    assert IDLE.keys() == WITHOUT_EFFECT_YET.keys()


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("field", ASKED)
def test_what_is_not_driven_is_refused_before_anything_is_written(
    make_trainer: Make, tmp_path: Path, field: str
) -> None:
    trainer = make_trainer(**ASKED[field])
    with pytest.raises(PreflightError) as caught:
        trainer.train()
    named = {name for item in caught.value.diagnostics if item.code == "RUN101" for name in item.fields}
    assert field in named
    assert not trainer.model.seen and not (tmp_path / "out").exists()


def test_the_defaults_are_driven(make_trainer: Make) -> None:
    assert make_trainer().preflight() == []
    assert {gap.field for gap in NOT_DRIVEN if gap.is_asked_for(TrainingArguments())} == set()


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("field", IDLE)
def test_what_is_idle_in_one_process_is_noted_and_the_run_goes_on(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    trainer = make_trainer(**{field: IDLE[field]}, max_steps=1)
    trainer.train()
    assert trainer.state.global_step == 1
    assert "RUN102" in caplog.text and field in caplog.text
