"""Token classification, as run_ner.py does it."""

import numpy as np
from beginning import DataTrainingArguments, ModelArguments, begin, end, evaluate, parse, train
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
)


def main():
    parser = HfArgumentParser((ModelArguments, DataTrainingArguments, TrainingArguments))
    model_args, data_args, training_args = parse(parser)
    last_checkpoint = begin(training_args)

    files = {"train": data_args.train_file, "validation": data_args.validation_file, "test": data_args.test_file}
    raw_datasets = load_dataset("json", data_files=files, cache_dir=model_args.cache_dir)
    label_list = sorted({label for row in raw_datasets["train"]["tags"] for label in row})
    label_to_id = {label: i for i, label in enumerate(label_list)}
    config = AutoConfig.from_pretrained(
        model_args.model_name_or_path, num_labels=len(label_list), finetuning_task="ner"
    )
    tokenizer = AutoTokenizer.from_pretrained(model_args.model_name_or_path, use_fast=True)
    model = AutoModelForTokenClassification.from_pretrained(model_args.model_name_or_path, config=config)

    def tokenize_and_align_labels(examples):
        tokenized = tokenizer(
            examples["words"], truncation=True, max_length=data_args.max_seq_length, is_split_into_words=True
        )
        labels = []
        for i, tags in enumerate(examples["tags"]):
            previous, row = None, []
            for word in tokenized.word_ids(batch_index=i):
                row.append(-100 if word is None or word == previous else label_to_id[tags[word]])
                previous = word
            labels.append(row)
        tokenized["labels"] = labels
        return tokenized

    with training_args.main_process_first(desc="train dataset map pre-processing"):
        raw_datasets = raw_datasets.map(tokenize_and_align_labels, batched=True)
    train_dataset, eval_dataset = raw_datasets["train"], raw_datasets["validation"]

    def compute_metrics(p):
        predictions, labels = p
        predictions = np.argmax(predictions, axis=2)
        kept = labels != -100
        return {"accuracy": float((predictions[kept] == labels[kept]).mean())}

    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset if training_args.do_train else None,
        eval_dataset=eval_dataset if training_args.do_eval else None,
        processing_class=tokenizer,
        data_collator=DataCollatorForTokenClassification(
            tokenizer, pad_to_multiple_of=8 if training_args.fp16 else None
        ),
        compute_metrics=compute_metrics,
    )
    if training_args.do_train:
        train(trainer, training_args, train_dataset, last_checkpoint)
    if training_args.do_eval:
        evaluate(trainer, eval_dataset)
    if training_args.do_predict:
        _, _, metrics = trainer.predict(raw_datasets["test"], metric_key_prefix="predict")
        trainer.log_metrics("predict", metrics)
        trainer.save_metrics("predict", metrics)
    end(trainer, training_args, model_args, "token-classification")


if __name__ == "__main__":
    main()
