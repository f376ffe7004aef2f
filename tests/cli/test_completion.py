"""The completion scripts, asked in the real shells: commands, options, settings, and the values of both.

A shell that is not installed is left out; `make test-shells` installs all three.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from trainspec.cli import COMMANDS, main
from trainspec.cli.completion.words import SHELLS, all_words

# What is typed, what must be among the answers, and what must not.
ROWS = (
    ("trainspec ", set(COMMANDS), {"digits"}),
    ("trainspec va", {"validate"}, {"train"}),
    ("trainspec train ", {"digits", "lm"}, {"validate"}),
    ("trainspec train --lr_sch", {"--lr_scheduler_type", "--lr_scheduler_kwargs"}, {"--learning_rate"}),
    ("trainspec train --lr_scheduler_type cos", {"cosine", "cosine_with_restarts"}, {"linear"}),
    ("trainspec show --no_bf", {"--no_bf16"}, {"--bf16"}),
    ("trainspec train --fsdp_config.min", {"--fsdp_config.min_num_params"}, set()),
    ("trainspec validate --target h1", {"h100"}, {"a100"}),
    ("trainspec validate --format s", {"sarif"}, {"json"}),
    ("trainspec validate --lear", set(), {"--learning_rate"}),
    ("trainspec explain learning", {"learning_rate"}, {"seed"}),
    ("trainspec rule PRE1", {"PRE101"}, {"CKP101"}),
    ("trainspec completion ", set(SHELLS), {"digits"}),
    ("trainspec validate ru", {"run.yaml"}, set()),
    ("trainspec train --output_dir ru", {"run.yaml"}, set()),
    ("trainspec show base.yaml ru", {"run.yaml"}, set()),
    ("trainspec validate --together base.yaml ru", {"run.yaml"}, set()),
    ("trainspec train digits --config base.yaml --conf", {"--config"}, set()),
    ("trainspec train digits --config base.yaml --config ru", {"run.yaml"}, set()),
)

ASK_BASH = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _trainspec
if (( ${#COMPREPLY[@]} )); then printf '%s\\n' "${COMPREPLY[@]}"; else compgen -f -- "${COMP_WORDS[COMP_CWORD]}"; fi
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The script of each shell, as the command prints it."""
    place = tmp_path_factory.mktemp("completion")
    found = {}
    for shell in SHELLS:
        found[shell] = place / f"trainspec.{shell}"
        with found[shell].open("w") as out:
            subprocess.run([sys.executable, "-m", "trainspec", "completion", shell], stdout=out, check=True)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.yaml").touch()
    return tmp_path


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def asked(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def in_bash(script: Path, line: str, folder: Path) -> set[str]:
    return set(asked(["bash", "--norc", "-c", ASK_BASH, "bash", str(script), *line.split(" ")], folder).split())


def in_fish(script: Path, line: str, folder: Path) -> set[str]:
    text = asked(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], folder)
    return {answer.partition("\t")[0] for answer in text.splitlines()}


ASK: dict[str, Callable[[Path, str, Path], set[str]]] = {"bash": in_bash, "fish": in_fish}


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(("line", "there", "not_there"), ROWS, ids=[row[0] for row in ROWS])
def test_the_shell_offers(
    shell: str, line: str, there: set[str], not_there: set[str], scripts: dict[str, Path], folder: Path
) -> None:
    need(shell)
    answers = ASK[shell](scripts[shell], line, folder)
    assert there <= answers
    assert not not_there & answers


def test_bash_completes_behind_an_equals_sign(scripts: dict[str, Path], folder: Path) -> None:
    need("bash")
    assert "cosine" in in_bash(scripts["bash"], "trainspec train --lr_scheduler_type = cos", folder)


class Terminal:
    """An interactive zsh, typed into as a person does."""

    def __init__(self, script: Path, folder: Path) -> None:
        environment = {**os.environ, "HOME": str(folder), "ZDOTDIR": str(folder), "TERM": "dumb"}
        pid, self.screen = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        self.pid = pid
        self.type(f"PS1='> '; autoload -Uz compinit; compinit -u -D; source {script}\n")
        self.type("trainspec() { print -r -- \"<${(j:|:)@}>\" }; setopt no_list_beep; print rea''dy\n")
        self.see("ready")

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def see(self, text: str) -> str:
        """What the terminal shows until `text` is on it."""
        shown, end = "", time.monotonic() + 30
        while text not in shown and time.monotonic() < end:
            if select.select([self.screen], [], [], 0.2)[0]:
                shown += os.read(self.screen, 65536).decode(errors="replace")
        assert text in shown, shown[-2000:]
        return shown

    def close(self) -> None:
        self.type("\x03exit\n")
        os.close(self.screen)
        os.waitpid(self.pid, 0)


def test_zsh_completes_as_one_types(scripts: dict[str, Path], folder: Path) -> None:
    need("zsh")
    terminal = Terminal(scripts["zsh"], folder)
    try:
        for typed, ran in (
            ("trainspec va\t--for\tsar\t\n", "<validate|--format|sarif>"),
            (
                "trainspec train dig\t--lr_scheduler_t\tcosine_with_r\t\n",
                "<train|digits|--lr_scheduler_type|cosine_with_restarts>",
            ),
            ("trainspec show --optim=adamw_torch_fu\t\n", "<show|--optim=adamw_torch_fused>"),
            ("trainspec explain learning_r\t\n", "<explain|learning_rate>"),
            ("trainspec validate ru\t\n", "<validate|run.yaml>"),
            ("trainspec train --output_dir ru\t\n", "<train|--output_dir|run.yaml>"),
        ):
            terminal.type(typed)
            terminal.see(ran)
        terminal.type("trainspec train --lr_scheduler\t\t")
        assert "Shape of the learning-rate curve." in terminal.see("learning-rate curve.")
    finally:
        terminal.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_has_the_syntax_of_its_shell(shell: str, scripts: dict[str, Path]) -> None:
    need(shell)
    done = subprocess.run([shell, "-n", str(scripts[shell])], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_and_setting_is_known() -> None:
    words = all_words()
    assert [command.name for command in words.commands] == list(COMMANDS)
    flags = {item.flag for item in words.settings}
    assert {"--learning_rate", "--bf16", "--no_bf16", "--deepspeed.zero_optimization"} <= flags


def test_what_is_no_shell_is_refused(run: Run) -> None:
    assert "did you mean fish?" in run("completion", "fsh").err
    assert run("completion", "fsh").code == 2
    assert run("completion").code == 2


def test_other_commands_do_not_load_it() -> None:
    loaded = set(sys.modules)
    main(["--version"])
    assert not {name for name in set(sys.modules) - loaded if name.startswith("trainspec.cli.completion")}
