"""A team's tests: `assert_valid` says all that is wrong, and the pytest plugin makes tests of files of settings."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from trainspec import Settings, TrainingArguments
from trainspec.testing import assert_valid

pytest_plugins = ["pytester"]

GOOD = {"output_dir": "out", "learning_rate": 3e-4}
BAD = {"output_dir": "out", "bf16": True, "fp16": True, "learning_rat": 1}
WARNED = {"output_dir": "out", "load_best_model_at_end": False, "eval_steps": 5}


class Own(Settings):
    depth: int = 3


def test_what_is_valid_passes(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("output_dir: out\n---\noutput_dir: other\nlearning_rate: 1.0e-3\n")
    assert_valid(GOOD)
    assert_valid(file)
    assert_valid(str(file), target="cpu", world_size=1)
    assert_valid({"fsdp": "hybrid_shard"}, world_size=6, nodes=3)
    with pytest.raises(AssertionError, match="PAR121"):
        assert_valid({"fsdp": "hybrid_shard"}, world_size=6, nodes=4)
    assert_valid(TrainingArguments.from_dict(GOOD))
    assert_valid({"depth": 4}, model=Own)
    assert_valid(Own.from_dict({"depth": 4}))


def test_files_in_a_list_are_judged_as_one(tmp_path: Path) -> None:
    base, site = tmp_path / "base.yaml", tmp_path / "site.yaml"
    base.write_text("output_dir: out\neval_strategy: epoch\nsave_strategy: epoch\n")
    site.write_text("load_best_model_at_end: true\n")
    assert_valid([base, str(site)])
    with pytest.raises(AssertionError, match=r"site.yaml is not valid"):
        assert_valid(site)
    base.write_text("eval_strategy: epoch\n")
    with pytest.raises(AssertionError, match=r"base.yaml, .*site.yaml is not valid[^$]*CKP101"):
        assert_valid([base, site])
    with pytest.raises(AssertionError, match="SRC105"):
        assert_valid([base, tmp_path / "nowhere.yaml"])


def test_the_error_holds_every_diagnostic() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_valid(BAD)
    assert "this document is not valid" in str(caught.value)
    assert "error[PRE101]" in str(caught.value)
    assert "learning_rate" in str(caught.value)


def test_a_file_is_named_with_its_line_and_document(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("output_dir: out\n---\noutput_dir: other\nlearning_rate: -1\n")
    with pytest.raises(AssertionError, match=r"run.yaml \(document 2\) is not valid") as caught:
        assert_valid(file)
    assert "run.yaml:4" in str(caught.value)


@pytest.mark.parametrize("content", [None, "a: [", b"\xff"], ids=["missing", "malformed", "no-text"])
def test_a_file_that_cannot_be_read_fails(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "run.yaml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AssertionError, match=r"error\[SRC"):
        assert_valid(file)


def test_a_warning_passes_unless_it_may_not() -> None:
    assert_valid(WARNED)
    with pytest.raises(AssertionError, match=r"warning\["):
        assert_valid(WARNED, allow_warnings=False)


def test_the_machine_is_checked_where_it_is_named() -> None:
    assert_valid({"output_dir": "out", "bf16": True})
    with pytest.raises(AssertionError, match=r"error\[TGT"):
        assert_valid({"output_dir": "out", "bf16": True}, target="v100")
    with pytest.raises(ValueError, match="h1000"):
        assert_valid(GOOD, target="h1000")


def test_the_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_LEARNING_RATE", "-1")
    assert_valid(GOOD)


def test_no_secret_is_in_the_error() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_valid({**BAD, "hub_token": "hf_abcdefghijklmnop"})
    assert "hf_abc" not in str(caught.value)


def run_pytest(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    installed = "trainspec" in {point.name for point in entry_points(group="pytest11")}
    plugin = () if installed else ("-p", "trainspec.pytest_plugin")
    return pytester.runpytest_inprocess(*plugin, "-p", "no:cacheprovider", *arguments)


@pytest.fixture
def configs(pytester: pytest.Pytester) -> pytest.Pytester:
    folder = pytester.mkdir("configs")
    (folder / "good.yaml").write_text("output_dir: out\n")
    (folder / "bad.yaml").write_text("output_dir: out\nbf16: true\nfp16: true\n")
    (folder / "warned.yaml").write_text("output_dir: out\neval_steps: 5\n")
    (folder / "notes.txt").write_text("no settings\n")
    return pytester


def test_files_that_match_are_tests(configs: pytest.Pytester) -> None:
    configs.makeini("[pytest]\ntrainspec_files = configs/*.yaml\n")
    result = run_pytest(configs, "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*configs/good.yaml::settings PASSED*", "*error[[]PRE101[]]*", "*configs/bad.yaml:2*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_patterns_reach_into_folders_and_nothing_is_collected_without_one(configs: pytest.Pytester) -> None:
    run_pytest(configs).assert_outcomes()
    configs.makeini("[pytest]\ntrainspec_files = **/good.yaml\n")
    run_pytest(configs).assert_outcomes(passed=1)
    run_pytest(configs, "configs/good.yaml").assert_outcomes(passed=1)


def test_files_of_one_line_are_a_test(configs: pytest.Pytester) -> None:
    (configs.path / "configs" / "site.yaml").write_text("fp16: false\n")
    lines = "    configs/bad.yaml configs/site.yaml\n    configs/good.yaml configs/bad.yaml\n"
    configs.makeini(f"[pytest]\ntrainspec_together =\n{lines}")
    result = run_pytest(configs, "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*configs/site.yaml::settings over configs/bad.yaml PASSED*"])
    result.stdout.fnmatch_lines(["*configs/good.yaml, configs/bad.yaml is not valid*", "*configs/bad.yaml:3*"])
    together = "trainspec_together =\n    configs/bad.yaml configs/site.yaml\n"
    configs.makeini(f"[pytest]\ntrainspec_files = configs/site.yaml\n{together}")
    run_pytest(configs).assert_outcomes(passed=2)
    configs.makeini("[pytest]\ntrainspec_together =\n    configs/bsae.yaml configs/site.yaml\n")
    result = run_pytest(configs)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*there is no file configs/bsae.yaml*"])


@pytest.mark.parametrize(
    ("option", "failed"),
    [("trainspec_allow_warnings = false", 2), ("trainspec_target = v100", 1), ("trainspec_world_size = 4", 1)],
    ids=["warnings", "target", "world-size"],
)
def test_options_say_how_strictly_files_are_judged(configs: pytest.Pytester, option: str, failed: int) -> None:
    configs.makeini(f"[pytest]\ntrainspec_files = configs/*.yaml\n{option}\n")
    run_pytest(configs).assert_outcomes(passed=3 - failed, failed=failed)


def test_files_are_judged_for_as_many_nodes(configs: pytest.Pytester) -> None:
    (configs.path / "configs" / "hybrid.yaml").write_text("fsdp: hybrid_shard\n")
    for nodes, outcome in ((2, "passed"), (4, "failed")):
        declared = f"trainspec_world_size = 4\ntrainspec_nodes = {nodes}"
        configs.makeini(f"[pytest]\ntrainspec_files = configs/hybrid.yaml\n{declared}\n")
        run_pytest(configs).assert_outcomes(**{outcome: 1})


def test_a_team_judges_by_its_own_class(configs: pytest.Pytester) -> None:
    configs.makepyfile(team_settings="from trainspec import Settings\n\nclass Own(Settings):\n    depth: int = 3\n")
    (configs.path / "configs" / "own.yaml").write_text("depth: 4\n")
    configs.makeini(
        "[pytest]\npythonpath = .\ntrainspec_files = configs/own.yaml\ntrainspec_model = team_settings:Own\n"
    )
    run_pytest(configs).assert_outcomes(passed=1)


@pytest.mark.parametrize("module", ["trainspec.testing", "trainspec.pytest_plugin"])
def test_importing_it_is_cheap(module: str) -> None:
    code = f"import pytest, sys, {module}; print(sorted({{'torch', 'pydantic', 'yaml'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
