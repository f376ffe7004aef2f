"""Every setting is acted on; none is passed over in silence."""

import re
from pathlib import Path

from tests.training.small_job import Make

import trainspec.training
from trainspec import TrainingArguments

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

# By contract accepted for the sake of old configurations; the settings themselves warn of it.
RETIRED = {"use_mps_device"}


def _is_read(name: str, source: str) -> bool:
    return re.search(rf"\b_?args\.{name}\b", source) is not None


def test_every_setting_is_acted_on() -> None:
    source = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    lost = [
        name
        for name in TrainingArguments.__pydantic_fields__
        if name not in RETIRED and not _is_read(name, source) and READ_AS.get(name, "?") not in source
    ]
    assert len(TrainingArguments.__pydantic_fields__) >= 134
    assert not lost, "read nowhere in training"
    assert all(READ_AS[name] != "device" or "args.device" in source for name in READ_AS)


def test_the_defaults_are_driven(make_trainer: Make) -> None:
    assert make_trainer().preflight() == []
