"""A model card tells how a model came to be, in metadata that the hub takes, and nothing of machine or account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from tests.training.small_job import Line, Make
from torch import nn

from trainspec import TrainingArguments
from trainspec.storage import open_store
from trainspec.training.hub.model_card import MARKER, CardFacts, facts_of, model_card, write_model_card

HISTORY = [
    {"loss": 2.5, "learning_rate": 0.1, "epoch": 0.5, "step": 10},
    {"eval_loss": 2.25, "eval_accuracy": 0.25, "eval_runtime": 1.5, "epoch": 0.5, "step": 10},
    {"loss": 1.5, "learning_rate": 0.05, "epoch": 1.0, "step": 20},
    {"eval_loss": 1.25, "eval_accuracy": 0.75, "eval_runtime": 1.5, "epoch": 1.0, "step": 20},
    {"train_runtime": 9.0, "train_loss": 2.0, "epoch": 1.0, "step": 20},
]


def arguments(**settings: Any) -> TrainingArguments:
    return TrainingArguments(output_dir="/home/ada/runs/digits", use_cpu=True, **settings)


def card(history: list[dict[str, Any]] | None = None, args: TrainingArguments | None = None, **facts: Any) -> str:
    return model_card(CardFacts(args or arguments(), "digits", HISTORY if history is None else history, **facts))


def metadata(text: str) -> dict[str, Any]:
    """The front matter, as the hub's own client reads it."""
    found: dict[str, Any] = ModelCard(text).data.to_dict()
    return found


def test_the_metadata_is_what_the_hub_takes() -> None:
    text = card(
        library_name="transformers",
        language="en",
        license="mit",
        tags=["small", "trainspec"],
        finetuned_from="team/base",
        tasks="text-classification",
        dataset_tags="glue",
        dataset="GLUE MNLI",
        dataset_args="mnli",
    )
    data = metadata(text)
    assert data["library_name"] == "transformers" and data["base_model"] == "team/base"
    assert data["tags"] == ["trainspec", "small"] and data["datasets"] == ["glue"] and data["license"] == "mit"
    [results] = data["model-index"]
    [result] = results["results"]
    assert results["name"] == "digits" and result["task"]["type"] == "text-classification"
    assert result["dataset"] == {"name": "GLUE MNLI", "type": "glue", "args": "mnli"}
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {"loss": 1.25, "accuracy": 0.75}


def test_little_said_is_valid_metadata_too() -> None:
    assert metadata(card())["model-index"][0]["results"][0]["dataset"]["type"] == "unknown"
    data = yaml.safe_load(card(history=[]).split("---\n")[1])
    assert data == {
        "library_name": "trainspec",
        "tags": ["trainspec"],
        "model-index": [{"name": "digits", "results": []}],
    }


def test_the_table_shows_each_evaluation_with_the_loss_before_it() -> None:
    lines = card().splitlines()
    start = lines.index("| step | epoch | training loss | loss | accuracy |")
    assert lines[start + 2 : start + 4] == ["| 10 | 0.5 | 2.5 | 2.25 | 0.25 |", "| 20 | 1 | 1.5 | 1.25 | 0.75 |"]
    assert "- accuracy: 0.75" in lines and "runtime" not in card()


def test_the_same_evaluation_once_more_is_one_row() -> None:
    again = {"eval_loss": 3.0, "step": 4, "epoch": 1.0}
    other = {"eval_loss": 2.0, "step": 4, "epoch": 1.0}
    rows = card(history=[again, {"train_runtime": 1.0, "step": 4, "epoch": 1.0}, again, other]).splitlines()
    assert rows.count("| 4 | 1 |  | 3 |") == 1 and rows.count("| 4 | 1 |  | 2 |") == 1


def test_an_evaluation_before_any_loss_has_an_empty_cell() -> None:
    assert "| 0 | 0 |  | 3 |" in card(history=[{"eval_loss": 3.0, "step": 0, "epoch": 0.0}]).splitlines()


def test_what_was_set_is_listed_and_what_always_matters() -> None:
    lines = card(args=arguments(warmup_steps=7, max_steps=20)).splitlines()
    assert {"- warmup_steps: 7", "- max_steps: 20", "- learning_rate: 5e-05", "- seed: 42"} <= set(lines)
    assert not any(line.startswith("- num_train_epochs") for line in lines)
    assert "- num_train_epochs: 3.0" in card().splitlines()


def test_nothing_of_the_machine_or_the_account_is_told() -> None:
    args = arguments(
        push_to_hub=True,
        hub_token="hf_canaryCANARY",
        hub_model_id="ada/digits",
        logging_dir="/home/ada/logs",
        report_to=["jsonl", "tensorboard"],
        run_name="postgresql://ada:password@db/x",
        resume_from_checkpoint="s3://key:secret@bucket/x",
    )
    text = card(args=args)
    for secret in ("hf_canary", "/home", "password", "secret", "bucket"):
        assert secret not in text


class Config:
    def __init__(self, name: str) -> None:
        self._name_or_path = name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("team/base", "team/base"),
        ("base", "base"),
        ("/home/ada/base", None),
        ("./base", None),
        ("../x", None),
        ("", None),
    ],
)
def test_where_training_started_is_told_unless_it_is_a_folder(name: str, told: str | None, make_trainer: Make) -> None:
    model = Line()
    model.config = Config(name)  # type: ignore[assignment]
    assert facts_of(make_trainer(model=model)).finetuned_from == told


def test_a_trainer_writes_its_card(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(eval_strategy="steps", eval_steps=3, logging_steps=3)
    trainer.train()
    trainer.create_model_card(language="de", tags="lines", dataset="rows")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "A Line trained with trainspec on rows." in text and "# out" in text
    assert metadata(text)["tags"] == ["trainspec", "lines"] and metadata(text)["language"] == ["de"]
    last = trainer.evaluate()["eval_loss"]
    assert f"- loss: {last:.4g}" in text and "- torch " in text and "- trainspec " in text


def test_a_card_that_a_person_wrote_stays(make_trainer: Make, tmp_path: Path) -> None:
    trainer, output = make_trainer(), open_store(tmp_path / "out")
    assert write_model_card(trainer, output)
    assert write_model_card(trainer, output, model_name="again")
    assert b"# again" in output.read_bytes("README.md")
    output.write_bytes("README.md", output.read_bytes("README.md").replace(MARKER.encode(), b"Mine now."))
    assert not write_model_card(trainer, output, model_name="third")
    assert b"# again" in output.read_bytes("README.md")


def test_a_fact_that_there_is_not_is_refused(make_trainer: Make, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="colour"):
        write_model_card(make_trainer(), open_store(tmp_path / "out"), colour="blue")


def test_the_library_is_that_of_the_model(make_trainer: Make) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 11, "bos_token_id": 0, "eos_token_id": 1}
    model = GPT2LMHeadModel(GPT2Config(**sizes))
    adapted: nn.Module = get_peft_model(GPT2LMHeadModel(GPT2Config(**sizes)), LoraConfig(target_modules=["c_attn"]))
    found = [facts_of(make_trainer(model=each)) for each in (Line(), model, adapted)]
    assert [facts.library_name for facts in found] == ["trainspec", "transformers", "peft"]
    assert [facts.architecture for facts in found] == ["Line", "GPT2LMHeadModel", "GPT2LMHeadModel"]
