"""Each heavy tracker in an environment of its own, its test run there: `run.py [NAME ...]`; no name means all.

An environment sees everything in the environment that runs this file, torch included, and adds one tracker to it, so
ten of them cost what their libraries cost. They are kept: a second run starts at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".venv-trackers"

# What pip is asked for. mlflow-skinny is mlflow without its server and data bases.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "mlflow_skinny": ("mlflow-skinny",),
    "comet_ml": ("comet-ml",),
    "clearml": ("clearml",),
    "dvclive": ("dvclive",),
    "codecarbon": ("codecarbon",),
    "swanlab": ("swanlab",),
    "neptune": ("neptune<2",),
    "flyte": ("flytekit",),
    "azure_ml": ("azureml-mlflow",),
    "dagshub": ("dagshub", "mlflow"),
}


def python_of(name: str) -> Path:
    """The interpreter of one tracker's environment, which is made where it is missing."""
    folder = ENVIRONMENTS / name
    python, done = folder / "bin" / "python", folder / "installed"
    if done.exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    # addsitedir also follows the link that an editable install is; what is installed here itself comes first.
    shared = sysconfig.get_path("purelib")
    (packages / "shared.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(ROOT / ".ci" / "constraints.txt"), *REQUIREMENTS[name]], check=True)
    done.touch()
    return python


def run(name: str) -> bool:
    began = time.monotonic()
    python = python_of(name)
    ready = time.monotonic()
    command = [str(python), "-m", "pytest", "-q", "-p", "no:xdist", str(HERE / f"test_{name}.py")]
    outcome = subprocess.run(command, cwd=ROOT, env={**os.environ, "TEST_TRACKERS": name})
    passed = outcome.returncode == 0
    seconds = f"environment {ready - began:.0f} s, tests {time.monotonic() - ready:.0f} s"
    print(f"{name}: {'passed' if passed else 'FAILED'} ({seconds})", flush=True)
    return passed


def main(names: list[str]) -> int:
    unknown = set(names) - REQUIREMENTS.keys()
    if unknown:
        print(f"no such tracker: {', '.join(sorted(unknown))}; there are {', '.join(REQUIREMENTS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or REQUIREMENTS if not run(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
