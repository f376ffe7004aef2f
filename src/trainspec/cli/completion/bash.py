"""Completion for bash: `source <(trainspec completion bash)`."""

from __future__ import annotations

from collections.abc import Iterable

from trainspec.cli.completion.words import CommandWords, Typed, Words

_SCRIPT = """\
# Completion of trainspec for bash. For every shell from now on, in ~/.bashrc:
#   source <(trainspec completion bash)
_trainspec() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
    # bash cuts --flag=value in three.
    if [[ $word == "=" ]]; then word=""; elif [[ $before == "=" ]]; then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    local flags="" words="" values="" settings=""
    local every_setting="{settings}"
    case $command in
{per_command}
    esac
    case "$command $before" in
{own_values}
    esac
    if [[ -n $settings && -z $values ]]; then
        case $before in
{setting_values}
        esac
    fi
    if [[ -n $values ]]; then
        [[ $values == FILES ]] || COMPREPLY=($(compgen -W "$values" -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$flags $settings" -- "$word"))
    elif [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    fi
}}
complete -o bashdefault -o default -F _trainspec trainspec"""


def script(words: Words) -> str:
    """The script; where nothing is known, bash completes file names."""
    own = ((f"{command.name}\\ {flag.flag}", flag) for command in words.commands for flag in command.flags)
    return _SCRIPT.format(
        commands=" ".join(command.name for command in words.commands),
        settings=" ".join(item.flag for item in words.settings),
        per_command="\n".join(map(_command, words.commands)),
        own_values=_values(own, " " * 4),
        setting_values=_values(((item.flag, item) for item in words.settings), " " * 8),
    )


def _command(command: CommandWords) -> str:
    settings = " settings=$every_setting" if command.takes_settings else ""
    flags = " ".join(item.flag for item in command.flags)
    return f'    {command.name}) flags="{flags}" words="{" ".join(command.words)}"{settings} ;;'


def _values(patterns: Iterable[tuple[str, Typed]], margin: str) -> str:
    known = ((pattern, " ".join(item.values) or "FILES") for pattern, item in patterns if item.takes_value)
    return "\n".join(f'{margin}{pattern}) values="{values}" ;;' for pattern, values in known)
