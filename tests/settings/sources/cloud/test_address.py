"""Addresses of secret managers: what each says, and one finding with what to write for each that cannot be used."""

from __future__ import annotations

import pytest

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.address import Address, addresses_in

from .conftest import CANARY

HERE = Source(SourceKind.ENVIRONMENT, "TRAINSPEC_SECRETS_FROM")
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:train/prod-AbCdEf"

GOOD = {
    "name": ("aws-sm://train/prod", [Address("aws-sm", "train/prod")]),
    "ARN": (f"aws-sm://{ARN}", [Address("aws-sm", ARN)]),
    "scheme in any case": ("AWS-SM://a", [Address("aws-sm", "a")]),
    "encoded": ("aws-sm://a%2Fb", [Address("aws-sm", "a/b")]),
    "path": ("aws-ssm://train/prod", [Address("aws-ssm", "train/prod")]),
    "path from the root": ("aws-ssm:///train/prod/", [Address("aws-ssm", "train/prod")]),
    "project": ("gcp-sm://my-project-1", [Address("gcp-sm", "my-project-1")]),
    "project by number": ("gcp-sm://123456", [Address("gcp-sm", "123456")]),
    "vault": ("azure-kv://my-vault", [Address("azure-kv", "my-vault")]),
    "vault of another cloud": ("azure-kv://v1.vault.azure.cn", [Address("azure-kv", "v1.vault.azure.cn")]),
    "fields": ("aws-sm://a?fields=b,c", [Address("aws-sm", "a", ("b", "c"))]),
    "fields, blanks, one twice": ("aws-sm://a?fields=b,%20c,b", [Address("aws-sm", "a", ("b", "c"))]),
    "parameters": (
        "aws-sm://a?region=eu-west-1&version=1-2&stage=AWSPREVIOUS&timeout=10&endpoint=http://127.0.0.1:80",
        [
            Address(
                "aws-sm",
                "a",
                (),
                {
                    "region": "eu-west-1",
                    "version": "1-2",
                    "stage": "AWSPREVIOUS",
                    "timeout": "10",
                    "endpoint": "http://127.0.0.1:80",
                },
            )
        ],
    ),
    "several": (
        "aws-sm://a?fields=b,c, gcp-sm://d ,azure-kv://my-vault?prefix=e-",
        [
            Address("aws-sm", "a", ("b", "c")),
            Address("gcp-sm", "d"),
            Address("azure-kv", "my-vault", (), {"prefix": "e-"}),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD)
def test_an_address_says(text: str, expected: list[Address]) -> None:
    assert addresses_in(text, HERE) == (expected, [])


BAD = {
    "nothing of the kind": ("train/prod", "is no address", "aws-sm://train/prod"),
    "misspelled scheme": ("asw-sm://a", "asw-sm://", "did you mean aws-sm://?"),
    "another scheme": ("https://a.example", "https://", "one of aws-sm://"),
    "one slash": ("aws-sm:/a", "is no address", "aws-sm://train/prod"),
    "no name": ("aws-sm://", "does not name a secret of AWS", "aws-sm://train/prod"),
    "no path": ("aws-ssm:///", "does not name a path", "aws-ssm://train/prod"),
    "blank in it": ("aws-sm://a b", "aws-sm://a b does not name", "aws-sm://train/prod"),
    "a second name": ("aws-sm://a,b", "aws-sm://a,b does not name", "aws-sm://train/prod"),
    "a secret in a project": ("gcp-sm://a/b", "gcp-sm://a/b does not name", "gcp-sm://my-project"),
    "underscore in a vault": ("azure-kv://my_vault", "does not name a vault", "azure-kv://my-vault"),
    "misspelled parameter": ("aws-sm://a?regoin=b", "takes no parameter regoin", "did you mean region?"),
    "parameter of another service": ("azure-kv://my-vault?region=b", "no parameter region", "it takes fields"),
    "parameter twice": ("aws-sm://a?region=b&region=c", "region of aws-sm:// stands twice", "keep one"),
    "empty parameter": ("aws-sm://a?region=", "the parameter region", "region="),
    "no number": ("aws-sm://a?timeout=soon", "the parameter timeout", "timeout=10"),
    "for ever": ("aws-sm://a?timeout=999", "the parameter timeout", "at most 60"),
    "no time": ("aws-sm://a?timeout=0", "the parameter timeout", "at most 60"),
    "endpoint with a path": ("aws-sm://a?endpoint=https://b/c", "the parameter endpoint", "without a path"),
    "fields that are no names": ("aws-sm://a?fields=b-c", "the parameter fields", "fields=hub_token,learning_rate"),
}


@pytest.mark.parametrize(("text", "message", "remedy"), BAD.values(), ids=BAD)
def test_what_is_no_address_is_one_finding(text: str, message: str, remedy: str) -> None:
    addresses, (found,) = addresses_in(text, HERE)
    assert addresses == []
    assert (found.code, found.severity, found.source) == ("SRC125", "error", HERE)
    assert message in found.message and remedy in found.remedy


def test_good_addresses_beside_bad_ones_are_kept() -> None:
    addresses, found = addresses_in("aws-sm://a,nope://b,gcp-sm://c,aws-sm://d?x=1", HERE)
    assert addresses == [Address("aws-sm", "a"), Address("gcp-sm", "c")]
    assert [item.code for item in found] == ["SRC125", "SRC125"]


SLIPS = {
    "the secret itself": CANARY,
    "as a password": f"aws-sm://user:{CANARY}@host/a b",
    "in another URL": f"https://user:{CANARY}@host/path",
    "in an unknown parameter": f"aws-sm://a?token={CANARY}",
    "in a parameter of another form": f"aws-sm://a?timeout={CANARY}",
}


@pytest.mark.parametrize("text", SLIPS.values(), ids=SLIPS)
def test_a_secret_in_the_place_of_an_address_is_not_shown(text: str) -> None:
    _, (found,) = addresses_in(text, HERE)
    assert CANARY not in found.render() + str(found.to_dict())
