"""Promise: a URL on the command line is shown without its password, in every form and every message."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

SECRET = "hunter2"
# No package speaks the first, the second fails with what S3's own package says of it.
URLS = {
    "a password": f"nosuch://me:{SECRET}@host/x.yaml",
    "a slash in it": f"s3://me:{SECRET}/p@host/x.yaml",
    "a space in it": f"nosuch://me:a {SECRET} b@host/x.yaml",
    "a quote in it": f"nosuch://me:a'{SECRET}\"b@host/x.yaml",
    "a long one": f"nosuch://me:{'x' * 20}{SECRET * 9}@host/x.yaml",
}
each_url = pytest.mark.parametrize("url", URLS.values(), ids=URLS)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


@each_url
@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github"])
def test_a_file_to_validate(run: Callable, write: Callable, form: str, url: str) -> None:
    found = run("validate", url, write("a.yaml", "seed: x\n"), "--format", form)
    assert found.code == 2
    assert "host" in found.out
    assert SECRET not in found.out + found.err


def test_the_forms_name_the_url(run: Callable) -> None:
    url, shown = f"nosuch://me:{SECRET}@host/x.yaml", "nosuch://**********@host/x.yaml"
    assert json.loads(run("validate", url, "--format", "json").out)["files"][0]["file"] == shown
    case = ElementTree.fromstring(run("validate", url, "--format", "junit").out).find(".//testcase")
    assert case is not None
    assert (case.get("name"), case.get("file")) == (shown, shown)
    results = json.loads(run("validate", url, "--format", "sarif").out)["runs"][0]["results"]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": shown}
    # One file needs no header.
    assert run("validate", url).out.startswith("error[")
    assert run("validate", url, url).out.startswith(f"{shown}\nerror[")


def test_a_path_that_is_no_url_is_named_as_it_is(run: Callable, write: Callable) -> None:
    name = "me:a@b/token=5 x.yaml"
    write(name, "seed: x\n")
    assert json.loads(run("validate", name, "--format", "json").out)["files"][0]["file"] == name


MESSAGES: dict[str, Callable[[str], list[str]]] = {
    "a command": lambda url: [url],
    "a setting": lambda url: ["explain", url],
    "a code": lambda url: ["rule", url],
    "a shell": lambda url: ["completion", url],
    "a target": lambda url: ["validate", "--target", url, "a.yaml"],
    "a task": lambda url: ["validate", "--task", f"{url}:x", "a.yaml"],
    "a task to train": lambda url: ["train", url],
    "a class": lambda url: ["validate", "--model", url, "a.yaml"],
    "a class of a schema": lambda url: ["schema", "--model", url],
    "a file to migrate": lambda url: ["migrate", url],
    "a file to make": lambda url: ["init", f"{url}.json"],
    "a file to show": lambda url: ["show", url],
    "a file to export": lambda url: ["export", "--to", "env", url],
    "a file to plan": lambda url: ["plan", "--rows", "5", url],
    "files to compare": lambda url: ["diff", "a.yaml", url],
    "a form": lambda url: ["validate", "--format", url, "a.yaml"],
    "an option": lambda url: ["validate", f"--{url}", "a.yaml"],
    "a value": lambda url: ["validate", f"--world-size={url}", "a.yaml"],
    "a subtree": lambda url: ["validate", "--at", url, "a.yaml"],
}


@each_url
@pytest.mark.parametrize("words", MESSAGES.values(), ids=MESSAGES)
def test_a_word_in_a_message(run: Callable, write: Callable, words: Callable[[str], list[str]], url: str) -> None:
    write("a.yaml", "seed: 1\n")
    found = run(*words(url))
    assert found.code != 0
    assert found.out + found.err
    assert SECRET not in found.out + found.err


def test_a_file_that_is_there(run: Callable, tmp_path: Path) -> None:
    url = f"nosuch://me:a {SECRET}@host/x.yaml"
    first, second = run("init", url), run("init", url)
    assert (first.code, second.code) == (0, 2)
    assert "nosuch://**********@host/x.yaml written" in first.out
    assert "nosuch://**********@host/x.yaml is there already" in second.err
    assert SECRET not in "".join((*first[1:], *second[1:]))


def test_a_word_that_is_no_url_is_told(run: Callable) -> None:
    assert "there is no setting me@example.org" in run("explain", "me@example.org").err
    assert "there is no code 12:30@home" in run("rule", "12:30@home").err
