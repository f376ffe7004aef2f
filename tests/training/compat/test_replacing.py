"""Our Trainer under transformers' name: only where it is in time."""

from __future__ import annotations

import subprocess
import sys

IN_TIME = """
import trainspec
trainspec.replace_transformers_trainer()
trainspec.replace_transformers_trainer()
import transformers
from transformers import Seq2SeqTrainingArguments, Trainer, TrainingArguments
from transformers.trainer import Trainer as Deep
from sentence_transformers import SentenceTransformerTrainer
from trl import SFTConfig, SFTTrainer
assert Trainer is Deep is trainspec.Trainer
assert issubclass(SFTConfig, trainspec.TrainingArguments) and issubclass(SFTTrainer, trainspec.Trainer)
assert issubclass(SentenceTransformerTrainer, trainspec.Trainer)
assert Seq2SeqTrainingArguments is trainspec.Seq2SeqTrainingArguments
trainspec.replace_transformers_trainer()
"""
TOO_LATE = """
import sentence_transformers
import trainspec
trainspec.replace_transformers_trainer()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200)


def test_what_is_imported_afterwards_is_made_of_ours() -> None:
    ended = run(IN_TIME)
    assert ended.returncode == 0, ended.stderr[-3000:]


def test_a_library_that_was_imported_before_is_named() -> None:
    ended = run(TOO_LATE)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("RuntimeError: sentence_transformers: imported before this call")
