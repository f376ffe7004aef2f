"""transformers' example scripts, written anew in small: the same run with either library, saved and gone on from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.compat import tiny
from tests.training.compat.running import Results, assert_same_numbers, assert_same_weights, interrupted, run_script

ROWS, BATCH, UPDATES = 48, 8, 12
TASKS = {
    "text_classification": ["--do_predict"],
    # Batches differ in labels that count: ours weighs by them, transformers by rows. In one batch both are the mean.
    "token_classification": ["--do_predict", "--per_device_eval_batch_size", "20"],
    "masked_lm": ["--per_device_eval_batch_size", "20"],
    "causal_lm": [],
    "multiple_choice": [],
    "question_answering": ["--do_predict"],
    "image_classification": ["--remove_unused_columns", "false"],
    "sequence_to_sequence": ["--do_predict", "--predict_with_generate", "--num_beams", "2"],
}
# transformers' Seq2SeqTrainer counts a short last batch as a full one in eval_loss; ours counts its rows.
LEARNING_RATES = {"sequence_to_sequence": "2e-2"}
EVALUATED = {"sequence_to_sequence": 16}
# Ours divides by the labels that count; GPT-2 under transformers by all of a row, of which the first is no target.
BLOCK = 16


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


def words_for(name: str, prepared: Path) -> list[str]:
    folder = prepared / name
    if not folder.exists():
        folder.mkdir()
        tiny.save_model(name, folder / "model")
        for seed, (split, count) in enumerate((("train", ROWS), ("validation", EVALUATED.get(name, 20)), ("test", 20))):
            tiny.write_rows(name, count, seed, folder / f"{split}.json")
    return [
        *("--model_name_or_path", str(folder / "model"), "--cache_dir", str(folder / "cache")),
        *("--train_file", str(folder / "train.json"), "--validation_file", str(folder / "validation.json")),
        *("--test_file", str(folder / "test.json"), "--do_train", "--do_eval"),
        *("--max_seq_length", str(BLOCK), "--per_device_train_batch_size", str(BATCH), "--max_steps", str(UPDATES)),
        *(
            "--learning_rate",
            LEARNING_RATES.get(name, "3e-3"),
            "--logging_steps",
            "1",
            "--save_steps",
            "5",
            "--eval_strategy",
            "steps",
        ),
        *("--eval_steps", "6", "--report_to", "none", "--use_cpu", "--max_grad_norm", "1.0", "--weight_decay", "0.01"),
        *("--lr_scheduler_type", "cosine", "--warmup_steps", "2", "--disable_tqdm", "true"),
        *TASKS[name],
    ]


def both(name: str, prepared: Path, sources: Path, folder: Path, *more: str) -> tuple[Results, Results]:
    words = [*words_for(name, prepared), *more]
    theirs = run_script(name, words, folder / "theirs", ours=False, sources=sources)
    return theirs, run_script(name, words, folder / "ours", ours=True, sources=sources)


def factor(name: str) -> float:
    return BLOCK / (BLOCK - 1) if name == "causal_lm" else 1.0


@pytest.mark.parametrize("name", TASKS)
def test_a_script_gives_the_same_numbers_once_its_imports_are_replaced(
    name: str, prepared: Path, sources: Path, tmp_path: Path
) -> None:
    theirs, ours = both(name, prepared, sources, tmp_path)
    assert len(ours.losses) == UPDATES
    assert min(ours.losses) < ours.losses[0]
    times = factor(name)
    assert ours.losses == pytest.approx([loss * times for loss in theirs.losses], rel=1e-3, abs=1e-3)
    expected = theirs.metrics
    assert_same_numbers(
        ours.metrics, {**expected, **{name: expected[name] * times for name in expected if name.endswith("_loss")}}
    )
    assert_same_weights(ours.weights, theirs.weights)
    assert [path.name for path in ours.checkpoints()] == [path.name for path in theirs.checkpoints()]


@pytest.mark.parametrize("name", TASKS)
def test_a_script_that_was_killed_goes_on_to_the_same_end(
    name: str, prepared: Path, sources: Path, tmp_path: Path
) -> None:
    words = words_for(name, prepared)
    results = run_script(name, words, tmp_path / "run", ours=True, sources=sources)
    weights, metrics = results.weights, results.metrics
    interrupted(results)
    run_script(name, words, tmp_path / "run", ours=True, sources=sources)
    assert_same_weights(results.weights, weights, close=0)
    assert {name: value for name, value in results.metrics.items() if name != "train_loss"} == {
        name: value for name, value in metrics.items() if name != "train_loss"
    }
    assert len(results.losses) == UPDATES
