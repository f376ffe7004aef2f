"""Commands with `--model` of an app: documents, environment, template and schemas by the app's own names."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from tests.cli.service_app import App

APP = "tests.cli.service_app:App"
CANARY = "canary-of-a-service"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)


DOCUMENT = """\
port: x
database:
  port: 1
train:
  learning_rate: "1e-3"
  lerning_rate: 3
  bf16: true
  fp16: true
jobs:
  - seed: 1
  - seed: x
nothing: 1
"""
EXPECTED = {
    ("VAL101", "port", 1),
    ("VAL101", "train.learning_rate", 5),
    ("SRC102", "train.lerning_rate", 6),
    ("PRE101", "train.bf16", 7),
    ("VAL101", "jobs.1.seed", 11),
    ("VAL107", "nothing", 12),
}


def test_every_fault_of_a_document_with_its_line(run: Callable, write: Callable) -> None:
    said = run("validate", write("run.yaml", DOCUMENT), "--model", APP, "--format", "json")
    assert said.code == 1
    (report,) = json.loads(said.out)["files"]
    first = [(item["code"], item["evidence"][0]) for item in report["diagnostics"]]
    assert {(code, evidence["field"], evidence["source"]["line"]) for code, evidence in first} == EXPECTED
    text = run("validate", "run.yaml", "--model", APP).out
    assert "train.bf16 and train.fp16 exclude each other" in text and "run.yaml:8:3" in text


def test_a_document_alone_sees_no_environment(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__SEED", "x")
    monkeypatch.setenv("APP_PORT", "x")
    write("app.env", "APP_PORT=x\n")
    assert run("validate", write("run.yaml", "train: {seed: 3}\n"), "--model", APP).code == 0


def test_the_environment_by_the_apps_names(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_DATABASE__PORT", "x")
    monkeypatch.setenv("APP_JOB__TRAIN__SEDE", "1")
    monkeypatch.setenv("APP_TRAIN__HUB_TOKEN", CANARY)
    write("app.env", "\nAPP_TRAIN__LEARNING_RATE=fast\n")
    said = run("validate", "--env", "--model", APP)
    assert said.code == 1 and CANARY not in said.out + said.err
    for line in (
        "error[SRC101] APP_JOB__TRAIN__SEDE matches no setting",
        "did you mean APP_JOB__TRAIN__SEED?",
        "app.env:2 (dotenv)",
        "APP_DATABASE__PORT (environment)",
    ):
        assert line in said.out
    write("app.env", "")
    monkeypatch.delenv("APP_DATABASE__PORT")
    monkeypatch.delenv("APP_JOB__TRAIN__SEDE")
    monkeypatch.delenv("APP_TRAIN__HUB_TOKEN")
    assert run("validate", "--env", "--model", APP).code == 0


def test_the_environment_over_a_document(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("run.yaml", "train: {bf16: true, seed: x}\n")
    monkeypatch.setenv("APP_TRAIN__SEED", "7")
    assert run("validate", path, "--env", "--model", APP).code == 0
    monkeypatch.setenv("APP_TRAIN__FP16", "true")
    said = run("validate", path, "--env", "--model", APP)
    assert said.code == 1 and "APP_TRAIN__FP16 (environment)" in said.out and "run.yaml:1:9" in said.out


def test_warnings_keys_of_others_and_machines(run: Callable, write: Callable) -> None:
    path = write("run.yaml", "train: {tf32: true, use_cpu: true, mine: 1}\nother: 1\n")
    said = run("validate", path, "--model", APP, "--ignore-unknown", "--strict")
    assert said.code == 1 and "warning[PRE304] train.tf32 is set" in said.out
    assert "train.mine, other" in said.err or "other, train.mine" in said.err
    write("run.yaml", "train: {bf16: true}\n")
    said = run("validate", path, "--model", APP, "--target", "v100")
    assert said.code == 1 and "error[TGT101] train.bf16 needs bfloat16" in said.out


def test_text_that_is_no_json(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN", CANARY)
    said = run("validate", "--env", "--model", APP)
    assert said.code == 1 and "error[SRC107]" in said.out and "train" in said.out
    assert CANARY not in said.out + said.err


def test_text_that_is_no_json_is_named(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    write("app.env", "\nAPP_DATABASE={'host': 1}\n")
    assert "database   app.env:2 (dotenv)" in run("validate", "--env", "--model", APP).out
    monkeypatch.setenv("APP_DATABASE", '{"host": "a"}')
    monkeypatch.setenv("APP_JOBS", f"[{CANARY}")
    said = run("validate", "--env", "--model", APP).out
    assert "jobs   APP_JOBS (environment)" in said and CANARY not in said


@pytest.mark.parametrize("model", ["tests.cli.service_app:Bare", "tests.cli.service_app:Database", "json:loads"])
def test_what_has_no_settings_inside(run: Callable, write: Callable, model: str) -> None:
    said = run("validate", write("run.yaml", "{}\n"), "--model", model)
    assert said.code == 2 and "error[CLI106]" in said.err


def test_a_task_is_of_a_run(run: Callable, write: Callable) -> None:
    said = run("validate", write("run.yaml", "{}\n"), "--model", APP, "--task", "digits")
    assert said.code == 2 and "error[CLI102]" in said.err


# The template, and the schemas.


def assignments(text: str) -> dict[str, str]:
    lines = (line[1:] for line in text.splitlines() if line.startswith("#APP_"))
    return dict(line.split("=", 1) for line in lines)


def test_the_template_names_what_the_app_reads(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("init", "app.env", "--model", APP).code == 0
    text = (tmp_path / "app.env").read_text()
    said = assignments(text)
    assert said["APP_PORT"] == "8000" and said["APP_DATABASE__HOST"] == "localhost"
    assert {"APP_TRAIN__LEARNING_RATE", "APP_JOB__TRAIN__HUB_TOKEN_FILE", "APP_JOBS"} <= said.keys()
    assert "APP_TRAIN__CONFIG" not in said and "APP_TRAIN__FSDP_CONFIG__KEY" in text
    names = [f"APP_TRAIN__{name}" for name in ("SEED", "LEARNING_RATE", "OUTPUT_DIR", "WARMUP_RATIO")]
    (tmp_path / "app.env").write_text("".join(f"{name}={said[name]}\n" for name in names))
    assert App().train.model_fields_set == {"seed", "learning_rate", "output_dir", "warmup_ratio"}


def test_a_template_without_an_app(run: Callable, tmp_path: Path) -> None:
    assert run("init", ".env").code == 0
    assert "#TRAINSPEC_LEARNING_RATE=" in (tmp_path / ".env").read_text()
    assert run("init", "run.yaml", "--model", APP).code == 2
    assert run("init", ".env").code == 2


@pytest.mark.parametrize(
    ("variables", "valid"),
    [
        ({"APP_TRAIN__LEARNING_RATE": "1e-3", "APP_PORT": "1", "PATH": "/bin", "APPLE": "1"}, True),
        ({"APP_TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS": "3", "APP_JOBS": "[]"}, True),
        ({"APP_TRAIN__LERNING_RATE": "1e-3"}, False),
        ({"APP_TRAIN__LEARNING_RATE": "fast"}, False),
        ({"APP_JOB__TRAIN__SEED": "x"}, False),
        ({"APP_TRAIN__CONFIG": "run.yaml"}, False),
    ],
)
@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_the_schema_of_the_environment_says_what_the_app_says(
    run: Callable, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], valid: bool
) -> None:
    schema = json.loads(run("schema", "--for", "env", "--model", APP).out)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(variables) is valid
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    try:
        App()
    except ValidationError:
        assert not valid
    else:
        assert valid


def test_the_schema_of_documents(run: Callable) -> None:
    said = run("schema", "--model", APP)
    schema = json.loads(said.out)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"port": 1, "train": {"seed": 3}, "jobs": [{"bf16": True}]})
    assert not validator.is_valid({"train": {"seed": "x"}}) and not validator.is_valid({"other": 1})
    assert run("schema", "--model", APP, "--draft", "7").code == 2


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("APP_PROT", "APP_PORT"),
        ("APP_TRAIN_LEARNING_RATE", "APP_TRAIN__LEARNING_RATE"),
        ("APP_TRIAN__LEARNING_RATE", "APP_TRAIN__LEARNING_RATE"),
        ("APP_DATABASE_HOST", "APP_DATABASE__HOST"),
        ("APP_JOB__TRIAN__SEED", "APP_JOB__TRAIN__SEED"),
        ("APP_JOB_TRAIN__SEED", "APP_JOB__TRAIN__SEED"),
    ],
)
def test_a_variable_that_the_app_overlooks_is_told(
    run: Callable, monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    monkeypatch.setenv(written, CANARY)
    out = run("validate", "--env", "--model", APP)[1]
    assert f"warning[SRC126] {written} matches nothing in App" in out and f"did you mean {meant}?" in out
    assert CANARY not in out


@pytest.mark.parametrize(
    "name",
    ["APP_PORTS", "APP_TRAINING", "APP_HOST", "APP_TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS", "APP_JOBS", "app_port", "PROT"],
)
def test_what_is_no_slip_is_not_told(run: Callable, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "[]" if name == "APP_JOBS" else "3")
    assert "SRC126" not in run("validate", "--env", "--model", APP)[1]


def test_without_a_prefix_names_are_shared_with_others(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cli.service_app import Bare

    from trainspec.answers.near_misses import near_misses

    assert near_misses(Bare, ["PROT"]) == []


def test_a_document_alone_is_judged_without_variables(
    run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_PROT", "3")
    assert "SRC126" not in run("validate", write("a.yaml", "port: 3\n"), "--model", APP)[1]
