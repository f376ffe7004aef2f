"""Models, adapters and data of Hugging Face's libraries, made from a configuration: nothing is downloaded."""

from pathlib import Path
from typing import Any

import datasets
import peft
import pytest
import tokenizers
import torch
import transformers
from tests.training.small_job import Make, entries
from torch import nn

from trainspec import Trainer
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.model.inside import main_input_name, shifts_labels, takes_item_count


def _language_model() -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=20, max_position_embeddings=16, **sizes)
    return transformers.LlamaForCausalLM(config)


def _classifier() -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=20, num_labels=3, **sizes))


def _texts(count: int = 16) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(5)
    rows = []
    for number in range(count):
        tokens = torch.randint(1, 20, (8,), generator=generator)
        labels = tokens.clone()
        labels[: number % 6] = -100
        rows.append({"input_ids": tokens, "attention_mask": torch.ones(8, dtype=torch.int64), "labels": labels})
    return rows


def _sentences(count: int = 16) -> list[dict[str, Any]]:
    return [{**row, "labels": number % 3} for number, row in enumerate(_texts(count))]


USUAL = {"per_device_train_batch_size": 4, "num_train_epochs": 1, "logging_steps": 1, "learning_rate": 0.01}


def _run(make_trainer: Make, model: nn.Module, rows: Any, **changes: Any) -> Trainer:
    trainer = make_trainer(model=model, train_dataset=rows, eval_dataset=rows, **{**USUAL, **changes})
    trainer.train()
    return trainer


def test_what_is_known_of_such_models() -> None:
    assert shifts_labels(_language_model()) and not shifts_labels(_classifier())
    assert main_input_name(_classifier()) == "input_ids"
    assert takes_item_count(_language_model())


def test_a_language_model_learns_and_its_loss_is_that_of_the_model(make_trainer: Make) -> None:
    trainer = _run(make_trainer, _language_model(), _texts(), num_train_epochs=4)
    losses = [entry["loss"] for entry in entries(trainer, "loss")]
    assert losses[-1] < losses[0]
    rows = _texts()
    with torch.no_grad():
        whole = trainer.model.eval()(
            input_ids=torch.stack([row["input_ids"] for row in rows]),
            labels=torch.stack([row["labels"] for row in rows]),
        )
    alike = trainer.evaluate(rows[:1])["eval_loss"]
    with torch.no_grad():
        one = trainer.model(input_ids=rows[0]["input_ids"][None], labels=rows[0]["labels"][None])
    assert alike == pytest.approx(float(one.loss), rel=1e-5)
    assert whole.logits.shape == (16, 8, 20)


@pytest.mark.parametrize("size, accumulation", [(1, 4), (2, 2)])
def test_accumulated_micro_batches_are_the_big_batch(make_trainer: Make, size: int, accumulation: int) -> None:
    big = _run(make_trainer, _language_model(), _texts(), optim="sgd", max_grad_norm=0)
    parts = _run(
        make_trainer,
        _language_model(),
        _texts(),
        optim="sgd",
        max_grad_norm=0,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
    )
    for name, value in big.model.state_dict().items():
        torch.testing.assert_close(parts.model.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    logged = [[entry["loss"] for entry in entries(trainer, "loss")] for trainer in (big, parts)]
    assert logged[0] == pytest.approx(logged[1], rel=1e-5)


def test_a_classifier_predicts_and_ignores_what_its_config_says(make_trainer: Make) -> None:
    trainer = _run(make_trainer, _classifier(), _sentences())
    predictions, labels, metrics = trainer.predict(_sentences(5))
    assert predictions.shape == (5, 3) and labels.tolist() == [0, 1, 2, 0, 1]
    assert "test_loss" in metrics


def test_a_saved_model_is_what_from_pretrained_reads(make_trainer: Make, tmp_path: Path) -> None:
    trainer = _run(make_trainer, _classifier(), _sentences(), save_strategy="epoch")
    trainer.save_model(str(tmp_path / "model"))
    for folder in (tmp_path / "model", tmp_path / "out" / "checkpoint-4"):
        again = transformers.BertForSequenceClassification.from_pretrained(folder)
        for name, value in trainer.model.state_dict().items():
            assert torch.equal(again.state_dict()[name], value), name


def test_a_run_resumes_bit_for_bit(make_trainer: Make, tmp_path: Path) -> None:
    run = {"save_strategy": "steps", "save_steps": 2, "num_train_epochs": 2, "gradient_accumulation_steps": 2}
    whole = _run(make_trainer, _classifier(), _sentences(), **run)
    resumed = make_trainer(
        model=_classifier(), train_dataset=_sentences(), eval_dataset=None, do_eval=False, **{**USUAL, **run}
    )
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-2"))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_of_a_model_with_adapters_only_those_are_trained_and_saved(make_trainer: Make, tmp_path: Path) -> None:

    def adapted() -> Any:
        config = peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"], r=2)
        return peft.get_peft_model(_language_model(), config)

    model = adapted()
    frozen = model.base_model.model.model.embed_tokens.weight.clone()
    trainer = _run(make_trainer, model, _texts(), save_strategy="epoch", num_train_epochs=2)
    assert torch.equal(model.base_model.model.model.embed_tokens.weight, frozen)
    checkpoint = open_checkpoint(tmp_path / "out" / "checkpoint-4")
    assert checkpoint.has("adapter_model.safetensors") and not checkpoint.has("model.safetensors")
    resumed = make_trainer(
        model=adapted(),
        train_dataset=_texts(),
        eval_dataset=None,
        do_eval=False,
        **{**USUAL, "num_train_epochs": 2},
    )
    resumed.train(resume_from_checkpoint=checkpoint.url)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_columns_of_a_data_set_that_the_model_does_not_take_are_left_out(make_trainer: Make) -> None:
    columns = {name: [row[name].tolist() for row in _texts()] for name in ("input_ids", "attention_mask", "labels")}
    rows = datasets.Dataset.from_dict({**columns, "text": ["..."] * 16})
    trainer = _run(make_trainer, _language_model(), rows)
    assert trainer.state.global_step == 4
    assert rows.column_names == ["input_ids", "attention_mask", "labels", "text"], "the data set itself stays whole"


def test_a_tokenizer_pads_and_is_saved_with_the_model(make_trainer: Make, tmp_path: Path) -> None:
    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{str(number): number for number in range(2, 20)}}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    rows = [{"input_ids": [2] * (number + 1), "labels": number % 3} for number in range(6)]
    trainer = make_trainer(
        model=_classifier(), train_dataset=rows, eval_dataset=rows, processing_class=tokenizer, **USUAL
    )
    trainer.train()
    trainer.save_model()
    assert (tmp_path / "out" / "tokenizer.json").exists()
    assert trainer.predict(rows).predictions.shape == (6, 3)
