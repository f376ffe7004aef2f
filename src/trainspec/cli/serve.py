"""`trainspec serve`: the answers of these commands over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Command, Given, Option, wants_help

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

COMMAND = Command(
    "serve",
    "",
    "Judge documents over HTTP as validate judges files: POST /validate, and GET /schema/v1/training-arguments.json, "
    "/fields, /rules, /healthz, /readyz. Documents are judged alone: neither this process's environment nor a file "
    "that one names is read. SIGTERM ends it with exit code 0 once what is open is answered.",
    (
        Option("host", "the address to listen at; 127.0.0.1 by default, which only this machine reaches", "HOST"),
        Option("port", "the port; 8080 by default", "N"),
        Option(
            "model",
            "judge by this class, too, where a request names it; may be given again",
            "pkg.mod:Class",
            (),
            "",
            True,
        ),
        Option("token-file", "answer only who sends a token of this file, one a line; probes stay open", "PATH"),
        Option("cors-origin", "let pages of this origin read answers; may be given again", "ORIGIN", (), "", True),
        Option("max-body", "the most bytes of a body; 1048576 by default", "N"),
        Option("deadline", "the most seconds for a request; 5 by default", "N"),
        Option("drain", "seconds between being no longer ready and taking no more; 1 by default", "N"),
        Option("grace", "seconds that open requests have in the end; 20 by default", "N"),
        Option(
            "public-url",
            "the URL that others know it by, for addresses in answers; by default the one that it is asked at",
            "URL",
        ),
        Option("tls-cert", "serve TLS with this certificate", "PATH"),
        Option("tls-key", "the certificate's key", "PATH"),
    ),
    examples=("trainspec serve", "trainspec serve --host 0.0.0.0 --token-file /run/secrets/token"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if given.words:
        raise CannotRun(mistake("CLI102", "serve takes no file", "see trainspec serve --help"))
    try:
        from trainspec.service.options import Limits, Options
        from trainspec.service.server import serve
    except ImportError as error:
        why = f"a package that serving needs is missing: {error.name}"
        raise CannotRun(mistake("SVC108", why, "pip install 'trainspec[serve]'")) from None
    tokens, host = _tokens(given.get("token_file")), given.get("host") or "127.0.0.1"
    if host not in _LOOPBACK and not tokens:
        print(f"warning: {host} may be reached from elsewhere, and anybody may ask: --token-file", file=sys.stderr)
    if given.has("tls_key") and not given.has("tls_cert"):
        raise CannotRun(mistake("CLI102", "--tls-key is nothing without --tls-cert"))
    limits = Limits(given.number("max_body", 1) or Limits().body, given.number("deadline", 1) or Limits().seconds)
    options = Options(_models(given), tokens, tuple(given.lists.get("cors_origin", ())), limits, _public(given))
    drain = given.number("drain", 0)
    try:
        began = serve(
            options,
            begun=lambda url: print(f"serving at {url}", file=sys.stderr, flush=True),
            host=host,
            port=_port(given),
            drain=1 if drain is None else drain,
            grace=given.number("grace", 1) or 20,
            certificate=given.get("tls_cert"),
            key=given.get("tls_key"),
        )
    except SystemExit:
        # uvicorn has said why.
        began = False
    except OSError as error:
        raise CannotRun(mistake("SVC108", f"it cannot be served: {error.strerror or type(error).__name__}")) from None
    return 0 if began else 2


def _port(given: Given) -> int:
    port = given.number("port", 0)
    if port is not None and port > 65535:
        raise CannotRun(mistake("CLI103", "--port takes a whole number up to 65535"))
    return 8080 if port is None else port


def _public(given: Given) -> str | None:
    from trainspec.export.places import is_base

    said = given.get("public_url")
    if said is not None and not is_base(said):
        raise CannotRun(mistake("CLI103", "--public-url takes an address", "such as https://settings.example.org"))
    return said


def _models(given: Given) -> dict[str, Any]:
    from trainspec.cli.named import settings_or_app

    return {place: settings_or_app(place) for place in given.lists.get("model", ())}


def _tokens(path: str | None) -> tuple[str, ...]:
    if path is None:
        return ()
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.sources.files import read_plain

    try:
        found = tuple(filter(None, map(str.strip, read_plain(path).splitlines())))
    except SourceError as error:
        raise CannotRun(*error.diagnostics) from None
    if not found:
        raise CannotRun(mistake("SVC108", "the file of --token-file holds no token", "write one into it"))
    return found
