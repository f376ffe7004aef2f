"""Several files stay apart in an export, in their order, or become one; a container reads the same from both."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.deployment.reading import TOKEN, Manifests, of_service, settings_in
from tests.settings.samples import BESIDE, FIELDS, sample

from trainspec import TrainingArguments
from trainspec.answers.documents import judged
from trainspec.answers.export import export
from trainspec.cli import main
from trainspec.settings.sources.files import parse_document

BASE: dict[str, Any] = {
    "output_dir": "runs/base",
    "evaluation_strategy": "epoch",
    "fsdp": ["full_shard", "auto_wrap"],
    "fsdp_config": {"min_num_params": 1000, "forward_prefetch": True},
    "run_name": "$HOME",
    "push_to_hub": True,
    "hub_token": "hf_canary9b3a",
    "task": {"width": 64, "depth": 2, "api_key": "hf_canary9b3a"},
}
SITE: dict[str, Any] = {
    "output_dir": "/data/runs",
    "fsdp_config": {"min_num_params": 2000},
    "label_names": None,
    "task": {"width": 128},
}


def exported(form: str, documents: list[dict[str, Any]], names: list[str] | None = None, **options: str) -> str:
    named = names or [f"configs/{number}.yaml" for number in range(len(documents))]
    pairs = zip(documents, named, strict=True)
    one = judged(*(parse_document(yaml.safe_dump(document), "yaml", name) for document, name in pairs))
    found = export(one, form, options)
    assert found.text is not None, (found.refusal, found.diagnostics)
    return found.text


def environments(documents: list[dict[str, Any]], files: Path, **options: str) -> list[dict[str, str]]:
    """What the container of either export starts with."""
    for name in ("k8s", "compose"):
        (files / name).mkdir()
    return [
        Manifests(exported("k8s", documents, **options)).environment(files / "k8s"),
        of_service(exported("compose", documents, **options), files / "compose"),
    ]


OPTIONS: dict[str, dict[str, str]] = {"apart": {}, "merged": {"merge": ""}, "a file": {"merge": "", "as": "file"}}


# What looks like a placeholder stays as it stands.
@pytest.mark.filterwarnings("ignore:.*VAL201")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_container_reads_what_the_files_said(options: dict[str, str], tmp_path: Path) -> None:
    expected = TrainingArguments.from_dict(
        {key: value for key, value in {**BASE, **SITE}.items() if key not in ("task", "evaluation_strategy")}
        | {"eval_strategy": "epoch", "fsdp_config": {"min_num_params": 2000, "forward_prefetch": True}}
    )
    for environment in environments([BASE, SITE], tmp_path, **options):
        settings = settings_in(environment)
        assert settings.to_dict() == expected.to_dict()
        assert settings.hub_token is not None and settings.hub_token.get_secret_value() == TOKEN
        apart = environment.get("TRAINSPEC_CONFIG", "").count(",") == 1
        assert apart == (options == {})
        if apart:
            entry = settings.provenance["output_dir"]
            assert entry.source.name.endswith("/2-1.yaml")
            assert [item.source.name.rpartition("/")[2] for item in entry.overrode] == ["1-0.yaml"]


values = st.sampled_from([name for name in FIELDS if not BESIDE.get(name)]).map(lambda name: (name, sample(name)))
texts = st.tuples(st.sampled_from(["run_name", "logging_dir"]), st.text(min_size=1, max_size=8) | st.none())


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@given(st.lists(st.lists(values | texts, max_size=4).map(dict), min_size=2, max_size=3))
def test_any_files_come_back(documents: list[dict[str, Any]]) -> None:
    whole = {name: value for document in documents for name, value in document.items()}
    try:
        expected = TrainingArguments.from_dict(whole).to_dict()
    except ValueError:
        return
    with tempfile.TemporaryDirectory() as folder:
        for environment in environments(documents, Path(folder)):
            assert settings_in(environment).to_dict() == expected


def test_every_object_is_valid_and_holds_no_secret() -> None:
    for options in OPTIONS.values():
        text = exported("k8s", [BASE, SITE], **options)
        found = Manifests(text)
        for manifest in found.all:
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
        assert "hf_canary" not in text + exported("compose", [BASE, SITE], **options)
        assert set(found.by_kind["Secret"]["stringData"]) == {"hub_token", "task__api_key"}


def test_each_file_is_a_config_map_named_after_it() -> None:
    names = ["a/Base Config.yaml", "s3://b/x/run,1.yaml?v=2", "c/run.toml", "réseau.yaml", "日.json"]
    text = exported("k8s", [{"seed": number} for number in range(5)], names, name="night")
    maps = [item for item in Manifests(text).all if item["kind"] == "ConfigMap"]
    called = ["1-base-config", "2-run-1", "3-run", "4-r-seau", "5"]
    assert [item["metadata"]["name"] for item in maps] == [f"night-settings-{name}" for name in called]
    assert [yaml.safe_load(*item["data"].values()) for item in maps] == [{"seed": number} for number in range(5)]
    (config,) = [item["value"] for item in Manifests(text).container["env"]]
    assert config == ",".join(f"/etc/trainspec/{name}.yaml" for name in called)


REFUSED = {
    "variables": ([BASE, SITE], {"as": "variables"}, "add --merge"),
    "a credential that is overridden": (
        [{"output_dir": "s3://k:hf_canary@b/r"}, {"output_dir": "a"}],
        {},
        "credential",
    ),
}


@pytest.mark.parametrize(("documents", "options", "why"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("form", ["k8s", "compose"])
def test_what_cannot_be_kept_apart_is_refused(
    form: str, documents: list[dict[str, Any]], options: dict[str, str], why: str
) -> None:
    found = export(judged(*(parse_document(yaml.safe_dump(one), "yaml", "a.yaml") for one in documents)), form, options)
    assert found.text is None and found.refusal is not None
    assert why in found.refusal.message and "hf_canary" not in str(found.refusal)


def test_the_command_keeps_files_apart_or_merges_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump({**BASE, "hub_token": None}))
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE))
    words = ["export", str(tmp_path / "base.yaml"), str(tmp_path / "site.yaml"), "--to", "compose"]
    assert main(words) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert list(found["configs"]) == ["settings-1-base", "settings-2-site"]
    assert main([*words, "--merge"]) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert "configs" not in found
    assert found["services"]["trainspec"]["environment"]["TRAINSPEC_TASK__WIDTH"] == "128"
