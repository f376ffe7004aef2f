"""A directory of mounted secrets: one file a setting, others' files beside them, and a mount gone wrong is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainspec import TrainingArguments


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def verdict(judge, folder):
    return lambda **arguments: judge({"TRAINSPEC_SECRETS_DIR": str(folder)}, push_to_hub=True, **arguments)


NAMES = ["hub_token", "HUB_TOKEN", "trainspec_hub_token", "TRAINSPEC_HUB_TOKEN", "Trainspec_Hub_Token"]


@pytest.mark.parametrize("name", NAMES)
def test_names(name, folder, verdict):
    (folder / name).write_text("  hf_mounted\n")
    settings = verdict().settings
    assert settings.hub_token.get_secret_value() == "hf_mounted"
    assert settings.provenance["hub_token"].source.name == str(folder / name)


def test_other_settings_are_parsed_as_text(folder, verdict):
    (folder / "seed").write_text("7")
    (folder / "trainspec_bf16").write_text("on\n")
    (folder / "label_names").write_text("a,b")
    assert verdict().settings.to_dict() == {"seed": 7, "bf16": True, "label_names": ["a", "b"], "push_to_hub": True}


def test_the_layout_of_kubernetes(folder, verdict):
    inner = folder / "..2024_01_01"
    inner.mkdir()
    (inner / "hub_token").write_text("hf_k8s")
    (folder / "..data").symlink_to(inner.name)
    (folder / "hub_token").symlink_to("..data/hub_token")
    assert verdict().settings.hub_token.get_secret_value() == "hf_k8s"


QUIET = {
    "others' secrets": {"db_password": "x", "tls.crt": "y", "aws_access_key_id": "z", "binary": "\x00"},
    "hidden files": {".hub_token": "x", ".env": "TRAINSPEC_NO=1"},
    "empty": {"hub_token": "\n"},
    "nothing": {},
}


@pytest.mark.parametrize("files", QUIET.values(), ids=QUIET)
def test_left_alone(files, folder, verdict):
    for name in ("database", "hub_tokn", "trainspec_backup"):
        (folder / name).mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    assert verdict().settings.model_fields_set == {"push_to_hub"} and not verdict().diagnostics


def test_a_file_of_others_is_not_even_opened(folder, verdict):
    (folder / "certificate").write_bytes(b"\xff\xfe")
    (folder / "endless").symlink_to("/dev/zero")
    assert verdict().ok


@pytest.mark.parametrize("name", ["hub_tokn", "HUB-TOKEN", "hubtoken"])
def test_a_near_miss_is_warned_about(name, folder, verdict):
    (folder / name).write_text("hf_canary")
    (item,) = verdict().warnings
    assert (item.code, item.remedy, item.source.name) == ("SRC116", "did you mean hub_token?", str(folder / name))
    assert "hf_canary" not in item.render()


def test_a_file_that_a_variable_names_is_no_near_miss(folder, judge):
    (folder / "token").write_text("hf_named")
    variables = {"TRAINSPEC_SECRETS_DIR": str(folder), "TRAINSPEC_HUB_TOKEN_FILE": str(folder / "token")}
    found = judge(variables, push_to_hub=True)
    assert found.settings.hub_token.get_secret_value() == "hf_named" and not found.diagnostics
    assert [item.code for item in judge({"TRAINSPEC_SECRETS_DIR": str(folder)}).diagnostics] == ["SRC116"]


def test_an_unknown_name_with_our_prefix_is_an_error(folder, verdict):
    (folder / "trainspec_hub_tokn").write_text("hf_canary")
    (item,) = verdict().errors
    assert (item.code, item.source.name) == ("SRC101", str(folder / "trainspec_hub_tokn"))
    assert item.remedy == "did you mean trainspec_hub_token?" and "hf_canary" not in item.render()


def test_an_old_name_works_with_one_warning(folder, verdict):
    (folder / "push_to_hub_token").write_text("hf_old")
    found = verdict()
    assert found.settings.hub_token.get_secret_value() == "hf_old"
    assert [item.code for item in found.diagnostics] == ["REN101"]


def test_two_files_of_one_setting(folder, verdict):
    (folder / "hub_token").write_text("hf_one")
    (folder / "TRAINSPEC_HUB_TOKEN").write_text("hf_one\n")
    assert verdict().ok
    (folder / "TRAINSPEC_HUB_TOKEN").write_text("hf_two")
    (item,) = verdict().errors
    assert (item.code, len(item.evidence)) == ("SRC113", 2)
    assert "hf_one" not in item.render() and "hf_two" not in item.render()


BROKEN = {
    "a folder in its place": (lambda path: path.mkdir(), "SRC106"),
    "a link to nothing": (lambda path: path.symlink_to("gone"), "SRC105"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "SRC106"),
    "not UTF-8": (lambda path: path.write_bytes(b"\xff"), "SRC106"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "SRC106"),
}


@pytest.mark.parametrize(("make", "code"), BROKEN.values(), ids=BROKEN)
def test_a_mount_gone_wrong(make, code, folder, verdict):
    make(folder / "hub_token")
    (item,) = verdict().errors
    assert (item.code, item.fields, item.source.name) == (code, ("hub_token",), str(folder / "hub_token"))


@pytest.mark.parametrize(
    ("name", "code"), [("no", "SRC105"), ("file", "SRC106"), ("a\0b", "SRC106"), ("a" * 5000, "SRC106")]
)
def test_a_directory_that_cannot_be_listed(name, code, judge, tmp_path):
    (tmp_path / "file").write_text("")
    found = judge({"TRAINSPEC_SECRETS_DIR": f"{tmp_path}/{name}", "TRAINSPEC_SEED": "x"}).errors
    assert [item.code for item in found] == [code, "VAL101"]
    assert any("TRAINSPEC_SECRETS_DIR" in str(each.source) for each in found[0].evidence) == (code == "SRC105")


def test_is_weaker_than_variables_and_stronger_than_the_file(folder, judge, write):
    (folder / "seed").write_text("2")
    (folder / "data_seed").write_text("2")
    environ = {"TRAINSPEC_SECRETS_DIR": str(folder), "TRAINSPEC_CONFIG": write("run.yaml", "seed: 1\ndata_seed: 1\n")}
    settings = judge({**environ, "TRAINSPEC_SEED": "3"}).settings
    assert (settings.seed, settings.data_seed) == (3, 2)


def test_the_process_itself(folder, monkeypatch):
    (folder / "seed").write_text("9")
    monkeypatch.setenv("TRAINSPEC_SECRETS_DIR", str(folder))
    assert TrainingArguments().seed == 9
    assert set(os.listdir(folder)) == {"seed"}
