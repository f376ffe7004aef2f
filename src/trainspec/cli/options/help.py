"""What `trainspec --help` and `trainspec COMMAND --help` show, in the language of the command line or of who reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainspec.text.wide import padded
from trainspec.text.wrapping import wrap

if TYPE_CHECKING:
    from trainspec.cli.options import Command, Option
    from trainspec.text.languages import Words

SETTINGS = (
    "Every setting is a flag: --learning_rate 3e-4, --bf16, --no_save_safetensors, --label_names a b, "
    "--fsdp_config.min_num_params 1000. trainspec explain lists them."
)


def help_of(command: Command, words: Words) -> str:
    """The text of `trainspec COMMAND --help`."""
    usage = " ".join(filter(None, (f"trainspec {command.name}", command.words, "[OPTIONS]")))
    usage = f"{usage} [--SETTING VALUE ...]" if command.takes_settings else usage
    lines = [words("usage: {usage}").format(usage=usage), "", *wrap(words(command.about))]
    lines += [line for asked, about in command.actions for line in ("", asked, *wrap(words(about), "    "))]
    lines += ["", words("options")]
    for option in command.options:
        lines += [f"  --{option.name} {option.value}".rstrip(), *wrap(_about(option, words), "      ")]
    lines += ["  -h, --help", f"      {words('show this text')}"]
    if command.takes_settings:
        lines += ["", words("settings"), *wrap(words(SETTINGS), "  ")]
    if command.examples:
        lines += ["", words("examples"), *(f"  {example}" for example in command.examples)]
    return "\n".join(lines)


def _about(option: Option, words: Words) -> str:
    unnamed = any(choice not in option.about for choice in option.choices)
    return words(option.about) + (words(": ") + ", ".join(option.choices) if unnamed else "")


def help_of_all(commands: Mapping[str, str], argv: Sequence[str]) -> str:
    """The text of `trainspec --help`: every command with what it is for."""
    from trainspec.cli.terminal import words_of_line

    words, width = words_of_line(argv), max(map(len, commands))
    return "\n".join(
        [
            words("usage: {usage}").format(usage="trainspec COMMAND ..."),
            "",
            words("Typed settings for torch training jobs: judged, explained, planned, trained."),
            "",
            *(f"  {padded(name, width)}  {words(about)}" for name, about in commands.items()),
            "",
            words("trainspec COMMAND --help says more. Exit codes: 0 fine, 1 findings, 2 could not run."),
        ]
    )
