"""Programs that start a training script: their own flags, and where those of the script begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trainspec.migration.scripts.words import Command, Word
from trainspec.migration.scripts.wrappers import PYTHON, SHELLS, TRAINERS, unwrap

# The flags of each launcher that take no value; any other takes one.
_SWITCHES = {
    "torchrun": {"standalone", "module", "m", "no_python", "run_path", "use_env", "virtual_local_rank"},
    "deepspeed": {
        *("module", "no_python", "no_local_rank", "no_ssh_check", "no_ssh", "force_multi", "save_pid"),
        *("bind_cores_to_rank", "elastic_training"),
    },
    "accelerate launch": {
        *("cpu", "multi_gpu", "tpu", "ipex", "use_deepspeed", "use_fsdp", "use_megatron_lm", "use_xpu", "quiet", "q"),
        *("module", "m", "no_python", "debug", "tpu_use_cluster", "no_tpu_cluster", "use_mps_device", "standalone"),
        *("enable_cpu_affinity", "use_parallelism_config", "help", "h"),
    },
}
_MODULES = {
    **dict.fromkeys(("torch.distributed.run", "torch.distributed.launch", "torch.distributed.elastic"), "torchrun"),
    **dict.fromkeys(("accelerate.commands.launch", "accelerate"), "accelerate launch"),
    **dict.fromkeys(("deepspeed", "deepspeed.launcher.runner", "deepspeed.launcher.launch"), "deepspeed"),
}
# These take `learning_rate=1e-5` for `--learning_rate=1e-5`.
_PAIRS = frozenset({"llamafactory-cli", "lmf", "tune"})
_AROUND = frozenset(
    {"pdb", "ipdb", "pudb", "debugpy", "cProfile", "profile", "coverage", "kernprof", "viztracer", "trace"}
)
# Programs that speak of scripts, or take flags of the same names, and start none.
_STARTS_NOTHING = frozenset(
    {
        *(
            "echo",
            "printf",
            "cat",
            "tee",
            "grep",
            "egrep",
            "sed",
            "awk",
            "ls",
            "rm",
            "cp",
            "mv",
            "ln",
            "mkdir",
            "touch",
        ),
        *("[", "[[", "test", "true", "false", ":", "kill", "pkill", "killall", "ps", "pgrep", "tail", "head", "less"),
        *(
            "git",
            "pip",
            "pip3",
            "apt",
            "apt-get",
            "wget",
            "curl",
            "tar",
            "unzip",
            "rsync",
            "scp",
            "chmod",
            "chown",
            "find",
        ),
        *("diff", "wc", "sort", "black", "ruff", "mypy", "flake8", "pytest", "vim", "nano", "rem", "write-host", "cd"),
        *(
            "write-output",
            "export",
            "source",
            ".",
            "trap",
            "wait",
            "sleep",
            "exit",
            "return",
            "module",
            "logger",
            "set",
        ),
    }
)
_PYTHON_VALUES = frozenset({"-W", "-X", "--check-hash-based-pycs"})


@dataclass(slots=True)
class Launch:
    """A command that starts a program with settings among its words."""

    command: Command
    program: str
    script: Word | None
    arguments: list[Word]
    environment: dict[str, Word]
    before: list[Word] = field(default_factory=list)
    """All words in front of the arguments but the script's name."""
    flags: dict[str, Word] = field(default_factory=dict)
    """The launcher's own flags by name, with - as _; a switch has an empty word."""

    @property
    def line(self) -> int:
        return self.command.line


class _Words:
    """Words still to be read, and the launch that grows from them."""

    def __init__(self, launch: Launch, words: list[Word]) -> None:
        self.launch = launch
        self.words = words

    def pass_over(self, number: int) -> None:
        self.launch.before += self.words[:number]
        self.words = self.words[number:]

    def finish(self, script: int | None) -> Launch:
        """The script is the word of that number; what follows it are its arguments."""
        if script is not None:
            self.pass_over(script)
            self.launch.script, self.words = self.words[0], self.words[1:]
        self.launch.arguments = self.words
        for number, word in enumerate(self.words):
            word.number = number
        return self.launch


def launch_of(command: Command) -> Launch | None:
    """What a command starts; None for what starts no training script."""
    inside = unwrap(command)
    launch = Launch(command, inside.name, None, [], inside.environment, list(inside.wrappers))
    words = _Words(launch, list(inside.words))
    name = inside.name
    if not words.words:
        return None
    if PYTHON.fullmatch(name):
        return _python(words)
    if name in ("torchrun", "deepspeed"):
        words.pass_over(1)
        return _launcher(words, name)
    if name == "accelerate-launch" or (name == "accelerate" and words.words[1:2] == ["launch"]):
        words.pass_over(1 if name == "accelerate-launch" else 2)
        return _launcher(words, "accelerate launch")
    if name in TRAINERS and len(words.words) > TRAINERS[name]:
        launch.program = " ".join(words.words[: TRAINERS[name] + 1])
        words.pass_over(TRAINERS[name] + 1)
        if name in _PAIRS:
            words.words = [_as_flag(word) for word in words.words]
        return words.finish(None)
    return _other(words, name)


def _other(words: _Words, name: str) -> Launch | None:
    first = words.words[0]
    if name.lower() in _STARTS_NOTHING:
        return None
    if first.startswith("--"):
        words.launch.program = ""
        return words.finish(None)
    if first.endswith((".py", ".sh")):
        return words.finish(0)
    at = _python_file(words.words)
    if not first.is_known or at is not None:
        words.launch.program = "" if not first.is_known else name
        return words.finish(at if at is not None else 0)
    if name in SHELLS:
        plain = (number for number, word in enumerate(words.words[1:], 1) if not word.startswith("-"))
        return words.finish(next(plain, None))
    return words.finish(0) if len(words.words) > 1 else None


def _python_file(words: Iterable[str]) -> int | None:
    return next((number for number, word in enumerate(words) if number and word.endswith(".py")), None)


def _python(words: _Words) -> Launch | None:
    at = 1
    while at < len(words.words):
        word = words.words[at]
        if word == "-c":
            return None
        if word == "-m" and at + 1 < len(words.words):
            module = words.words[at + 1]
            if module in _MODULES:
                words.pass_over(at + 2)
                if words.words[:1] == ["launch"]:
                    words.pass_over(1)
                return _launcher(words, _MODULES[module])
            if module.partition(".")[0] in _AROUND:
                return _around(words, at + 2)
            return words.finish(at + 1)
        if not word.startswith("-") or word == "-":
            return words.finish(at)
        at += 2 if word in _PYTHON_VALUES else 1
    return None


def _around(words: _Words, start: int) -> Launch | None:
    """`python -m debugpy --listen 5678 -m pkg.train`, `python -m coverage run train.py`."""
    for at in range(start, len(words.words)):
        if words.words[at] == "-m" and at + 1 < len(words.words):
            return words.finish(at + 1)
        if words.words[at].endswith(".py"):
            return words.finish(at)
    return None


def _launcher(words: _Words, name: str) -> Launch | None:
    """Its own flags come first; the first word that belongs to none of them is the script."""
    launch, switches = words.launch, _SWITCHES[name]
    launch.program = name
    at = 0
    while at < len(words.words):
        word = words.words[at]
        if not word.startswith("-"):
            if not word.is_known and (later := _python_file(words.words[at:])) is not None:
                at += later
            return words.finish(at)
        flag, equals, value = word.partition("=")
        key = flag.lstrip("-").replace("-", "_")
        if equals or key in switches or at + 1 == len(words.words):
            launch.flags[key] = _at(word, value)
            at += 1
        else:
            launch.flags[key] = words.words[at + 1]
            at += 2
    words.pass_over(len(words.words))
    return None


def _at(word: Word, text: str) -> Word:
    return text if isinstance(text, Word) else word.with_text(text)


def _as_flag(word: Word) -> Word:
    name, equals, _ = word.partition("=")
    return word.with_text(f"--{word}") if equals and name.isidentifier() else word
