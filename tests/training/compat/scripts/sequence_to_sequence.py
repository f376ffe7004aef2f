"""Summarization and translation, as run_summarization.py and run_translation.py do them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from beginning import DataTrainingArguments, ModelArguments, begin, end, evaluate, parse, train
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    default_data_collator,
)


@dataclass
class Seq2SeqDataArguments(DataTrainingArguments):
    text_column: str = field(default="text", metadata={"help": "What is read."})
    summary_column: str = field(default="summary", metadata={"help": "What is to be written."})
    source_prefix: str = field(default="", metadata={"help": "What every text begins with."})
    max_target_length: int = field(default=8, metadata={"help": "Longer answers are cut."})
    val_max_target_length: int | None = field(default=None, metadata={"help": "The same, while evaluating."})
    num_beams: int | None = field(default=None, metadata={"help": "Beams, while evaluating."})
    ignore_pad_token_for_loss: bool = field(default=True, metadata={"help": "Whether padding counts."})
    task: str = field(default="summarization", metadata={"help": "Which of the two."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.val_max_target_length is None:
            self.val_max_target_length = self.max_target_length


def main():
    parser = HfArgumentParser((ModelArguments, Seq2SeqDataArguments, Seq2SeqTrainingArguments))
    model_args, data_args, training_args = parse(parser)
    last_checkpoint = begin(training_args)

    files = {"train": data_args.train_file, "validation": data_args.validation_file}
    raw_datasets = load_dataset("json", data_files=files, cache_dir=model_args.cache_dir)
    config = AutoConfig.from_pretrained(model_args.model_name_or_path)
    tokenizer = AutoTokenizer.from_pretrained(model_args.model_name_or_path)
    model = AutoModelForSeq2SeqLM.from_pretrained(model_args.model_name_or_path, config=config)
    if model.config.decoder_start_token_id is None:
        raise ValueError("Make sure that `config.decoder_start_token_id` is correctly defined")
    padding = "max_length" if data_args.pad_to_max_length else False

    def preprocess_function(examples):
        inputs = [data_args.source_prefix + text for text in examples[data_args.text_column]]
        model_inputs = tokenizer(inputs, max_length=data_args.max_seq_length, padding=padding, truncation=True)
        labels = tokenizer(
            text_target=examples[data_args.summary_column],
            max_length=data_args.max_target_length,
            padding=padding,
            truncation=True,
        )
        if padding == "max_length" and data_args.ignore_pad_token_for_loss:
            labels["input_ids"] = [
                [(token if token != tokenizer.pad_token_id else -100) for token in label]
                for label in labels["input_ids"]
            ]
        model_inputs["labels"] = labels["input_ids"]
        return model_inputs

    column_names = raw_datasets["train"].column_names
    with training_args.main_process_first(desc="train dataset map pre-processing"):
        prepared = raw_datasets.map(preprocess_function, batched=True, remove_columns=column_names)
    train_dataset, eval_dataset = prepared["train"], prepared["validation"]

    label_pad_token_id = -100 if data_args.ignore_pad_token_for_loss else tokenizer.pad_token_id
    if data_args.pad_to_max_length:
        data_collator = default_data_collator
    else:
        data_collator = DataCollatorForSeq2Seq(
            tokenizer,
            model=model,
            label_pad_token_id=label_pad_token_id,
            pad_to_multiple_of=8 if training_args.fp16 else None,
        )

    def compute_metrics(eval_preds):
        preds, labels = eval_preds
        if isinstance(preds, tuple):
            preds = preds[0]
        preds = np.where(preds != -100, preds, tokenizer.pad_token_id)
        decoded_preds = tokenizer.batch_decode(preds, skip_special_tokens=True)
        labels = np.where(labels != -100, labels, tokenizer.pad_token_id)
        decoded_labels = tokenizer.batch_decode(labels, skip_special_tokens=True)
        shared = [
            len(set(a.split()) & set(b.split())) / max(1, len(b.split()))
            for a, b in zip(decoded_preds, decoded_labels, strict=True)
        ]
        lengths = [np.count_nonzero(pred != tokenizer.pad_token_id) for pred in preds]
        return {"overlap": float(np.mean(shared)), "gen_len": float(np.mean(lengths))}

    training_args.generation_max_length = (
        training_args.generation_max_length
        if training_args.generation_max_length is not None
        else data_args.val_max_target_length
    )
    training_args.generation_num_beams = (
        data_args.num_beams if data_args.num_beams is not None else training_args.generation_num_beams
    )
    trainer = Seq2SeqTrainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset if training_args.do_train else None,
        eval_dataset=eval_dataset if training_args.do_eval else None,
        processing_class=tokenizer,
        data_collator=data_collator,
        compute_metrics=compute_metrics if training_args.predict_with_generate else None,
    )
    if training_args.do_train:
        train(trainer, training_args, train_dataset, last_checkpoint)
    if training_args.do_eval:
        evaluate(trainer, eval_dataset, metric_key_prefix="eval")
    if training_args.do_predict:
        predict_results = trainer.predict(eval_dataset, metric_key_prefix="predict")
        trainer.log_metrics("predict", predict_results.metrics)
        trainer.save_metrics("predict", predict_results.metrics)
        if trainer.is_world_process_zero() and training_args.predict_with_generate:
            predictions = predict_results.predictions
            predictions = np.where(predictions != -100, predictions, tokenizer.pad_token_id)
            predictions = tokenizer.batch_decode(predictions, skip_special_tokens=True)
            with Path(training_args.output_dir, "generated_predictions.txt").open("w") as writer:
                writer.write("\n".join(pred.strip() for pred in predictions))
    end(trainer, training_args, model_args, data_args.task)


if __name__ == "__main__":
    main()
