"""Each method that is said to be called is called by a run, with what transformers gives it."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make

from trainspec import Trainer
from trainspec.training.trainer.inside.names import CALLED

# Of a push to a hub and a model card: tests/training/hub has these.
ELSEWHERE = {"_push_from_checkpoint", "create_model_card", "init_hf_repo", "push_to_hub"}
# These call the others in the default path.
ALWAYS = {"train", "__init__"}
NAMES = sorted(CALLED - ELSEWHERE - ALWAYS)


def recording(ran: dict[str, Any], *names: str) -> type[Trainer]:
    """A Trainer that notes what each of the methods was given, and goes on."""

    def noting(name: str) -> Any:
        def method(self: Any, *values: Any, **named: Any) -> Any:
            ran.setdefault(name, (values, named))
            return getattr(super(kind, self), name)(*values, **named)

        return method

    kind: type[Trainer] = type("Records", (Trainer,), {name: noting(name) for name in names})
    return kind


def scenario(make_trainer: Make, kind: type[Trainer], *, fp16: bool = True) -> Trainer:
    """Trains, saves, evaluates, predicts, goes on from a checkpoint: half precision has a scaler to save."""
    settings: dict[str, Any] = {
        "kind": kind,
        "model_init": Line,
        "fp16": fp16,
        "gradient_accumulation_steps": 2,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "eval_on_start": True,
        "load_best_model_at_end": True,
    }
    make_trainer(max_steps=2, **settings).train()
    trainer = make_trainer(max_steps=3, **settings)
    trainer.train(resume_from_checkpoint=f"{trainer.args.output_dir}/checkpoint-2")
    trainer.predict(trainer.eval_dataset)
    return trainer


def untimed(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if "_per_" not in key and "runtime" not in key}


@pytest.fixture(scope="module")
def tables() -> Any:
    datasets = pytest.importorskip("datasets")
    rows = {"inputs": torch.randn(8, 4).tolist(), "labels": torch.randn(8, 1).tolist(), "text": ["x"] * 8}
    return datasets.Dataset.from_dict(rows).with_format("torch")


def test_every_one_is_called_when_all_are_overridden(make_trainer: Make) -> None:
    ran: dict[str, Any] = {}
    scenario(make_trainer, recording(ran, *NAMES))
    assert set(NAMES) - ran.keys() == {"_remove_unused_columns"}, "that one is asked of tables alone"


# With all of them overridden, one could call another that is not called else.
ALONE = sorted(set(NAMES) - {"_remove_unused_columns"})


@pytest.mark.parametrize("name", [name for name in ALONE if name.startswith("_")])
def test_one_alone_is_called_and_changes_no_number(make_trainer: Make, name: str) -> None:
    ran: dict[str, Any] = {}
    trainer = scenario(make_trainer, recording(ran, name), fp16="scaler" in name)
    plain = scenario(make_trainer, Trainer, fp16="scaler" in name)
    assert name in ran
    assert trainer.state.log_history and len(trainer.state.log_history) == len(plain.state.log_history)
    for one, other in zip(trainer.state.log_history, plain.state.log_history, strict=True):
        assert untimed(one) == pytest.approx(untimed(other), nan_ok=True)
    for key, value in trainer.model.state_dict().items():
        assert torch.equal(value, plain.model.state_dict()[key])


def test_columns_of_a_table_are_removed_by_an_override(make_trainer: Make, tables: Any) -> None:
    seen: list[Any] = []

    class Keeps(Trainer):
        def _remove_unused_columns(self, dataset: Any, description: str | None = None) -> Any:
            seen.append(description)
            return dataset

    def collate(rows: list[Any]) -> Any:
        assert all("text" in row for row in rows)
        return {name: torch.stack([row[name] for row in rows]) for name in ("inputs", "labels")}

    trainer = make_trainer(kind=Keeps, train_dataset=tables, eval_dataset=tables, data_collator=collate, max_steps=1)
    trainer.train()
    trainer.evaluate()
    assert seen == ["Training", "Evaluation"]


def test_a_script_calls_the_removal_itself(make_trainer: Make, tables: Any) -> None:
    trainer = make_trainer(train_dataset=tables)
    assert trainer._remove_unused_columns(tables, description="training").column_names == ["inputs", "labels"]
