"""`trainspec serve`: the answers of these commands over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Command, Given, Option, wants_help

if TYPE_CHECKING:
    import socket

    from trainspec.service.options import Options, Running

COMMAND = Command(
    "serve",
    "",
    "Judge documents over HTTP as validate judges files: POST /validate, and GET /schema/v1/training-arguments.json, "
    "/fields, /rules, /healthz, /readyz. Documents are judged alone: neither this process's environment nor a file "
    "that one names is read. SIGTERM ends it with exit code 0 once what is open is answered.",
    (
        Option("host", "the address to listen at; 127.0.0.1 by default, which only this machine reaches", "HOST"),
        Option("port", "the port; 8080 by default", "N"),
        Option("fd", "the number of an open socket to listen at, which outlives this process; so do systemd's", "N"),
        Option("workers", "how many processes serve; one that dies is replaced; 1 by default", "N"),
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
    examples=("trainspec serve --workers 4", "trainspec serve --host 0.0.0.0 --token-file /run/secrets/token"),
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
        import_module("trainspec.service.running.server").check_packages()
        from trainspec.service.options import Limits, Options, Running
        from trainspec.service.running.tokens import others_may_read, tokens_in
    except ImportError as error:
        why = f"a package that serving needs is missing: {error.name}"
        raise CannotRun(mistake("SVC108", why, "pip install 'trainspec[serve]'")) from None
    path = given.get("token_file")
    tokens = tokens_in(path) if path is not None else ()
    if path is not None and others_may_read(path):
        print(f"warning: everybody on this machine may read {path}: chmod o-r", file=sys.stderr)
    if given.has("tls_key") and not given.has("tls_cert"):
        raise CannotRun(mistake("CLI102", "--tls-key is nothing without --tls-cert"))
    limits = Limits(given.number("max_body", 1) or Limits().body, given.number("deadline", 1) or Limits().seconds)
    options = Options(_models(given), tokens, tuple(given.lists.get("cors_origin", ())), limits, _public(given))
    drain = given.number("drain", 0)
    running = Running(
        given.number("workers", 1) or 1,
        1 if drain is None else drain,
        given.number("grace", 1) or 20,
        given.get("tls_cert"),
        given.get("tls_key"),
    )
    return _serve(given, options, running)


def _serve(given: Given, options: Options, running: Running) -> int:
    from trainspec.service.running.server import check_certificate, serve_alone
    from trainspec.service.running.sockets import is_reached_from_elsewhere, tell_manager, urls
    from trainspec.service.running.supervisor import serve_by_workers

    check_certificate(running)
    sockets = _sockets(given)
    if not options.tokens and any(map(is_reached_from_elsewhere, sockets)):
        print("warning: it may be reached from elsewhere, and anybody may ask: --token-file", file=sys.stderr)
    places = urls(sockets, tls=running.certificate is not None)

    def begun() -> None:
        print(f"serving at {' and '.join(places)}", file=sys.stderr, flush=True)
        tell_manager(os.environ, "READY=1")

    try:
        if running.workers > 1:
            return serve_by_workers(options, running, sockets, begun)
        return 0 if serve_alone(options, running, sockets, begun) else 2
    except SystemExit:
        # uvicorn has said why.
        return 2
    except OSError as error:
        raise CannotRun(mistake("SVC108", f"it cannot be served: {error.strerror or type(error).__name__}")) from None


def _sockets(given: Given) -> list[socket.socket]:
    """The sockets to listen at. Raises CannotRun."""
    from trainspec.service.running.sockets import NoSocket, handed_over, inherited, opened

    number, port = given.number("fd", 0), given.number("port", 0)
    said = [name for name in ("host", "port") if given.has(name)]
    try:
        found = [inherited(number)] if number is not None else handed_over(os.environ)
    except NoSocket as error:
        raise CannotRun(mistake("SVC122", str(error), "hand over a socket that is listened at")) from None
    if found and said:
        why = f"--{said[0]} says another place than the socket that is handed over"
        raise CannotRun(mistake("SVC122", why, f"leave out --{said[0]}, or the socket"))
    if port is not None and port > 65535:
        raise CannotRun(mistake("CLI103", "--port takes a whole number up to 65535"))
    try:
        return found or opened(given.get("host") or "127.0.0.1", 8080 if port is None else port)
    except OSError as error:
        raise CannotRun(mistake("SVC108", f"it cannot be served: {error.strerror or type(error).__name__}")) from None


def _public(given: Given) -> str | None:
    from trainspec.export.places import is_base

    said = given.get("public_url")
    if said is not None and not is_base(said):
        raise CannotRun(mistake("CLI103", "--public-url takes an address", "such as https://settings.example.org"))
    return said


def _models(given: Given) -> dict[str, Any]:
    from trainspec.cli.named import settings_or_app

    return {place: settings_or_app(place) for place in given.lists.get("model", ())}
