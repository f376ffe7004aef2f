"""Which variables leave the environment once a run and its task have read them."""

import json

import pytest
from pydantic import BaseModel, SecretStr

from trainspec.settings.values.shape import shape_of
from trainspec.tasks.forgetting import forget_secrets


class Service(BaseModel):
    url: str = ""
    pin: SecretStr | None = None


class Mine(BaseModel):
    """Settings of a task, of which one is declared as a secret and the others only named like one."""

    width: int = 1
    pin: SecretStr | None = None
    signing_key: str = ""
    headers: dict[str, str] = {}
    service: Service = Service()
    key_size: int = 1


GONE = {
    "TRAINSPEC_HUB_TOKEN": "x",
    "TRAINSPEC_PUSH_TO_HUB_TOKEN": "x",
    "TRAINSPEC_TASK__PIN": "1234",
    "TRAINSPEC_TASK__SIGNING_KEY": "x",
    "trainspec_task__signing_key": "x",
    "TRAINSPEC_TASK__SERVICE__PIN": "1234",
    "TRAINSPEC_TASK__SERVICE": json.dumps({"url": "u", "pin": "1234"}),
    "TRAINSPEC_TASK__HEADERS__AUTH_TOKEN": "x",
    "TRAINSPEC_TASK__HEADERS__CLIENT_SECRET": "x",
    "TRAINSPEC_TASK__HEADERS__PASSWORD": "x",
    "TRAINSPEC_TASK__HEADERS": json.dumps({"Accept": "a", "X-API-Key": "x"}),
    "TRAINSPEC_TASK": json.dumps({"width": 8}),
    "TRAINSPEC_RUN_NAME": "hf_AbCdEfGhIjKlMnOpQrStUvWxYz12345678",
    "TRAINSPEC_OUTPUT_DIR": "s3://key:secret@bucket/x",
}
LEFT = {
    "TRAINSPEC_SEED": "7",
    "TRAINSPEC_OUTPUT_DIR": "s3://bucket/x",
    "TRAINSPEC_HUB_TOKEN_FILE": "/run/secrets/hub_token",
    "TRAINSPEC_TASK__WIDTH": "8",
    "TRAINSPEC_TASK__KEY_SIZE": "8",
    "TRAINSPEC_TASK__HEADERS": json.dumps({"Accept": "a key"}),
    "TRAINSPEC_FSDP_CONFIG": json.dumps({"min_num_params": 1}),
    "WANDB_API_KEY": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
}


@pytest.mark.parametrize("name", GONE)
def test_a_secret_goes(name: str) -> None:
    environ = {name: GONE[name], "PATH": "/bin"}
    forget_secrets(shape_of(Mine), environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("name", LEFT)
def test_all_else_stays(name: str) -> None:
    environ = {name: LEFT[name]}
    forget_secrets(shape_of(Mine), environ)
    assert environ == {name: LEFT[name]}
