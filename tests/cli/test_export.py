"""`trainspec export`: a valid file in another form, without secrets; the form reads back as the same settings."""

from collections.abc import Callable
from importlib import import_module

import pytest

from trainspec.answers.export import FORMATS

FILE = """\
learning_rate: 3e-4
bf16: true
report_to: [wandb]
fsdp: [full_shard, auto_wrap]
fsdp_config: {min_num_params: 9}
run_name: a b
"""

FORMS = {
    "env": """\
TRAINSPEC_RUN_NAME='a b'
TRAINSPEC_LEARNING_RATE=0.0003
TRAINSPEC_REPORT_TO='["wandb"]'
TRAINSPEC_BF16=true
TRAINSPEC_FSDP='["full_shard", "auto_wrap"]'
TRAINSPEC_FSDP_CONFIG='{"min_num_params": 9}'
""",
    "cli": (
        "'--run_name=a b' --learning_rate=0.0003 '--report_to=[\"wandb\"]' --bf16 "
        """'--fsdp=["full_shard", "auto_wrap"]' '--fsdp_config={"min_num_params": 9}'\n"""
    ),
    "yaml": """\
run_name: a b
learning_rate: 0.0003
report_to: [wandb]
bf16: true
fsdp: [full_shard, auto_wrap]
fsdp_config:
  min_num_params: 9
""",
    "toml": """\
run_name = "a b"
learning_rate = 0.0003
report_to = ["wandb"]
bf16 = true
fsdp = ["full_shard", "auto_wrap"]

[fsdp_config]
min_num_params = 9
""",
}


@pytest.mark.parametrize(("form", "text"), FORMS.items(), ids=FORMS)
def test_a_form(run: Callable, write: Callable, form: str, text: str) -> None:
    found = run("export", write("a.yaml", FILE), "--to", form)
    assert (found.code, found.out) == (0, text)


@pytest.mark.parametrize("form", ["yaml", "toml", "json"])
def test_the_same_settings(run: Callable, write: Callable, form: str) -> None:
    path = write("a.yaml", f"{FILE}task: {{width: 64}}\n")
    written = write(f"b.{form}", run("export", path, "--to", form).out)
    assert run("diff", path, written).out == "the same settings\n"


def test_the_environment_gives_the_same(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.yaml", f"{FILE}task: {{width: 64}}\n")
    env = write("run.env", run("export", path, "--to", "env").out)
    monkeypatch.setenv("TRAINSPEC_ENV_FILE", str(env))
    assert run("validate", "--env", "--task", "digits").code == 0
    assert "learning_rate  0.0003" in run("show", "--task", "digits").out


def test_secrets_are_left_out(run: Callable, write: Callable) -> None:
    found = run("export", write("a.yaml", "hub_token: hf_x\nseed: 1\n"), "--to", "env")
    assert found.out == "TRAINSPEC_SEED=1\n"
    assert "secrets are not written: hub_token" in found.err


def test_a_file_that_is_not_valid(run: Callable, write: Callable) -> None:
    found = run("export", write("a.yaml", "seed: x\n"), "--to", "env")
    assert (found.code, found.out, "error[VAL101]" in found.err) == (1, "", True)
    assert run("export", "nowhere.yaml", "--to", "env").code == 2


def test_old_names_become_todays(run: Callable, write: Callable) -> None:
    assert run("export", write("a.yaml", "no_cuda: true\n"), "--to", "cli").out == "--use_cpu\n"


@pytest.mark.parametrize("words", [[], ["a.yaml"], ["a.yaml", "b.yaml", "--to", "env"], ["a.yaml", "--to", "xml"]])
def test_a_mistake(run: Callable, words: list[str]) -> None:
    assert run("export", *words).code == 2


def test_what_a_form_cannot_say_is_refused(run: Callable, write: Callable) -> None:
    found = run("export", write("a.yaml", 'run_name: "null"\n'), "--to", "cli")
    assert (found.code, found.out, "error[CLI111]" in found.err) == (2, "", True)


@pytest.mark.parametrize("place", FORMATS.values(), ids=FORMATS)
def test_every_form_has_its_function(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(getattr(import_module(module), name))
