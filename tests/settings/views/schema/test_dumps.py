"""The schema of mode serialization is that of what settings dump: no old names, no rules, no secrets."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    computed_field,
    field_serializer,
)
from tests.settings.views.schema.judging import takes

from trainspec import Settings, TrainingArguments

CANARY = "hf_canary_7c1"
SAID: list[dict[str, Any]] = [
    {},
    {"hub_token": CANARY, "push_to_hub": True, "hub_model_id": "a/b"},
    {"hub_token": ""},
    {"fsdp": "full_shard auto_wrap", "fsdp_config": {"fsdp_transformer_layer_cls_to_wrap": "Block"}},
    {"deepspeed": {"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}},
    {"report_to": ["azure-ml"], "optim": "adamw_hf", "evaluation_strategy": "epoch"},
    {"optim": "sgd", "optim_args": "momentum=0.9", "lr_scheduler_kwargs": None, "warmup_steps": 0.1},
]


@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
@pytest.mark.parametrize("said", SAID, ids=str)
@pytest.mark.parametrize("options", [{}, {"exclude_unset": True}, {"exclude_defaults": True}], ids=str)
def test_the_schema_of_dumps_takes_what_settings_dump(said: dict[str, Any], options: dict[str, bool]) -> None:
    schema = TrainingArguments.model_json_schema(mode="serialization")
    dumped = TrainingArguments.from_dict(said).model_dump(mode="json", **options)
    jsonschema.validate(dumped, schema, jsonschema.Draft202012Validator)
    assert not takes(schema, {**dumped, "hub_token": CANARY})
    assert not takes(schema, {"evaluation_strategy": "no"}), "an old name is in no dump"


def test_a_secret_is_marked_in_both_modes() -> None:
    for mode in ("validation", "serialization"):
        secret = TrainingArguments.model_json_schema(mode=mode)["properties"]["hub_token"]["anyOf"][0]
        assert secret["writeOnly"] is True and secret["format"] == "password"


class Written(Settings):
    """Dumps some of its fields in ways of its own."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    level: int = 1
    rate: float = 0.5
    hidden: int = Field(0, exclude=True)

    @field_serializer("level")
    def _named(self, level: int) -> str:
        return f"level {level}"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> float:
        """Twice the rate."""
        return 2 * self.rate


def test_what_a_class_dumps_in_ways_of_its_own_is_told_so() -> None:
    schema = Written.model_json_schema(mode="serialization")
    dumped = Written.from_dict({}).model_dump(mode="json")
    assert dumped == {"level": "level 1", "rate": 0.5, "double": 1.0}
    assert takes(schema, dumped) and not takes(schema, {**dumped, "level": 1})
    assert schema["required"] == ["level", "rate", "double"]
    assert schema["properties"]["double"]["readOnly"] is True


def test_no_default_of_an_embedding_app_tells_a_secret() -> None:
    class Keeping(BaseModel):
        train: TrainingArguments = TrainingArguments.from_dict({"hub_token": CANARY, "push_to_hub": True})

    assert CANARY not in json.dumps(Keeping.model_json_schema())
