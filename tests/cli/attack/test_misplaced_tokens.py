"""A token in a wrong place, known by its shape alone: not a byte of it in any form of any answer."""

import json
from pathlib import Path

import pytest

TOKENS = (
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz12345678",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "https://user:Secret-pa55word@example.org/x",
)
PLACES = {
    "a value": "output_dir: '{}'\nrun_name: '{}'\n",
    "a value of a wrong type": "seed: '{}'\n",
    "no choice": "optim: '{}'\neval_strategy: '{}'\n",
    "a key": "'{}': 1\n",
    "a key inside": "fsdp_config: {{'{}': 1}}\nlr_scheduler_kwargs: {{'{}': 1}}\n",
    "an item": "label_names: ['{}']\nreport_to: ['{}']\n",
    "an argument": "optim_args: '{}=1'\n",
    "a path": "deepspeed: '{}'\n",
    "an alias": "a: *{}\n",
    "an anchor": "a: &{} 1\n",
    "a tag": "a: !{} 1\n",
    "a comment, and bad syntax": "# {}\na: [\n",
    "a line, and bad syntax": "{} {}\nb: [ }}\n",
    "a key twice": "'{}': 1\n'{}': 2\n",
    "an old name": "evaluation_strategy: '{}'\nno_cuda: '{}'\n",
    "the task's": "task: {{width: '{}', '{}': 1}}\n",
}
FORMS = ("text", "json", "sarif", "junit", "github")


def pieces(token: str) -> list[str]:
    return ["Secret-pa55word"] if "://" in token else [token, *token.split(".")[1:2]]


def names_it(token: str, text: str) -> bool:
    return any(piece.lower() in text.lower() for piece in pieces(token))


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("place", PLACES)
def test_no_answer_tells_it(place: str, token: str, run, write) -> None:
    path = write("run.yaml", PLACES[place].replace("{}", token).replace("{{", "{").replace("}}", "}"))
    commands = [["validate", path, "--format", form] for form in FORMS]
    commands += [["validate", path, "--task", "digits"], ["validate", path, "--ignore-unknown"]]
    commands += [["show", path], ["show", path, "--format", "json", "--all"], ["diff", path, path]]
    commands += [["migrate", path, "--diff"], ["migrate", path, "--check"], ["plan", path, "--rows", "100"]]
    commands += [["export", path, "--to", form] for form in ("env", "yaml", "toml", "json", "cli", "k8s", "slurm")]
    commands += [["migrate", path, "--to", form] for form in ("env", "yaml", "toml", "json", "cli")]
    for words in commands:
        found = run(*words)
        assert found.code in (0, 1, 2) and "Traceback" not in found.err
        assert not names_it(token, found.out + found.err), words


@pytest.mark.parametrize("token", TOKENS)
def test_no_answer_tells_one_of_the_environment(token: str, run, monkeypatch) -> None:
    for name in (f"TRAINSPEC_{token}", f"TRAINSPEC_FSDP_CONFIG__{token}", "TRAINSPEC_SEED", "TRAINSPEC_CONFIG"):
        with monkeypatch.context() as patch:
            patch.setenv(name, token)
            for words in (["validate", "--env"], ["validate", "--env", "--format", "json"], ["show"]):
                found = run(*words)
                assert found.code in (0, 1, 2) and not names_it(token, found.out + found.err)


def test_two_files_that_differ_in_one(run, write) -> None:
    one = write("one.yaml", f"run_name: {TOKENS[0]}\n")
    two = write("two.yaml", f"run_name: {TOKENS[1]}\n")
    for form in ("text", "json"):
        found = run("diff", one, two, "--format", form)
        assert found.code == 1 and not any(names_it(token, found.out + found.err) for token in TOKENS)


SECRETS = {
    "yaml": "hub_token: {}\nno_cuda: true # {}\nrun_name: x\n",
    "yaml of an anchor": "run_name: &t {}\nhub_token: *t\nno_cuda: true\n",
    "yaml of lines": "hub_token: >-\n  {}\n  second-half-of-it\nno_cuda: true\n",
    "toml": 'hub_token = "{}"\nno_cuda = true\n',
    "json": '{"hub_token": "{}",\n"no_cuda": true}\n',
    "an old name": "push_to_hub_token: {}\nno_cuda: true\n",
    "the task's": "task:\n  api_key: {}\nno_cuda: true\n",
}


@pytest.mark.parametrize("secret", ["plain-Secret-9f8e", TOKENS[0]])
@pytest.mark.parametrize("kind", SECRETS)
def test_a_diff_of_what_would_change_is_without_secrets(kind: str, secret: str, run, write) -> None:
    text = SECRETS[kind].replace("{}", secret)
    path = write(f"run.{kind.partition(' ')[0] if kind[:4] in ('yaml', 'toml', 'json') else 'yaml'}", text)
    for words in (["--diff"], ["--diff", "--format", "json"], ["--check"]):
        found = run("migrate", path, *words)
        assert found.code in (0, 1) and "no_cuda" in found.out + found.err
        assert secret not in found.out + found.err and "second-half" not in found.out
    assert "**********" in run("migrate", path, "--diff").out
    # What is written is what was there.
    assert run("migrate", path).code == 0
    assert secret in Path(path).read_text() and "use_cpu" in Path(path).read_text()


def test_a_diff_is_as_long_as_what_changed_and_applies(run, write) -> None:
    path = write("run.yaml", "seed: 1 # a\tb\nno_cuda: true")
    out = run("migrate", path, "--diff").out
    assert "-no_cuda: true\n\\ No newline" in out and "+use_cpu: true\n" in out and " seed: 1 # a\tb\n" in out


def test_the_json_of_what_would_change_tells_no_token(run, write) -> None:
    path = write("run.yaml", f"no_cuda: true\nrun_name: {TOKENS[0]}\nevaluation_strategy: {TOKENS[0]}\n")
    found = run("migrate", path, "--diff", "--format", "json")
    assert json.loads(found.out)["sources"] and not names_it(TOKENS[0], found.out + found.err)
