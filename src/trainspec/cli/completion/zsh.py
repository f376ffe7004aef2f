"""Completion for zsh: `source <(trainspec completion zsh)`, or a file _trainspec in a folder of $fpath."""

from __future__ import annotations

from collections.abc import Iterable

from trainspec.cli.completion.words import CommandWords, Typed, Words, single_quoted

_SCRIPT = """\
#compdef trainspec
# Completion of trainspec for zsh. For every shell from now on, in ~/.zshrc after compinit:
#   source <(trainspec completion zsh)
_trainspec() {{
    local -a commands flags known settings values
    local command=$words[2] before=$words[CURRENT-1] word=$words[CURRENT] takes_value=
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    settings=(
{settings}
    )
    case $command in
{per_command}
    esac
    # --flag=value is one word here.
    if [[ $word == --*=* ]]; then
        before=${{word%%=*}}
        compset -P '*='
        word=
    fi
    case "$command $before" in
{per_value}
    esac
    if (( $#values )); then
        _describe value values
    elif [[ -n $takes_value ]]; then
        _files
    elif [[ $word == -* ]]; then
        _describe -o option flags
    elif (( $#known )); then
        _describe word known
    else
        _files
    fi
}}
if [[ $funcstack[1] == _trainspec ]]; then _trainspec "$@"; else compdef _trainspec trainspec; fi"""


def script(words: Words) -> str:
    """The script, with what each command and flag is for."""
    with_settings = "|".join(command.name for command in words.commands if command.takes_settings)
    per_value = [_values(command.name, flag) for command in words.commands for flag in command.flags]
    per_value += [_values(f"({with_settings})", flag) for flag in words.settings]
    return _SCRIPT.format(
        commands=_lines((command.name, command.about) for command in words.commands),
        settings=_lines((item.flag, item.about) for item in words.settings),
        per_command="\n".join(map(_command, words.commands)),
        per_value="\n".join(filter(None, per_value)),
    )


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"        {_described(name, about)}" for name, about in pairs)


def _described(name: str, about: str) -> str:
    return single_quoted(name.replace(":", "\\:") + f":{about}")


def _command(command: CommandWords) -> str:
    flags = " ".join(_described(item.flag, item.about) for item in command.flags)
    more = " $settings" if command.takes_settings else ""
    return f"        {command.name}) flags=({flags}{more}) known=({' '.join(command.words)}) ;;"


def _values(commands: str, item: Typed) -> str:
    if not item.takes_value:
        return ""
    return f'        {commands}" {item.flag}") takes_value=1 values=({" ".join(map(single_quoted, item.values))}) ;;'
