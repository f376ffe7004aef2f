"""What variables name (a file, mounted secrets, a dotenv file) is read, and the strongest source wins."""

from __future__ import annotations

import json
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from trainspec import TrainingArguments, diagnostics, load


def codes(verdict: Any) -> list[str]:
    return [item.code for item in verdict.diagnostics]


def values(verdict: Any, *names: str) -> dict[str, Any]:
    assert verdict.ok, verdict.diagnostics
    return {name: verdict.settings.__dict__[name] for name in names}


class TestConfig:
    def test_a_path(self, judge, write):
        path = write("run.yaml", "seed: 5\nlearning_rate: 1e-3\n")
        verdict = judge({"TRAINSPEC_CONFIG": path, "TRAINSPEC_SEED": "6"})
        assert values(verdict, "seed", "learning_rate") == {"seed": 6, "learning_rate": 1e-3}
        assert str(verdict.settings.provenance["learning_rate"].source) == f"{path}:2:1"

    def test_a_url(self, judge):
        fsspec.filesystem("memory").pipe("/settings/run.json", b'{"seed": 5}')
        assert judge({"TRAINSPEC_CONFIG": "memory://settings/run.json"}).settings.seed == 5

    def test_one_that_is_missing_does_not_hide_other_faults(self, judge):
        assert codes(judge({"TRAINSPEC_CONFIG": "/no/such.yaml", "TRAINSPEC_SEED": "x"})) == ["SRC105", "VAL101"]

    @pytest.mark.parametrize(
        ("name", "text"), [("CONFIG", "/no.yaml"), ("CONFIG", "/a.yaml,/b.yaml"), ("ENV_FILE", "/e")]
    )
    def test_a_missing_file_is_told_with_the_variable_that_names_it(self, judge, name, text):
        found = judge({f"TRAINSPEC_{name}": text}).errors
        assert len(found) == len(text.split(","))
        assert all(f"TRAINSPEC_{name} (environment)" in item.render() for item in found)

    def test_a_missing_file_of_the_caller_is_not_the_variables(self, monkeypatch):
        monkeypatch.setenv("TRAINSPEC_CONFIG", "/other.yaml")
        with pytest.raises(ValueError, match="/no") as caught:
            load(config="/no.yaml")
        assert "TRAINSPEC_CONFIG" not in str(caught.value)

    def test_named_in_a_dotenv_file(self, judge, write):
        config = write("run.toml", "seed = 5\n")
        dotenv = write(".env", f"TRAINSPEC_CONFIG={config}\n")
        assert judge({"TRAINSPEC_ENV_FILE": dotenv}).settings.seed == 5

    def test_mappings_of_several_sources_are_laid_over_each_other(self, judge, write):
        path = write("run.yaml", "fsdp: full_shard\nfsdp_config: {min_num_params: 5, forward_prefetch: true}\n")
        verdict = judge({"TRAINSPEC_CONFIG": path, "TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS": "7"})
        assert verdict.settings.to_dict()["fsdp_config"] == {"min_num_params": 7, "forward_prefetch": True}
        where = verdict.settings.provenance
        assert where["fsdp_config.min_num_params"].source.name == "TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS"
        assert str(where["fsdp_config.forward_prefetch"].source).startswith(f"{path}:2:")


class TestMountedSecret:
    def test_is_read_without_its_line_break(self, judge, write):
        verdict = judge({"TRAINSPEC_HUB_TOKEN_FILE": write("token", "hf_mounted\n")}, push_to_hub=True)
        assert verdict.settings.hub_token.get_secret_value() == "hf_mounted"
        assert verdict.settings.provenance["hub_token"].source.name == "TRAINSPEC_HUB_TOKEN_FILE"

    def test_under_its_old_name(self, judge, write):
        verdict = judge({"TRAINSPEC_PUSH_TO_HUB_TOKEN_FILE": write("token", "hf_mounted")}, push_to_hub=True)
        assert verdict.settings.hub_token.get_secret_value() == "hf_mounted"
        assert codes(verdict) == ["REN101"]

    @pytest.mark.parametrize(
        ("place", "code"),
        [
            ("missing", "SRC105"),
            (".", "SRC106"),
            ("latin", "SRC106"),
            ("nosuch://x/y", "SRC106"),
            ("gs://x/y", "SRC111"),
        ],
    )
    def test_that_cannot_be_read_is_told_without_its_path(self, judge, write, tmp_path, place, code):
        write("latin", b"hf_\xff")
        path = place if "://" in place else str(tmp_path / place)
        (error,) = judge({"TRAINSPEC_HUB_TOKEN_FILE": path}).errors
        assert (error.code, error.source.name, error.fields) == (code, "TRAINSPEC_HUB_TOKEN_FILE", ("hub_token",))
        assert path not in error.render()

    def test_beside_the_secret_itself_is_refused(self, judge, write):
        environ = {"TRAINSPEC_HUB_TOKEN_FILE": write("token", "hf_mounted"), "TRAINSPEC_HUB_TOKEN": "hf_direct"}
        (error,) = judge(environ).errors
        assert (error.code, len(error.evidence)) == ("SRC113", 2)

    def test_of_a_subclass(self, judge, write):
        class WithPlain(TrainingArguments):
            wandb_key: str = ""

        class WithSecret(TrainingArguments):
            wandb_key: SecretStr | None = None

        verdict = judge({"TRAINSPEC_WANDB_KEY_FILE": write("key", "k-1")}, model=WithSecret)
        assert verdict.settings.wandb_key.get_secret_value() == "k-1"
        assert codes(judge({"TRAINSPEC_WANDB_KEY_FILE": "x"}, model=WithPlain)) == ["SRC101"]


STRENGTH = ("config", "secrets", "dotenv", "environment", "constructor")


@given(said=st.dictionaries(st.sampled_from(STRENGTH), st.integers(0, 2**32 - 1), min_size=1))
def test_the_strongest_source_wins_and_remembers_the_others(said, judge, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    (folder / "secrets").mkdir()
    environ = {"TRAINSPEC_SECRETS_DIR": str(folder / "secrets")}
    if "config" in said:
        (folder / "run.json").write_text(json.dumps({"seed": said["config"]}))
        environ["TRAINSPEC_CONFIG"] = str(folder / "run.json")
    if "secrets" in said:
        (folder / "secrets" / "seed").write_text(str(said["secrets"]))
    if "dotenv" in said:
        (folder / ".env").write_text(f"TRAINSPEC_SEED={said['dotenv']}")
        environ["TRAINSPEC_ENV_FILE"] = str(folder / ".env")
    if "environment" in said:
        environ["TRAINSPEC_SEED"] = str(said["environment"])
    arguments = {"seed": said["constructor"]} if "constructor" in said else {}
    settings = judge(environ, **arguments).settings
    ranked = [said[name] for name in reversed(STRENGTH) if name in said]
    assert settings.seed == ranked[0]
    assert [item.value for item in settings.provenance["seed"].overrode] == [str(value) for value in ranked[1:]]


def test_an_empty_mounted_secret_is_an_unset_one(tmp_path):
    (tmp_path / "token").write_text("\n")
    args = load(environ={"TRAINSPEC_HUB_TOKEN_FILE": str(tmp_path / "token")})
    assert args.hub_token is None


@pytest.mark.parametrize("text", ["base.yaml,site.yaml", "base.yaml, site.toml", "a,b"])
def test_one_text_with_a_comma_that_is_no_file_says_how_several_are_given(text: str) -> None:
    for read in (lambda: load(environ={}, config=text), lambda: TrainingArguments.from_file(text)):
        with pytest.raises(ValidationError) as caught:
            read()
        (fault,) = diagnostics(caught.value)
        names = ", ".join(f'"{name.strip()}"' for name in text.split(","))
        assert fault.remedy == f"several files are given as a list: [{names}]"
