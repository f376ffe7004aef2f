"""The compose file: valid by the compose specification's shape, closed by default, with no secret in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from trainspec.deployment.compose import as_compose

# The keys of the compose specification that an export uses, and the types of their values.
SERVICE = {
    str: {"image", "restart", "stop_signal", "stop_grace_period", "shm_size"},
    bool: {"init", "read_only"},
    list: {"command", "configs", "secrets", "tmpfs", "cap_drop", "security_opt", "volumes"},
    dict: {"environment", "deploy"},
}


def composed(document: dict[str, Any], **options: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(as_compose(document, options=options))
    return found


@pytest.mark.parametrize("document", [{}, {"push_to_hub": True}, {"run_name": "null"}, {"dataloader_num_workers": 1}])
@pytest.mark.parametrize("options", [{}, {"gpus": "2", "as": "file", "name": "night", "task": "lm"}])
def test_the_service_has_the_shape_of_a_service(document: dict[str, Any], options: dict[str, str]) -> None:
    found = composed(document, **options)
    assert found.keys() <= {"services", "configs", "secrets", "volumes"}
    (service,) = found["services"].values()
    assert all(name in SERVICE[type(value)] for name, value in service.items())
    assert all(type(value) is str for value in service.get("environment", {}).values())
    assert set(service.get("secrets", [])) == set(found.get("secrets", {}))
    assert {item["source"] for item in service.get("configs", [])} == set(found.get("configs", {}))
    assert {item["source"] for item in service.get("volumes", [])} == set(found.get("volumes", {}))


def test_a_secret_is_a_file_to_be_made() -> None:
    text = as_compose({"hub_token": "hf_canary9b3a"}, options={})
    assert "hf_canary" not in text
    found = yaml.safe_load(text)
    assert found["secrets"] == {"hub_token": {"file": "./secrets/hub_token"}}
    environment = found["services"]["trainspec"]["environment"]
    assert environment == {"TRAINSPEC_HUB_TOKEN_FILE": "/run/secrets/hub_token"}
    assert "# Make the files of its secrets" in text


@pytest.mark.parametrize(("place", "volume"), [("runs/a", "/work"), ("/data", "/data"), ("s3://b/c", None)])
def test_what_is_written_outlives_the_container(place: str, volume: str | None) -> None:
    service = composed({"output_dir": place})["services"]["trainspec"]
    assert [item["target"] for item in service.get("volumes", [])] == ([volume] if volume else [])


def test_a_dollar_is_no_variable() -> None:
    environment = composed({"run_name": "$HOME"})["services"]["trainspec"]["environment"]
    assert environment == {"TRAINSPEC_RUN_NAME": "$$HOME"}
