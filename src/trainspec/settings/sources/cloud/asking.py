"""One service asked once: in its own thread, with a time limit, in silence; one finding if it gives nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.address import Address, BadAddress
from trainspec.settings.sources.cloud.answer import Entry, NotAMapping
from trainspec.settings.sources.cloud.refusals import DENIED, MISSING, UNREACHABLE, refusal_of, refusal_word
from trainspec.settings.sources.customised.foreign import within
from trainspec.text.redaction import printable

# A service that throttles, or a proxy in the same pod that is not up yet.
_PAUSES = (0.1, 0.3, 0.8)
_FAILED, _NOT_A_MAPPING = "SRC123", "SRC108"

Reader = Callable[[Address, Sequence[str], float], dict[str, Entry]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a service gave nothing: the code of the finding, and words that hold nothing of what it was sent or sent."""

    code: str
    word: str = ""
    remedy: str = ""


def ask(address: Address, names: Sequence[str], read: Reader, limit: float) -> dict[str, Entry] | Refusal:
    """What the service says of these names, or why it says nothing; after `limit` seconds at the latest."""
    refused: list[Refusal] = []
    try:
        return within(limit, lambda: _tried(address, names, read, limit, refused), address.shown)
    except SourceError:
        return refused[-1] if refused else Refusal(UNREACHABLE, f"nothing came within {limit:g} s")


def _tried(
    address: Address, names: Sequence[str], read: Reader, limit: float, refused: list[Refusal]
) -> dict[str, Entry] | Refusal:
    """The answer, after some more tries where the service cannot be reached; each refusal is left in `refused`."""
    end = time.monotonic() + limit
    pauses = iter(_PAUSES)
    while True:
        try:
            return read(address, names, limit)
        except Exception as error:
            refused.append(_refusal(error))
        pause = next(pauses, None)
        if refused[-1].code != UNREACHABLE or pause is None or time.monotonic() + pause >= end:
            return refused[-1]
        # Not all nodes of a job at the same moment.
        time.sleep(pause * random.uniform(0.7, 1.3))


def _refusal(error: BaseException) -> Refusal:
    if isinstance(error, BadAddress):
        return Refusal("SRC125", error.message, error.remedy)
    if isinstance(error, NotAMapping):
        return Refusal(_NOT_A_MAPPING, error.why)
    return Refusal(refusal_of(error) or _FAILED, refusal_word(error))


_MAY_READ = {
    "aws-sm": "secretsmanager:GetSecretValue (and kms:Decrypt of its key)",
    "aws-ssm": "ssm:GetParameters (and kms:Decrypt of its key)",
    "gcp-sm": "roles/secretmanager.secretAccessor",
    "azure-kv": "the role Key Vault Secrets User",
}


def finding(address: Address, refusal: Refusal, fields: Sequence[str]) -> Diagnostic:
    """The one finding about a service that gave nothing."""
    why = CODES[refusal.code]
    message = {
        MISSING: f"{address.shown} is not there",
        DENIED: f"{address.shown} refuses to be read",
        UNREACHABLE: f"{address.shown} does not answer",
        _NOT_A_MAPPING: f"{address.shown} holds no mapping of settings",
        _FAILED: f"{address.shown} cannot be read",
        "SRC125": f"{address.shown} cannot be read",
    }[refusal.code]
    remedy = refusal.remedy or {
        MISSING: "correct its name, its region or version, or make it",
        DENIED: f"give this process credentials that have {_MAY_READ[address.scheme]}",
        UNREACHABLE: "see that it can be reached from here; one that is slow may have longer: ?timeout=10",
        _NOT_A_MAPPING: 'write a JSON mapping into it: {"hub_token": "..."}',
    }.get(refusal.code, why.fix)
    source = Source(SourceKind.FOREIGN, address.shown)
    evidence = tuple(Evidence(field, None, source) for field in fields)
    told = printable(f"{message}: {refusal.word}" if refusal.word else message)
    return Diagnostic(refusal.code, why.name, "error", told, why.reason, remedy, evidence)
