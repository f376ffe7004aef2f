"""In the training image a run is configured from outside, trains, and ends in order when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import yaml
from tests.image.buildah import Container, must

from trainspec.deployment.k8s import as_k8s

RUN = {"output_dir": "/work/run", "num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"}


def test_variables_a_file_and_a_secret_configure_a_run(heavy: Container, mounted: Path) -> None:
    (mounted / "run.yaml").write_text(yaml.safe_dump({**RUN, "learning_rate": 0.003}))
    (mounted / "hub_token").write_text("hf_canary5d2e")
    variables = {
        "TRAINSPEC_CONFIG": "/etc/trainspec/run.yaml",
        "TRAINSPEC_SECRETS_DIR": "/run/secrets",
        "TRAINSPEC_SEED": "7",
        "TRAINSPEC_TASK__WIDTH": "32",
    }
    mounts = {
        mounted / "run.yaml": "/etc/trainspec/run.yaml:ro",
        mounted / "hub_token": "/run/secrets/hub_token:ro",
        mounted: "/work",
    }
    said = must(heavy.run("trainspec", "train", "digits", variables=variables, mounts=mounts))
    assert "model        /work/run/model.safetensors" in said
    settings = json.loads((mounted / "run" / "training_args.json").read_text())
    assert (settings["seed"], settings["learning_rate"]) == (7, 0.003)
    assert "hf_canary5d2e" not in "".join(path.read_text() for path in mounted.rglob("*.json"))
    assert (mounted / "run" / "model.safetensors").stat().st_uid == 10001


def test_the_config_map_of_an_export_configures_it_too(heavy: Container, mounted: Path) -> None:
    manifests = {item["kind"]: item for item in yaml.safe_load_all(as_k8s(RUN, options={"task": "digits"}))}
    words = manifests["Job"]["spec"]["template"]["spec"]["containers"][0]["args"]
    ended = heavy.run("trainspec", *words, variables=manifests["ConfigMap"]["data"], mounts={mounted: "/work"})
    assert "in 2 epochs" in must(ended)


def test_a_mistyped_variable_stops_it_before_it_trains(heavy: Container, mounted: Path) -> None:
    variables = {"TRAINSPEC_LERNING_RATE": "3e-4", "TRAINSPEC_OUTPUT_DIR": "/work/run"}
    ended = heavy.run("trainspec", "train", "digits", variables=variables, mounts={mounted: "/work"})
    assert ended.code == 1
    assert "did you mean TRAINSPEC_LEARNING_RATE?" in ended.err
    assert not (mounted / "run").exists()


def test_sigterm_ends_it_in_order(heavy: Container, mounted: Path) -> None:
    words = ("train", "digits", "--output_dir", "/work/long", "--max_steps", "1000000", "--save_steps", "50")
    command = heavy.command(["trainspec", *words], mounts={mounted: "/work"})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(mounted / "long" / "checkpoint-50" / "manifest.json", process)
        (number,) = heavy.processes(*words)
        os.kill(number, signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "exit status 143" in err or "status 143" in err
    assert "terminated; the newest checkpoint is /work/long/checkpoint-" in err


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    raise AssertionError(f"{path} never came")
