"""A pipe, a device, a socket, a folder or a link in a circle in the place of every file that a command reads."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.attack.odd_files import KINDS, endless, pipe

pytestmark = pytest.mark.timeout(60)


COMMANDS = {
    "validate": ["validate", "odd.yaml"],
    "validate toml": ["validate", "odd.toml"],
    "validate json": ["validate", "odd.json"],
    "together": ["validate", "--together", "good.yaml", "odd.yaml"],
    "show": ["show", "odd.yaml"],
    "plan": ["plan", "odd.yaml", "--rows", "100"],
    "plan of a model": ["plan", "good.yaml", "--rows", "100", "--params-from", "odd.json"],
    "export": ["export", "odd.yaml", "--to", "env"],
    "diff": ["diff", "good.yaml", "odd.yaml"],
    "baseline": ["diff", "odd.yaml", "good.yaml"],
    "train": ["train", "digits", "--config", "odd.yaml"],
    "deepspeed": ["show", "--deepspeed", "odd.json"],
    "fsdp_config": ["show", "--fsdp_config", "odd.json"],
    "accelerator_config": ["show", "--accelerator_config", "odd.json"],
    "init": ["init", "odd.yaml"],
    "migrate --diff": ["migrate", "odd.yaml", "--diff"],
    **{
        f"migrate {ending}": ["migrate", f"odd{ending}", "--to", "yaml"]
        for ending in (".yaml", ".toml", ".json", ".py", ".bin", ".sh", ".bat", ".ps1", ".ipynb", "")
    },
}
VARIABLES = {
    "TRAINSPEC_CONFIG": "odd.yaml",
    "TRAINSPEC_ENV_FILE": "odd.env",
    "TRAINSPEC_HUB_TOKEN_FILE": "odd",
    "TRAINSPEC_TASK__KEY_FILE": "odd",
    "TRAINSPEC_DEEPSPEED": "odd.json",
}


def made(make: Callable[[Path], None], name: str, where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(where)
    (where / "good.yaml").write_text("output_dir: x\n")
    make(Path(name))


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_waits_for_it(words, make, run, tmp_path, monkeypatch):
    made(make, next(word for word in words if word.startswith("odd")), tmp_path, monkeypatch)
    found = run(*words)
    assert found.code in (0, 1, 2) and "Traceback" not in found.err
    # Only a file that a setting names may be missing here: it is read where the run is. A folder stands for its files.
    assert found.code != 0 or words[1].startswith("--")


@pytest.mark.parametrize("make", [pipe, endless], ids=["a pipe", "a device"])
@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_that_names_one_waits(name, make, run, tmp_path, monkeypatch):
    made(make, VARIABLES[name], tmp_path, monkeypatch)
    monkeypatch.setenv(name, VARIABLES[name])
    found = run("validate", "--env")
    assert found.code in (0, 1, 2) and "Traceback" not in found.err


def test_what_it_is_is_told(run, tmp_path, monkeypatch):
    made(pipe, "odd.yaml", tmp_path, monkeypatch)
    found = run("validate", "odd.yaml")
    assert found.code == 2 and "SRC106" in found.out + found.err
    assert "it is a pipe, and only regular files are read" in found.out + found.err


def test_the_pipe_of_a_shell_is_read(tmp_path):
    line = f"env TRAINSPEC_ENV_FILE=<(echo TRAINSPEC_SEED=x) {sys.executable} -m trainspec validate --env"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "seed must be a whole number" in done.stdout + done.stderr


def test_of_thousands_of_unknown_flags_a_screen_is_told(run, tmp_path):
    (tmp_path / "run.yaml").write_text("seed: 1\n")
    code, out, err = run("validate", tmp_path / "run.yaml", *(f"--learning_rat{number}=1" for number in range(3000)))
    assert code == 2 and "2,950 more flags match no setting" in err and err.count("error[") == 51
    assert len(out + err) < 20_000
