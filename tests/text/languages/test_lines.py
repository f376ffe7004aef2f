"""What commands print for people, in Chinese: help, and the lines of commands that write, compare and delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.text.languages.test_in_commands import is_chinese

from trainspec.cli import COMMANDS

# What is left of a line without names, flags, paths and values has none of these, where it is Chinese.
ENGLISH = re.compile(
    r"(?<![\w.:/])(?:and|are|as|by|for|from|has|in|into|is|it|of|on|or|that|the|with|without|value|changed|deleted|"
    r"written|same)(?![\w.:/-])"
)
# Options, examples, values.
SHOWN = re.compile(r"^ {2}(?:--|trainspec |TRAINSPEC_|helm ).*$|`[^`]*`|'[^']*'", re.MULTILINE)


def english_in(text: str) -> list[str]:
    return ENGLISH.findall(SHOWN.sub("", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_help(run: Callable, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chinese, english = run(name, "--help", "--lang", "zh"), run(name, "--help")
    assert (chinese.code, english.code) == (0, 0)
    assert chinese.out.startswith(f"用法：trainspec {name}") and english.out.startswith(f"usage: trainspec {name}")
    assert english_in(chinese.out) == [] and not is_chinese(english.out)
    # Options are the same, in the same order.
    options = re.compile(r"^ {2}(--[a-z-]+(?: \S+)?|-h.*)$", re.MULTILINE)
    assert options.findall(chinese.out) == options.findall(english.out)
    monkeypatch.setenv("TRAINSPEC_LANG", "zh")
    assert run(name, "--help").out == chinese.out
    assert run(name, "--help", "--lang", "en").out == english.out


def test_help_of_all(run: Callable) -> None:
    chinese = run("--help", "--lang", "zh")
    assert english_in(chinese.out) == [] and all(name in chinese.out for name in COMMANDS)
    assert "用法" in run("--help", "--lang=zh").out and not is_chinese(run("--help").out)


def test_lines_of_commands_about_files(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"old.yaml": "no_cuda: true\nseed: 1\n", "b.yaml": "use_cpu: true\nseed: 2\n"}
    files |= {"run.sh": "torchrun --nproc_per_node 2 train.py --output_dir out --no_cuda --foo 1 bar\n"}
    files |= {"ds.json": '{"train_micro_batch_size_per_gpu": 4, "zero_optimization": {"stage": 2}}'}
    for name, text in files.items():
        Path(name).write_text(text)
    lines = {
        ("diff", "old.yaml", "b.yaml"): ["命令行", "seed"],
        ("diff", "b.yaml", "b.yaml"): ["设置相同"],
        ("migrate", "old.yaml", "--check"): ["no_cuda 即 use_cpu", "将改动 1 个名称或值"],
        ("migrate", "ds.json", "--check"): ["DeepSpeed 的配置，保持原样"],
        ("migrate", "run.sh"): ["启动方式不是设置", "提示："],
        ("migrate", "old.yaml"): ["改动了 1 个名称或值"],
        ("export", "b.yaml", "--to", "env"): [],
        ("init", "new.yaml"): ["已写出 new.yaml"],
        ("init", "new.env"): ["均已注释掉"],
        ("schema", "--schemastore", "store"): ["已写出 store/src"],
    }
    for words, expected in lines.items():
        done = run(*words, "--lang", "zh")
        said = done.err if words[0] in ("migrate", "export") else done.out
        assert all(text in said for text in expected if text != "命令行"), said
        assert english_in(said) == [] or words[0] == "diff", said


def test_secrets_that_are_not_written(run: Callable, tmp_path: Path) -> None:
    (file := tmp_path / "a.yaml").write_text("seed: 1\nhub_token: hf_0123456789\n")
    done = run("export", str(file), "--to", "yaml", "--lang", "zh")
    assert done.err == "提示：不写机密：hub_token\n" and "hf_" not in done.out


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An output folder with two checkpoints."""
    pytest.importorskip("torch")
    import torch
    from torch import nn

    from trainspec import Trainer, TrainingArguments

    data = [{"x": torch.ones(2), "labels": torch.ones(1)}] * 4

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": (self.linear(x) - labels).square().mean()}

    args = TrainingArguments(
        str(tmp_path / "runs"), use_cpu=True, max_steps=2, save_strategy="steps", save_steps=1, report_to="none"
    )
    Trainer(model=Net(), args=args, train_dataset=data).train()
    return tmp_path / "runs"


def test_lines_about_checkpoints(run: Callable, runs: Path, tmp_path: Path) -> None:
    one, two = (str(runs / f"checkpoint-{step}") for step in (1, 2))
    lines = {
        ("list", str(runs)): ["第 1 步", "第 2 步"],
        ("show", two): ["每个都与写入时一致"],
        ("verify", str(runs)): ["2 个检查点，全部完好"],
        ("diff", one, two): ["进度", "权重", "最大变化"],
        ("export", two, str(tmp_path / "model")): ["2 个张量"],
        ("prune", str(runs), "--keep", "1", "--dry-run"): ["将删去1 个检查点", "保留"],
        ("prune", str(runs), "--keep", "1"): ["已删去"],
        ("list", str(tmp_path / "model")): [],
    }
    for words, expected in lines.items():
        done = run("checkpoints", *words, "--lang", "zh")
        assert all(text in done.out for text in expected), done.out
        assert english_in(done.out) == [], done.out


def test_what_preflight_finds_is_told_in_the_language_asked_for(
    run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    command = ("train", "digits", "--use_cpu", "--optim", "adamw_torch_npu_fused", "--report_to", "none")
    command += ("--output_dir", str(tmp_path))
    english = run(*command)
    assert english.code == 1 and "runs on npu only" in english.err and not is_chinese(english.err)
    # The locale of a machine is none of what people ask for.
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(*command).err == english.err
    monkeypatch.setenv("TRAINSPEC_LANG", "zh")
    chinese = run(*command)
    assert chinese.code == 1 and "只能在 npu 上运行" in chinese.err and english_in(chinese.err) == []
