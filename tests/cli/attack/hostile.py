"""Hostile inputs for every source of settings, made from a seed, and judged one after the other in one process.

`python -m tests.cli.attack.hostile SOURCE SEED SECONDS` prints a line of JSON: how many were judged, the slowest in
seconds of processor time, the peak of memory in MB, and whatever a user must never see.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

# Parts of a text of each format that parsers have stumbled over; each is repeated, nested and mixed.
SNIPPETS = {
    "yaml": [
        "a: 1\n", "learning_rat: 1\n", "- ", "? ", "a: ", "[", "{a: ", "&a ", "*a ", "!!str ", "'", '"', "\\u0041",
        "\n", "---\n", "# TOKEN\n", "TOKEN: 1\n", "output_dir: TOKEN\n", "a: &TOKEN 1\n", "b: *TOKEN\n",
        "c: !TOKEN 1\n", "<<: *a\n", "hub_token: TOKEN\n", "9", "label_names: [TOKEN]\n", "fsdp_config: {TOKEN: 1}\n",
        "evaluation_strategy: TOKEN\n", " ", "a: &a [x, x, x]\n", "b: &a [*a, *a, *a]\n", "|\n  x\n", "seed: TOKEN\n",
        "optim_args: TOKEN=1\n", "\t", "%TOKEN\n",
    ],
    "json": [
        '{"a":', "[", "]", "}", ",", "1,", '"a",', '"a":1,', "9", "1e9", '"\\u0041', "{}", "[],", '"TOKEN":1,', "NaN",
        '"', "\\", '{"output_dir":"TOKEN"}', '{"seed":"TOKEN"}', '{"TOKEN":', "//TOKEN\n", "<<<<<<< TOKEN\n",
        '{"fsdp_config":{"TOKEN":1}}', '{"hub_token":["TOKEN"]}', '"learning_rat":1,', '{"optim_args":"TOKEN=1"}',
        '{"deepspeed":"TOKEN"}',
    ],
    "toml": [
        "a.", "a = 1\n", "[a]\n", "[[a]]\n", "[a.b.c]\n", "[", "{a = ", '"', "'''", '"""', "\\", "#TOKEN\n",
        "TOKEN = 1\n", "9", ",", 'output_dir = "TOKEN"\n', 'seed = "TOKEN"\n', "learning_rat = 1\n", "0x", "f", "\n",
        'hub_token = "TOKEN"\n', "a = TOKEN\n", 'no_cuda = "TOKEN"\n', "1,", "x", " ", "[TOKEN]\n", '"\\u0041"',
    ],
    "env": [
        "TRAINSPEC_LEARNING_RAT=1\n", "A=1\n", "${A}", "${", "TRAINSPEC_A=${A}${A}\n", "'", '"', "\\", "\n",
        "TRAINSPEC_SEED=TOKEN\n", "TRAINSPEC_TOKEN=1\n", "__A", "TRAINSPEC_FSDP_CONFIG", "=", "export ", "#TOKEN\n",
        "TRAINSPEC_HUB_TOKEN=TOKEN\n", "x", "TRAINSPEC_FSDP_CONFIG__TOKEN=1\n", 'TRAINSPEC_DEEPSPEED={"TOKEN":\n',
        "TOKEN\n", "TRAINSPEC_OUTPUT_DIR=${A}\nA=${A}${A}\n",
    ],
}  # fmt: skip
SIGNS = ("hf_", "ghp_", "github_pat_", "sk-proj-", "xoxb-", "AKIA", "eyJ")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LARGEST = 1_400_000


def token(chance: random.Random) -> str:
    """Something that has the shape of a token, and that nothing else holds."""
    sign = chance.choice(SIGNS)
    body = "".join(chance.choice(_LETTERS) + chance.choice("0123456789") for _ in range(12))
    if sign == "AKIA":
        return sign + body.upper()[:16]
    return f"eyJ{body}.eyJ{body}.{body}" if sign == "eyJ" else sign + body


def text(chance: random.Random, format: str, secret: str) -> str:
    """A text of a few snippets, each repeated a little or very often."""
    parts = []
    for _ in range(chance.randint(1, 6)):
        snippets = [chance.choice(SNIPPETS[format]) for _ in range(chance.randint(1, 3))]
        times = int(10 ** chance.choice([0, 0, 0, chance.uniform(0, 6)]))
        if chance.random() < 0.3:
            # Names that differ are not the fault of names that stand twice.
            parts.append("".join("".join(snippets).replace("a", f"a{number}") for number in range(min(times, 60_000))))
        else:
            parts.append("".join(snippets) * min(times, _LARGEST // len("".join(snippets))))
    return "".join(parts).replace("TOKEN", secret, 1000)[:_LARGEST]


def _file(format: str) -> Callable[[random.Random, str, Path], list[str]]:
    def made(chance: random.Random, secret: str, folder: Path) -> list[str]:
        path = folder / f"run.{format}"
        path.write_text(text(chance, format, secret), encoding="utf-8")
        command = chance.choice(
            [["validate"], ["validate"], ["show"], ["migrate", "--diff"], ["diff", str(path)], ["plan"]]
        )
        forms = {
            "validate": ("json", "sarif", "junit", "github", "text"),
            "show": ("json", "text"),
            "plan": ("json", "text"),
        }
        form = ["--format", chance.choice(forms[command[0]])] if command[0] in forms else []
        return [*command, str(path), *form]

    return made


def _dotenv(chance: random.Random, secret: str, folder: Path) -> list[str]:
    path = folder / "run.env"
    path.write_text(text(chance, "env", secret), encoding="utf-8")
    os.environ["TRAINSPEC_ENV_FILE"] = str(path)
    return ["validate", "--env", "--format", chance.choice(["json", "text", "sarif"])]


def _variables(chance: random.Random, secret: str, folder: Path) -> list[str]:
    for _ in range(chance.randint(1, 5)):
        deep = "__".join(["A"] * int(10 ** chance.uniform(0, 4.4)))
        name = chance.choice(
            ["SEED", "FSDP_CONFIG", "TASK", "OUTPUT_DIR", secret, "LABEL_NAMES", "OPTIM_ARGS", "DEEPSPEED"]
        )
        name = chance.choice([name, f"{name}__{deep}", f"{name}__{secret}"])
        value = chance.choice([secret, text(chance, "json", secret)[:120_000], "k=1," * 20_000, f"{secret} " * 100])
        os.environ[f"TRAINSPEC_{name}"] = value.replace("\0", "")
    return ["validate", "--env", "--format", chance.choice(["json", "text", "sarif"])]


def _secrets_directory(chance: random.Random, secret: str, folder: Path) -> list[str]:
    inside = folder / f"secrets{chance.random()}"
    inside.mkdir()
    for number in range(chance.choice([1, 3, 2000])):
        name = chance.choice(["hub_token", "trainspec_seed", f"hub_toke{number}", secret, f"trainspec_{secret}"])
        if not os.path.lexists(inside / name):
            kind = chance.random()
            if kind < 0.1:
                os.mkfifo(inside / name)
            elif kind < 0.2:
                (inside / name).symlink_to(chance.choice(["/dev/zero", inside / name]))
            else:
                (inside / name).write_text(f"{secret} " * int(10 ** chance.choice([0, 0, 4])))
    os.environ["TRAINSPEC_SECRETS_DIR"] = str(inside)
    return ["validate", "--env", "--format", chance.choice(["json", "text"])]


def _flags(chance: random.Random, secret: str, folder: Path) -> list[str]:
    # What is typed as a word may be the name of a file, which is told; a flag and its value are not.
    flags = ["--seed", "--output_dir", f"--{secret}", "--fsdp_config." + "a." * 20_000, "--label_names", "--deepspeed"]
    values = [secret, "[" * 50_000, "{" + f'"{secret}":' * 3000, "9" * 100_000, "k=1," * 20_000]
    return [
        "show",
        *(part for _ in range(chance.randint(1, 4)) for part in (chance.choice(flags), chance.choice(values))),
    ]


SOURCES: dict[str, Callable[[random.Random, str, Path], list[str]]] = {
    "yaml": _file("yaml"),
    "json": _file("json"),
    "toml": _file("toml"),
    "dotenv": _dotenv,
    "variables": _variables,
    "secrets": _secrets_directory,
    "flags": _flags,
}


def judge(argv: list[str]) -> tuple[int | None, str, float]:
    """The exit code of the command, None where it raised, all that it said, and its processor time in seconds."""
    from trainspec.cli import main

    said = io.StringIO()
    began = time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code: int | None = main(argv)
        except BaseException:  # whatever it raised is what is looked for
            code = None
            traceback.print_exc()
    return code, said.getvalue(), time.process_time() - began


def run(source: str, seed: int, seconds: float) -> dict[str, object]:
    """Judge inputs of one source for so many seconds."""
    chance = random.Random(f"{source}{seed}")
    judge(["validate", "--env"])
    slowest, longest, number, wrong = 0.0, 0, 0, []
    clean, end = dict(os.environ), time.monotonic() + seconds
    while number < 3 or time.monotonic() < end:
        number += 1
        secret = token(chance)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            argv = SOURCES[source](chance, secret, Path(folder))
            code, said, took = judge(argv)
            os.chdir("/")
        os.environ.clear()
        os.environ.update(clean)
        slowest, longest = max(slowest, took), max(longest, len(said))
        faults = [
            *(["raised: " + said[-800:]] if code not in (0, 1, 2) or "Traceback" in said else []),
            *(["told the token"] if secret.lower() in said.lower() else []),
            *([f"took {took:.1f} s"] if took > 2 else []),
        ]
        if faults:
            wrong.append([number, [word[:100] for word in argv], *faults])
    # What the system counts for a child begins with what its parent had.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return {"judged": number, "slowest": slowest, "peak": peak, "longest": longest, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
