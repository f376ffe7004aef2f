"""The secret managers by the scheme of their addresses: how names are written there, what reads them, what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.address import Address
from trainspec.settings.sources.cloud.asking import Reader


@dataclass(frozen=True, slots=True)
class Service:
    """`whole`: one call gives all that is there, known and unknown names alike. `named`: a field's name there."""

    reader: Callable[[], Reader]
    package: str
    whole: bool = False
    named: Callable[[Address, str], str] = lambda address, field: f"{address.get('prefix') or ''}{field}"


def _aws_secrets() -> Reader:
    from trainspec.settings.sources.cloud import amazon

    amazon.prepare()
    return amazon.read_secret


def _aws_parameters() -> Reader:
    from trainspec.settings.sources.cloud import amazon

    amazon.prepare()
    return amazon.read_parameters


def _google() -> Reader:
    from trainspec.settings.sources.cloud import google_cloud

    google_cloud.prepare()
    return google_cloud.read_secrets


def _azure() -> Reader:
    from trainspec.settings.sources.cloud import azure_vault

    azure_vault.prepare()
    return azure_vault.read_vault


def _with_dashes(address: Address, field: str) -> str:
    """Names in a vault have letters, digits and dashes."""
    return f"{address.get('prefix') or ''}{field}".replace("_", "-")


SERVICES = {
    "aws-sm": Service(_aws_secrets, "boto3", whole=True),
    "aws-ssm": Service(_aws_parameters, "boto3"),
    "gcp-sm": Service(_google, "google-cloud-secret-manager"),
    "azure-kv": Service(_azure, "azure-keyvault-secrets and azure-identity", named=_with_dashes),
}


def missing_package(address: Address, fields: tuple[str, ...]) -> Diagnostic:
    """The finding that what reads a service is not installed."""
    code, package = CODES["SRC111"], SERVICES[address.scheme].package
    source = Source(SourceKind.FOREIGN, address.shown)
    message = f"{address.shown} needs {package}, which cannot be imported"
    remedy = f"pip install 'trainspec[{address.extra}]'"
    evidence = tuple(Evidence(field, None, source) for field in fields)
    return Diagnostic("SRC111", code.name, "error", message, code.reason, remedy, evidence)
