"""The language model learns the text it is given."""

from pathlib import Path

import fsspec
import pytest
import torch
from pydantic import ValidationError

from trainspec import TrainingArguments
from trainspec.tasks import TaskError
from trainspec.tasks.lm import LanguageModelSettings, lm
from trainspec.tasks.lm.reading import text_at
from trainspec.tasks.lm.text import Alphabet, Windows
from trainspec.training.command.train import FINE, run_task

SMALL = {"context": 16, "width": 32, "depth": 1, "heads": 2}


def test_learns_a_text_at_a_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fsspec.open("memory://texts/song.txt", "w", encoding="utf-8") as file:
        file.write("the quick brown fox jumps over the läzy dog. " * 400)
    args = TrainingArguments(
        str(tmp_path),
        num_train_epochs=3,
        per_device_train_batch_size=16,
        learning_rate=5e-3,
        use_cpu=True,
        do_eval=True,
        do_predict=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    settings = LanguageModelSettings(text="memory://texts/song.txt", dropout=0.0, **SMALL)
    assert run_task(args, lm, settings) == FINE
    told = capsys.readouterr().out
    accuracy = float(next(line for line in told.splitlines() if line.startswith("  test")).split("accuracy")[1])
    assert accuracy > 0.7, "chance is one in 28"
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 56


def test_the_default_text_comes_with_python() -> None:
    text = text_at(None)
    assert len(text) > 300_000 and "lambda" in text


def test_windows_follow_one_another_and_labels_are_the_next_characters() -> None:
    alphabet = Alphabet("abcdefgh")
    rows = Windows(alphabet.encode("abcdefgh"), context=3)
    assert [(row["characters"].tolist(), row["labels"].tolist()) for row in rows] == [
        ([0, 1, 2], [1, 2, 3]),
        ([3, 4, 5], [4, 5, 6]),
    ]


def test_the_three_parts_follow_each_other_in_the_text(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("".join(chr(33 + number % 90) for number in range(1000)))
    settings = LanguageModelSettings(text=str(tmp_path / "text.txt"), eval_fraction=0.1, test_fraction=0.2, **SMALL)
    parts = lm(TrainingArguments(), settings)
    assert [len(part) for part in (parts.train_dataset, parts.eval_dataset, parts.test_dataset)] == [43, 6, 12]
    assert parts.eval_dataset[0]["characters"][0] == 700 % 90


def test_no_character_sees_what_comes_after_it() -> None:
    parts = lm(TrainingArguments(), LanguageModelSettings(dropout=0.0, **SMALL))
    model = parts.model.eval()
    row = parts.train_dataset[0]["characters"][None]
    changed = row.clone()
    changed[0, 8:] = 0
    with torch.no_grad():
        before, after = model(row)["logits"], model(changed)["logits"]
    torch.testing.assert_close(before[0, :8], after[0, :8])
    assert not torch.allclose(before[0, 8:], after[0, 8:])


@pytest.mark.parametrize("place, told", [("short.txt", "too few"), ("none.txt", "no such file")])
def test_a_text_that_cannot_be_used_is_refused(tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "short.txt").write_text("abc")
    with pytest.raises(TaskError, match=told):
        lm(TrainingArguments(), LanguageModelSettings(text=str(tmp_path / place)))


def test_heads_divide_width() -> None:
    assert LanguageModelSettings(width=12, heads=3).heads == 3
    with pytest.raises(ValidationError, match="not a multiple"):
        LanguageModelSettings(width=12, heads=5)
