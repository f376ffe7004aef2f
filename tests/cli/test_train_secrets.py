"""A real run with a secret in every source: not a byte of it in anything the run prints, writes or starts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

CANARY = "hf_C4n4ryT0kenNobodyMaySee"

TASK = """
import json, subprocess, sys
from pathlib import Path
from trainspec.tasks import resolve_task, settings_model

digits = resolve_task("digits")

def task(args, settings):
    assert args.hub_token.get_secret_value().startswith("hf_C4")
    child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True)
    Path("child.txt").write_text(child.stdout)
    Path("args.pickle").write_bytes(__import__("pickle").dumps(args))
    Path("seen.txt").write_text(f"{args!r} {args} {args.to_json_string()} {args.to_sanitized_dict()}")
    return digits(args, settings)

task.settings_model = settings_model(digits)
"""


def from_variable(folder: Path) -> dict[str, str]:
    return {"TRAINSPEC_HUB_TOKEN": CANARY}


def from_old_variable(folder: Path) -> dict[str, str]:
    return {"TRAINSPEC_PUSH_TO_HUB_TOKEN": CANARY}


def from_mounted_file(folder: Path) -> dict[str, str]:
    (folder / "secret").write_text(CANARY + "\n")
    return {"TRAINSPEC_HUB_TOKEN_FILE": "secret"}


def from_secrets_directory(folder: Path) -> dict[str, str]:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "hub_token").write_text(CANARY)
    return {"TRAINSPEC_SECRETS_DIR": "secrets"}


def from_dotenv(folder: Path) -> dict[str, str]:
    (folder / "run.env").write_text(f"TRAINSPEC_HUB_TOKEN={CANARY}\n")
    return {"TRAINSPEC_ENV_FILE": "run.env"}


def from_config(folder: Path) -> dict[str, str]:
    (folder / "run.yaml").write_text(f"hub_token: {CANARY}\n")
    return {"TRAINSPEC_CONFIG": "run.yaml"}


SOURCES = [
    from_variable,
    from_old_variable,
    from_mounted_file,
    from_secrets_directory,
    from_dotenv,
    from_config,
]
PLANTED = {"secret", "secrets/hub_token", "run.env", "run.yaml"}


def check_what_is_left(folder: Path, **said: str) -> None:
    """The task saw the secret; nothing that was printed, started or written, but where it was planted, has it."""
    written = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert {"child.txt", "args.pickle", "out/checkpoint-2/manifest.json", "out/resolved_args.json"} <= written.keys()
    texts = {name: text.encode() for name, text in said.items()}
    texts |= {name: path.read_bytes() for name, path in written.items() if name not in PLANTED}
    assert [name for name, text in texts.items() if CANARY.encode() in text] == []


WORDS = ["--output_dir", "out", "--save_steps", "2", "--logging_steps", "1", "--log_level", "debug"]


def test_a_secret_is_in_nothing_that_a_whole_run_leaves(tmp_path: Path) -> None:
    """With each tracker that is installed, and the secret in several sources at once, of which the strongest counts."""
    (tmp_path / "planted.py").write_text(TASK)
    sources = (from_variable, from_secrets_directory, from_dotenv, from_config)
    environment = {**os.environ, **{name: at for source in sources for name, at in source(tmp_path).items()}}
    command = [sys.executable, "-m", "trainspec", "train", "planted:task", *WORDS, "--max_steps", "4", "--do_predict"]
    environment["PYTHONPATH"] = str(tmp_path)
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    check_what_is_left(tmp_path, stdout=run.stdout, stderr=run.stderr)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_a_secret_of_each_source_is_in_nothing_that_a_run_leaves(
    source: Callable[[Path], dict[str, str]], run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "planted", raising=False)
    for name, text in source(tmp_path).items():
        monkeypatch.setenv(name, text)
    ended = run("train", "planted:task", *WORDS, "--max_steps", "2", "--report_to", "none")
    assert ended.code == 0, ended.err
    check_what_is_left(tmp_path, stdout=ended.out, stderr=ended.err, variables=str(dict(os.environ)))


WORKERS = """
import os
from pathlib import Path
import torch
from pydantic import BaseModel, SecretStr
from torch.utils.data import DataLoader, Dataset
from trainspec.tasks import resolve_task, settings_model

class Mine(BaseModel):
    pin: SecretStr
    signing_key: str
    headers: dict[str, str] = {}

class Environments(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return dict(os.environ)

def task(args, settings):
    assert (settings.pin.get_secret_value(), settings.signing_key) == ("CANARY-1", "CANARY-2")
    assert settings.headers == {"x_token": "CANARY-3"}
    for context in ("fork", "spawn"):
        loader = DataLoader(Environments(), num_workers=1, batch_size=None, multiprocessing_context=context)
        Path(f"{context}.txt").write_text(str(list(loader)))
    digits = resolve_task("digits")
    return digits(args, settings_model(digits)())

task.settings_model = Mine
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("words", [[], ["--nproc", "2"]], ids=["one process", "two ranks"])
def test_data_loader_workers_inherit_no_secret_of_a_task(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(WORKERS)
    secrets = {"PIN": "CANARY-1", "SIGNING_KEY": "CANARY-2", "HEADERS__X_TOKEN": "CANARY-3"}
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TRAINSPEC_SEED": "7", "OMP_NUM_THREADS": "1"}
    environment |= {f"TRAINSPEC_TASK__{name}": value for name, value in secrets.items()}
    # Longer than the address of a socket may be: processes that speak through one make it elsewhere.
    passing = tmp_path / ("passing" * 16)
    passing.mkdir()
    environment["TMPDIR"] = str(passing)
    command = [sys.executable, "-m", "trainspec", "train", "planted:task", "--output_dir", "out", "--max_steps", "1"]
    command += ["--report_to", "none", "--save_strategy", "no", "--do_eval", "false"]
    run = subprocess.run([*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for context in ("fork", "spawn"):
        seen = (tmp_path / f"{context}.txt").read_text()
        # What ranks have printed is of no use after a run that ended well.
        assert list(passing.glob("trainspec-ranks-*")) == []
        # It is an environment, and what is no secret is in it.
        assert "TRAINSPEC_SEED" in seen and "CANARY" not in seen
