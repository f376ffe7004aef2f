"""`trainspec export --nproc N --nodes M`: the settings are judged for so many processes, and options for the form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from trainspec.answers.export import READ_BY
from trainspec.cli.export import FORM_OPTIONS

SPLIT = "per_device_train_batch_size: 12\naccelerator_config: {split_batches: true}\n"
MESH = "parallelism_config: {dp_shard_size: 4, tp_size: 2}\n"


@pytest.mark.parametrize("form", ["k8s", "slurm", "ray"])
def test_so_many_processes_are_exported(run: Callable, write: Callable, form: str) -> None:
    found = run("export", write("a.yaml", SPLIT), "--to", form, "--nproc", "2", "--nodes", "2", "--task", "digits")
    assert (found.code, found.err) == (0, "")
    assert found.out


@pytest.mark.parametrize("form", ["k8s", "slurm", "ray"])
@pytest.mark.parametrize(("text", "code"), [(SPLIT, "accelerator_config"), (MESH, "parallelism_config")])
def test_settings_that_do_not_fit_so_many_processes_are_findings(
    run: Callable, write: Callable, form: str, text: str, code: str
) -> None:
    path = write("a.yaml", text)
    found = run("export", path, "--to", form, "--nproc", "5", "--nodes", "7")
    assert (found.code, found.out) == (1, "")
    assert "35 processes" in found.err and code in found.err
    assert run("validate", path, "--world-size", "35").code == 1, "as validate says it"


def test_settings_are_judged_for_a_machine(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "bf16: true\n")
    assert run("export", path, "--to", "k8s", "--nproc", "8", "--target", "h100x8").code == 0
    found = run("export", path, "--to", "k8s", "--nproc", "8", "--target", "v100x8")
    assert (found.code, found.out) == (1, "")
    assert run("export", path, "--to", "env", "--target", "v100").code == 1
    assert "CLI103" in run("export", path, "--to", "k8s", "--target", "nowhere").err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--to", "k8s", "--nodes", "0"], "CLI123"),
        (["--to", "slurm", "--nproc", "0"], "CLI123"),
        (["--to", "ray", "--nproc", "two"], "CLI123"),
        (["--to", "slurm", "--grace", "0"], "CLI123"),
        (["--to", "k8s", "--nproc", "2", "--name", "Night_7"], "CLI124"),
        (["--to", "slurm", "--nproc", "2", "--gpus", "4"], "CLI125"),
        (["--to", "env", "--nproc", "2"], "CLI125"),
        (["--to", "slurm", "--kind", "job"], "CLI125"),
        (["--to", "ray", "--image", "a/b:1"], "CLI125"),
        (["--to", "ray", "--as", "file"], "CLI125"),
        (["--to", "compose", "--nodes", "2"], "CLI125"),
        (["--to", "k8s", "--kind", "deployment"], "CLI103"),
    ],
)
def test_nonsense_is_no_export(run: Callable, write: Callable, words: list[str], code: str) -> None:
    found = run("export", write("a.yaml", "seed: 1\n"), *words)
    assert (found.code, found.out) == (2, "")
    assert f"error[{code}]" in found.err


def test_help_names_the_forms_that_read_an_option() -> None:
    for option in FORM_OPTIONS:
        assert option.about.startswith(f"{', '.join(READ_BY[option.key])}: ")


def test_a_kind_of_kubeflow(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "seed: 1\n")
    kinds = {"job": "Job", "pytorchjob": "PyTorchJob", "trainjob": "TrainJob"}
    for kind, name in kinds.items():
        text = run("export", path, "--to", "k8s", "--kind", kind, "--nproc", "2", "--nodes", "2").out
        assert name in [item["kind"] for item in yaml.safe_load_all(text)]
