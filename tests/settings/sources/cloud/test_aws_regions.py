"""AWS's own names for where a secret lies: its region, and versions that cannot be."""

import pytest

from .conftest import CANARY, values

FROM = "TRAINSPEC_SECRETS_FROM"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_of_the_environment(name, judge, secret, monkeypatch) -> None:
    secret("a", {"hub_token": CANARY})
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv(name, "us-east-1")
    assert values(judge({FROM: "aws-sm://a"})) == {"hub_token": CANARY}


def test_a_region_of_the_address_and_of_sdks_come_first(judge, secret, monkeypatch) -> None:
    secret("a", {"hub_token": CANARY})
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert [item.code for item in judge({FROM: "aws-sm://a"}).errors] == ["SRC120"]
    assert values(judge({FROM: "aws-sm://a?region=us-east-1"})) == {"hub_token": CANARY}


def test_a_version_that_cannot_exist(judge, secret) -> None:
    secret("a", {"hub_token": CANARY})
    (found,) = judge({FROM: "aws-sm://a?version=nope"}).errors
    assert found.code == "SRC125" and "version" in found.message and CANARY not in found.render()


def test_no_region(judge, credentials, monkeypatch) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    (found,) = judge({FROM: "aws-sm://a"}).diagnostics
    assert found.code == "SRC125" and "?region=" in found.remedy
