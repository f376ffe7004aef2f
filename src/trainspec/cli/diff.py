"""`trainspec diff`: two files as settings: old names, formats and spelled-out defaults make no difference."""

from __future__ import annotations

from collections.abc import Sequence

from trainspec.answers.diff import NOT_THERE, Comparison, Difference, compare
from trainspec.answers.documents import Judged, judged
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, Command, Given, wants_help
from trainspec.cli.terminal import COULD_NOT_RUN, FINDINGS, FINE, LANG, answer_json, counted, say, style, words_for
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import paths_in, read_several
from trainspec.text.languages import Words
from trainspec.text.wide import padded, width_of

COMMAND = Command(
    "diff",
    "A B",
    "Where two files differ as settings: what holds, whether said or not, whatever the format or the age of the names. "
    "Either may be several, with commas between them, each laid over those before it. Exit code 1 where they differ.",
    (AT, IGNORE_UNKNOWN, LANG, FORMAT),
    examples=("trainspec diff old.yaml new.json", "trainspec diff base.yaml,test.yaml base.yaml,live.yaml"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if len(given.words) != 2:
        number = counted(len(given.words), "file")
        raise CannotRun(mistake("CLI102", f"diff takes two files, not {number}", "trainspec diff A.yaml B.yaml"))
    words = words_for(given)
    found = _compare(given, words)
    if found is None or found.differences is None:
        return COULD_NOT_RUN
    if given.get("format") == "json":
        answer = found.to_dict()
        answer_json({name: answer[name] for name in ("same", "differences")})
    elif found.differences:
        print("\n".join(line for difference in found.differences for line in _lines(difference, words)))
    else:
        print(words("the same settings"))
    return FINDINGS if found.differences else FINE


def _compare(given: Given, words: Words) -> Comparison | None:
    """The comparison; what is wrong with either file is said, also where the other cannot be read."""
    sides: list[Judged] = []
    found: list[Diagnostic] = []
    for word in given.words:
        try:
            documents, again = read_several(paths_in(word, Source(SourceKind.FLAG, "FILE")), at=given.get("at"))
        except SourceError as error:
            found += error.diagnostics
        else:
            side = judged(*documents, ignore_unknown=given.has("ignore_unknown"))
            sides.append(side)
            found += [*again, *side.diagnostics]
    say(found, words)
    return compare(*sides) if len(sides) == 2 else None


def _lines(difference: Difference, words: Words) -> list[str]:
    sides = [(side.value, words(str(side.source))) for side in (difference.a, difference.b)]
    # What a side does not have is no value of it.
    sides = [(words(value) if value == NOT_THERE else value, source) for value, source in sides]
    width = max(width_of(value) for value, _ in sides)
    shown = [f"  {padded(value, width)}  {style(source, 'dim')}" for value, source in sides]
    return [style(difference.setting, "bold"), *shown]
