"""What cannot be answered: each mistake in asking is one diagnostic, under a code of its own, never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.diagnostics.codes import Explanation

# Code -> name, what was found, why it is refused, what to write.
_CODES = {
    "CLI101": ("unknown-command", "a command that there is not", "it cannot be run", "trainspec --help lists them"),
    "CLI102": ("missing-argument", "a command without what it needs", "it cannot be run", "see --help"),
    "CLI103": ("bad-option", "an option with a value that it does not take", "its meaning is unknown", "see --help"),
    "CLI104": ("unknown-name", "a setting, code or option that there is not", "nothing can be said", "see the message"),
    "CLI105": ("no-such-task", "a task that cannot be used", "there is nothing to train", "see the message"),
    "CLI106": ("no-such-model", "a settings class that cannot be used", "nothing can be judged", "see the message"),
    "CLI107": (
        "no-such-run",
        "settings that describe no run with this data",
        "it cannot be planned",
        "see the message",
    ),
    "CLI108": ("cannot-train-here", "a package that training needs is missing", "nothing can be trained", "install it"),
    "CLI109": (
        "cannot-rewrite",
        "an old name in a place where it cannot be rewritten without changing something else",
        "an anchor, a merge key or an unusual way of writing ties it to other settings",
        "change it by hand",
    ),
    "CLI110": (
        "refused-pickle",
        "a file that is no pickle of training arguments, or names what settings have no use for",
        "it is read as data, and whatever else it asks for is not done",
        "save the settings as JSON, by args.to_json_string(), and migrate that",
    ),
    "CLI111": (
        "not-writable",
        "a setting that a form cannot say, or would give back as another",
        "what is written must read back as the same settings",
        "choose another form",
    ),
    "CLI112": ("file-exists", "a file that is there already", "it would be overwritten", "pass --force"),
    "CLI113": ("no-checkpoint-there", "a path without a checkpoint", "there is nothing to read", "name another"),
    "CLI115": (
        "no-size-there",
        "a path that does not tell the size of a model",
        "what a rank holds and sends follows from it",
        "name a folder with weights or a config.json, or give a number of parameters",
    ),
    "CLI116": ("no-such-picture", "a picture in a form that is not drawn", "it cannot be written", "see the message"),
    "CLI120": (
        "launched-twice",
        "--nproc in a process that a launcher started as one of several",
        "each of them would start so many more",
        "leave --nproc out, or start the command by itself",
    ),
    "CLI121": (
        "no-such-processes",
        "--nproc with a number of processes that this machine cannot tell",
        "there would be nothing to start",
        "write a number",
    ),
    "CLI123": (
        "no-such-number",
        "a number of nodes, processes, GPUs, seconds or restarts that there cannot be",
        "an orchestrator would take it, and start nothing, or never end",
        "write a whole number; see the message for its bounds",
    ),
    "CLI124": (
        "no-such-name-there",
        "a name that no orchestrator takes",
        "it becomes part of host names, which are labels of RFC 1123 with at most 63 letters",
        "write at most 52 lower-case letters, digits and dashes, the first a letter",
    ),
    "CLI125": (
        "contradicting-options",
        "options of an export that contradict each other, the settings or the form",
        "one of them would be overlooked, and the run would not be the one that was asked for",
        "leave one out",
    ),
    "CLI126": (
        "unreadable-variable",
        "an environment variable of a launcher with a value that it cannot have",
        "what it was meant to say would be overlooked",
        "see the message",
    ),
    "CLI127": (
        "answer-not-written",
        "stdout that cannot be written to",
        "the answer, or a part of it, is lost",
        "free some space, or write it elsewhere",
    ),
    "SVC101": ("body-too-large", "a body that is larger than the service takes", "nothing was read", "send less"),
    "SVC102": (
        "out-of-time",
        "a request that took longer than the service gives one",
        "nobody else should wait for it",
        "send less at once",
    ),
    "SVC103": ("unknown-format", "a body in a format that is not read here", "it cannot be read", "see the message"),
    "SVC104": ("bad-parameter", "a parameter that cannot be what it is", "its meaning is unknown", "see the message"),
    "SVC105": ("not-allowed", "a request without the token of this service", "nothing is told", "send the token"),
    "SVC106": ("no-such-address", "an address that there is not", "there is nothing to tell", "see the README"),
    "SVC107": ("too-busy", "a service that judges as much as it can", "more would make all wait", "try again"),
    "SVC108": ("cannot-serve", "a service that cannot start as asked", "nobody could use it", "see the message"),
    "SVC120": (
        "unusable-certificate",
        "a certificate that cannot be served",
        "no client could connect",
        "give the certificate with its chain, and its key, as PEM",
    ),
    "SVC121": ("unusable-tokens", "a file of tokens that keeps nobody out", "anybody could ask", "see the message"),
    "SVC122": (
        "unusable-socket",
        "a socket that is handed over and cannot be listened at",
        "nobody could connect",
        "hand over a socket that is listened at",
    ),
    "SVC130": ("no-page", "a service that was installed without its page", "there is nothing to show", "build it"),
    "SVC132": (
        "secret-elsewhere",
        "a document to be shared, with a secret of its own in another place, too",
        "whoever gets it would get the secret",
        "see the message",
    ),
}


class NoAnswer(Exception):
    """What was asked has no answer; the diagnostics say why, and what to ask instead."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(item.message for item in diagnostics))
        self.diagnostics = diagnostics


def command_codes() -> dict[str, Explanation]:
    """The codes of this file as `trainspec rule` explains them."""
    from trainspec.settings.diagnostics.codes import Explanation

    return {code: Explanation(*texts) for code, texts in _CODES.items()}


def mistake(code: str, message: str, remedy: str = "") -> Diagnostic:
    """A diagnostic about what was asked, under a code of this file."""
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.text.redaction import printable, redact_url

    message, remedy = (printable(redact_url(text)) for text in (message, remedy))
    return Diagnostic(code, _CODES[code][0], "error", message, "", remedy)


def shown_word(word: str) -> str:
    """A word that nothing has the name of, for a message: not at any length, and never with a password."""
    from trainspec.text.redaction import redact_whole_url

    return redact_whole_url(word)[:40]
