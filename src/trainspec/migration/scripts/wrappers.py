"""What stands before the program that matters: `nohup`, `env A=b`, `srun -N 2`, `uv run`, `docker run -e A=b image`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainspec.migration.scripts.words import Command, Marks, Word

SIMPLE = frozenset({"nohup", "time", "exec", "command", "builtin", "env", "setsid", "unbuffer", "caffeinate"})
_TAKE_TEXT = frozenset({"ssh", "pdsh", "screen", "tmux", "sbatch", "bsub", "qsub", "watch", "script", "su", "cmd"})
WRAPPERS = (
    SIMPLE
    | _TAKE_TEXT
    | {
        "stdbuf",
        "nice",
        "ionice",
        "taskset",
        "numactl",
        "timeout",
        "sudo",
        "chrt",
        "xvfb-run",
        "flock",
        "doppler",
        "op",
    }
    | {"srun", "salloc", "mpirun", "mpiexec", "mpiexec.hydra", "jsrun", "aprun", "ibrun", "parallel", "xargs"}
    | {"singularity", "apptainer", "docker", "podman", "nerdctl", "kubectl", "enroot", "wsl", "start", "call", "conda"}
    | {"uv", "uvx", "pipx", "poetry", "mamba", "micromamba", "pixi", "pipenv", "hatch", "rye", "pdm", "dotenv"}
    | {"nsys", "ncu", "nvprof", "strace", "gdb", "py-spy", "memray", "scalene", "viztracer", "coverage", "kernprof"}
    | {"horovodrun", "composer", "colossalai", "torchx", "cmd.exe", "wandb", "catchsegv", "ts", "tsp"}
)
SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh"})
_LAUNCHERS = frozenset({"torchrun", "deepspeed", "accelerate", "accelerate-launch"})
PYTHON = re.compile(r"(?:python|pypy|ipython)[\d.]*w?(?:\.exe)?|py(?:\.exe)?")
# Programs that train by themselves, and how many words name what they do.
TRAINERS = {
    **dict.fromkeys(("trl", "llamafactory-cli", "axolotl", "swift", "xtuner", "trainspec", "autotrain", "lmf"), 1),
    "tune": 2,
}
# Options whose value may have a program's name.
_NAMES = {
    **dict.fromkeys(("conda", "mamba", "micromamba"), frozenset({"-n", "--name", "-p", "--prefix"})),
    **dict.fromkeys(("docker", "podman", "nerdctl"), frozenset({"--name", "-u", "-w", "--entrypoint", "-h"})),
    **dict.fromkeys(("srun", "sbatch", "salloc"), frozenset({"-J", "--job-name", "-p", "-A"})),
    **dict.fromkeys(("kubectl", "tmux", "screen"), frozenset({"-n", "-c", "-s", "-S", "-t"})),
    **dict.fromkeys(("uv", "uvx", "pipx"), frozenset({"--with", "-p", "--python", "--from", "--spec"})),
}
_PLACE = re.compile(r"\{(?:[0-9#%/.+-]*)\}")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.S)
_PASSES_VARIABLES = frozenset({"-e", "--env", "-x", "--export", "-genv"})


@dataclass(slots=True)
class Unwrapped:
    """The command inside, the variables that the wrappers set for it, and their words."""

    words: list[Word]
    environment: dict[str, Word]
    wrappers: list[Word]

    @property
    def name(self) -> str:
        return base_name(self.words[0]) if self.words else ""


def base_name(word: str) -> str:
    """The name of a program without its folder: /usr/bin/python is python."""
    name = re.split(r"[/\\]", word)[-1]
    return name.removesuffix(".exe") if name.lower().endswith(".exe") else name


def is_program(word: str) -> bool:
    """Whether a word names what can stand behind a wrapper."""
    name = base_name(word)
    known = name in WRAPPERS or name in SHELLS or name in _LAUNCHERS or name in TRAINERS
    return known or PYTHON.fullmatch(name) is not None or (word.endswith((".py", ".sh")) and not word.startswith("-"))


def unwrap(command: Command) -> Unwrapped:
    """Take the wrappers off a command."""
    found = Unwrapped(command.words, dict(command.environment), [])
    while found.words and found.name in WRAPPERS:
        start = _inside(found.words, found.name)
        if start is None:
            break
        found.wrappers += found.words[:start]
        found.environment |= _variables(found.words[:start], found.name)
        found.words = found.words[start:]
    return found


def _inside(words: list[Word], name: str) -> int | None:
    """Where the wrapped command begins."""
    skip = _NAMES.get(name, frozenset())
    for at in range(1, len(words)):
        if words[at - 1] not in skip and is_program(words[at]):
            return at
    if name in SIMPLE:
        plain = (at for at in range(1, len(words)) if not words[at].startswith("-") and "=" not in words[at])
        return next(plain, None)
    return None


def filled_in(words: list[Word], marks: Marks) -> list[Word]:
    """What `parallel` and `xargs` put into a command, one value after the other, is known to nobody."""
    name = base_name(words[0]) if words else ""
    if name not in ("parallel", "xargs"):
        return words
    reason = f"{name} puts it in, one value after the other"
    inputs = next((at for at, word in enumerate(words) if word.startswith(":::")), len(words))
    filled = [
        word.with_text(_PLACE.sub(lambda found: marks.unknown(found[0], reason), word)) for word in words[:inputs]
    ]
    if not any(_PLACE.search(word) for word in words[:inputs]):
        filled.append(words[-1].with_text(marks.unknown("{}", reason)))
    return filled


def _variables(words: list[Word], name: str) -> dict[str, Word]:
    """What `env A=b`, `docker run -e A=b` and `srun --export=ALL,A=b` set."""
    found: dict[str, Word] = {}
    for at, word in enumerate(words[1:], 1):
        flag, _, value = word.partition("=")
        text = word
        if flag in _PASSES_VARIABLES and value:
            text = word.with_text(value)
        elif name not in ("env", "sudo") and words[at - 1] not in _PASSES_VARIABLES:
            continue
        for part in text.split(",") if name in ("srun", "sbatch") else [text]:
            if (pair := _ASSIGNMENT.fullmatch(part)) is not None:
                found[pair[1]] = word.with_text(pair[2])
    return found


def text_inside(words: list[Word]) -> Word | None:
    """The command line that a wrapper is given as one word: `ssh host '...'`, `sbatch --wrap "..."`."""
    if not words or base_name(words[0]) not in _TAKE_TEXT:
        return None
    for at, word in enumerate(words[1:], 1):
        flag, equals, value = word.partition("=")
        if flag == "--wrap" and equals:
            return word.with_text(value)
        if words[at - 1] in ("--wrap", "-c", "/c", "/C"):
            return word
    return next((word for word in reversed(words[1:]) if " " in word and not word.startswith("-")), None)
