"""Completion for fish: `trainspec completion fish | source`, or a file trainspec.fish among its completions."""

from __future__ import annotations

from collections.abc import Iterator

from trainspec.cli.completion.words import Typed, Words

_HEAD = """\
# Completion of trainspec for fish. For every shell from now on:
#   trainspec completion fish > ~/.config/fish/completions/trainspec.fish
complete -c trainspec -e"""
_NO_COMMAND = "test (count (commandline -opc)) -eq 1"


def script(words: Words) -> str:
    """The script, one line for each thing that can be typed."""
    return "\n".join(_lines(words))


def _lines(words: Words) -> Iterator[str]:
    yield _HEAD
    for command in words.commands:
        yield f"complete -c trainspec -f -n {_quoted(_NO_COMMAND)} -a {command.name} -d {_quoted(command.about)}"
    for command in words.commands:
        chosen = _chosen(command.name)
        if command.words:
            yield f"complete -c trainspec -f -n {chosen} -a {_quoted(' '.join(command.words))}"
        for flag in command.flags:
            yield _flag(chosen, flag)
    with_settings = _chosen(*(command.name for command in words.commands if command.takes_settings))
    for setting in words.settings:
        yield _flag(with_settings, setting)


def _chosen(*commands: str) -> str:
    return _quoted(f"contains -- (commandline -opc)[2] {' '.join(commands)}")


def _flag(condition: str, item: Typed) -> str:
    value = ""
    if item.takes_value:
        value = f" -x -a {_quoted(' '.join(item.values))}" if item.values else " -r -F"
    return f"complete -c trainspec -n {condition} -l {item.flag[2:]}{value} -d {_quoted(item.about)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
