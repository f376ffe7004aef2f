"""Addresses of secret managers: aws-sm://name, aws-ssm://path, gcp-sm://project, azure-kv://vault, with parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source
from trainspec.text.redaction import printable, redact_whole_url, shortened
from trainspec.text.suggestions import did_you_mean

LONGEST_TIMEOUT = 60.0
_BEGINS = re.compile(r",\s*(?=[A-Za-z][\w+.-]*://)")
_SCHEME = re.compile(r"([A-Za-z][\w+.-]*)://(.*)", re.DOTALL)
_ALWAYS = ("fields", "timeout")
_ENDPOINT = re.compile(r"https?://[\w.:\[\]-]+/?")


@dataclass(frozen=True, slots=True)
class Scheme:
    """What an address of this kind names, how that may be written, and which parameters it takes."""

    what: str
    example: str
    name: re.Pattern[str]
    parameters: tuple[str, ...]
    extra: str


SCHEMES = {
    "aws-sm": Scheme(
        "a secret of AWS Secrets Manager, by name or ARN",
        "aws-sm://train/prod",
        re.compile(r"[\w/+=.@!-]{1,512}|arn:[\w-]+:secretsmanager:[\w-]+:\d+:secret:[\w/+=.@!-]+", re.ASCII),
        ("region", "version", "stage", "endpoint"),
        "aws",
    ),
    "aws-ssm": Scheme(
        "a path of AWS Systems Manager's Parameter Store",
        "aws-ssm://train/prod",
        re.compile(r"/?(?:[\w.-]+/)*[\w.-]*/?", re.ASCII),
        ("region", "version", "endpoint"),
        "aws",
    ),
    "gcp-sm": Scheme(
        "a project of Google Cloud, by ID or number",
        "gcp-sm://my-project",
        re.compile(r"[A-Za-z0-9][\w.:-]*", re.ASCII),
        ("prefix", "region", "version", "endpoint"),
        "gcp",
    ),
    "azure-kv": Scheme(
        "a vault of Azure Key Vault, by name or host",
        "azure-kv://my-vault",
        re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,23}(?:\.[A-Za-z0-9.-]+)?", re.ASCII),
        ("prefix", "version"),
        "azure",
    ),
}
_FORMS = {
    "fields": re.compile(r"\w+(?:\s*,\s*\w+)*"),
    "timeout": re.compile(r"\d{1,3}(?:\.\d+)?"),
    "region": re.compile(r"[a-z0-9-]+"),
    "prefix": re.compile(r"[\w-]+"),
    "version": re.compile(r"[\w-]+"),
    "stage": re.compile(r"[\w+=,.@/-]+"),
    "endpoint": _ENDPOINT,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where secrets are: the kind of service, what it calls them, and the parameters after the question mark."""

    scheme: str
    name: str
    fields: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{self.name}"

    @property
    def timeout(self) -> float | None:
        text = self.parameters.get("timeout")
        return float(text) if text is not None else None

    @property
    def extra(self) -> str:
        return SCHEMES[self.scheme].extra

    def get(self, parameter: str) -> str | None:
        return self.parameters.get(parameter)


class BadAddress(Exception):
    """An address that cannot be used: what is wrong with it, and what to write. No secret is in either."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def addresses_in(text: str, place: Source) -> tuple[list[Address], list[Diagnostic]]:
    """The addresses of a text with commas between them, and what is wrong with those that cannot be used."""
    found: list[Address] = []
    wrong: list[Diagnostic] = []
    for part in _BEGINS.split(text):
        try:
            found.append(_address(part.strip()))
        except BadAddress as error:
            wrong.append(bad_address(error.message, error.remedy, place))
    return found, wrong


def bad_address(message: str, remedy: str, place: Source, name: str = "secrets_from") -> Diagnostic:
    """The finding about an address, at the variable that it stands in."""
    code = CODES["SRC125"]
    message, remedy = (shortened(printable(text), 400) for text in (message, remedy))
    return Diagnostic("SRC125", code.name, "error", message, code.reason, remedy, (Evidence(name, None, place),))


def _address(text: str) -> Address:
    found = _SCHEME.fullmatch(text)
    if found is None:
        # By a slip it is the secret itself, and never shown.
        examples = ", ".join(scheme.example for scheme in SCHEMES.values())
        raise BadAddress("what names the secret managers is no address", f"write one such as {examples}")
    scheme, rest = found[1].lower(), found[2]
    if scheme not in SCHEMES:
        known = [f"{name}://" for name in SCHEMES]
        remedy = did_you_mean(f"{scheme}://", known) or f"one of {', '.join(known)}"
        raise BadAddress(f"{found[1]}:// is no secret manager that is known here", remedy)
    kind = SCHEMES[scheme]
    written, _, query = rest.partition("?")
    name = unquote(written).strip()
    if scheme == "aws-ssm":
        name = name.strip("/")
    if not kind.name.fullmatch(name) or not name:
        told = redact_whole_url(f"{scheme}://{shortened(name, 100)}")
        raise BadAddress(f"{told} does not name {kind.what}", f"write it as {kind.example}")
    parameters = dict(_parameters(scheme, kind, query))
    fields = tuple(dict.fromkeys(one.strip() for one in parameters.pop("fields", "").split(",") if one.strip()))
    return Address(scheme, name, fields, parameters)


def _parameters(scheme: str, kind: Scheme, query: str) -> Iterator[tuple[str, str]]:
    known = (*_ALWAYS, *kind.parameters)
    seen: set[str] = set()
    for pair in filter(None, query.split("&")):
        written, _, text = pair.partition("=")
        name, value = unquote(written).strip(), unquote(text).strip()
        if name not in known:
            remedy = did_you_mean(name, known) or f"it takes {', '.join(known)}"
            raise BadAddress(f"{scheme}:// takes no parameter {shortened(name, 40)}", remedy)
        if name in seen:
            raise BadAddress(f"the parameter {name} of {scheme}:// stands twice", "keep one")
        seen.add(name)
        _check(name, value)
        yield name, value


def _check(name: str, value: str) -> None:
    if not _FORMS[name].fullmatch(value) or (name == "timeout" and not 0 < float(value) <= LONGEST_TIMEOUT):
        forms = {
            "fields": "names of settings: fields=hub_token,learning_rate",
            "timeout": f"seconds, at most {LONGEST_TIMEOUT:g}: timeout=10",
            "endpoint": "a URL without a path: endpoint=https://host:port",
        }
        raise BadAddress(f"the parameter {name} does not read as what it should be", forms.get(name, f"write {name}=…"))


def known_fields(
    address: Address, is_known: Callable[[str], bool], names: list[str], place: Source
) -> tuple[tuple[str, ...], list[Diagnostic]]:
    """The fields that an address asks for and the model has, and a finding for each other."""
    wrong = []
    for one in address.fields:
        if not is_known(one):
            remedy = did_you_mean(one, names) or "name settings"
            wrong.append(bad_address(f"{address.shown} is asked for {one}, which is no setting", remedy, place, one))
    return tuple(one for one in address.fields if is_known(one)), wrong
