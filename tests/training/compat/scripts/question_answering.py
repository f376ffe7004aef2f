"""Extractive question answering, as run_qa.py does it, with its Trainer that turns positions into answers."""

import math
import time

import numpy as np
from beginning import DataTrainingArguments, ModelArguments, begin, end, evaluate, parse, train
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    default_data_collator,
)
from transformers.trainer_utils import PredictionOutput, speed_metrics


class QuestionAnsweringTrainer(Trainer):
    def __init__(self, *args, eval_examples=None, post_process_function=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.eval_examples = eval_examples
        self.post_process_function = post_process_function

    def evaluate(self, eval_dataset=None, eval_examples=None, ignore_keys=None, metric_key_prefix: str = "eval"):
        eval_dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        eval_dataloader = self.get_eval_dataloader(eval_dataset)
        eval_examples = self.eval_examples if eval_examples is None else eval_examples
        compute_metrics = self.compute_metrics
        self.compute_metrics = None
        start_time = time.time()
        try:
            output = self.evaluation_loop(
                eval_dataloader,
                description="Evaluation",
                prediction_loss_only=True if compute_metrics is None else None,
                ignore_keys=ignore_keys,
                metric_key_prefix=metric_key_prefix,
            )
        finally:
            self.compute_metrics = compute_metrics
        total_batch_size = self.args.eval_batch_size * self.args.world_size
        output.metrics.update(
            speed_metrics(
                metric_key_prefix,
                start_time,
                num_samples=output.num_samples,
                num_steps=math.ceil(output.num_samples / total_batch_size),
            )
        )
        if self.post_process_function is not None and self.compute_metrics is not None and self.args.should_save:
            eval_preds = self.post_process_function(eval_examples, eval_dataset, output.predictions)
            metrics = self.compute_metrics(eval_preds)
            for key in list(metrics.keys()):
                if not key.startswith(f"{metric_key_prefix}_"):
                    metrics[f"{metric_key_prefix}_{key}"] = metrics.pop(key)
            metrics.update(output.metrics)
        else:
            metrics = output.metrics
        if self.args.should_log:
            self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def predict(self, predict_dataset, predict_examples, ignore_keys=None, metric_key_prefix: str = "test"):
        predict_dataloader = self.get_test_dataloader(predict_dataset)
        compute_metrics = self.compute_metrics
        self.compute_metrics = None
        try:
            output = self.evaluation_loop(
                predict_dataloader,
                description="Prediction",
                prediction_loss_only=True if compute_metrics is None else None,
                ignore_keys=ignore_keys,
                metric_key_prefix=metric_key_prefix,
            )
        finally:
            self.compute_metrics = compute_metrics
        predictions = self.post_process_function(predict_examples, predict_dataset, output.predictions, "predict")
        metrics = self.compute_metrics(predictions)
        for key in list(metrics.keys()):
            metrics[f"{metric_key_prefix}_{key}"] = metrics.pop(key)
        metrics.update(output.metrics)
        return PredictionOutput(predictions=predictions.predictions, label_ids=predictions.label_ids, metrics=metrics)


def main():
    parser = HfArgumentParser((ModelArguments, DataTrainingArguments, TrainingArguments))
    model_args, data_args, training_args = parse(parser)
    last_checkpoint = begin(training_args)

    files = {"train": data_args.train_file, "validation": data_args.validation_file}
    raw_datasets = load_dataset("json", data_files=files, cache_dir=model_args.cache_dir)
    config = AutoConfig.from_pretrained(model_args.model_name_or_path)
    tokenizer = AutoTokenizer.from_pretrained(model_args.model_name_or_path)
    model = AutoModelForQuestionAnswering.from_pretrained(model_args.model_name_or_path, config=config)

    def prepare(examples):
        tokenized = tokenizer(
            examples["question"],
            examples["context"],
            truncation="only_second",
            max_length=data_args.max_seq_length,
            padding="max_length" if data_args.pad_to_max_length else False,
        )
        begins = []
        for i in range(len(examples["question"])):
            begins.append(tokenized.sequence_ids(i).index(1))
        tokenized["start_positions"] = [b + a for b, a in zip(begins, examples["answer_word"], strict=True)]
        tokenized["end_positions"] = tokenized["start_positions"]
        tokenized["context_begins"] = begins
        return tokenized

    column_names = raw_datasets["train"].column_names
    with training_args.main_process_first(desc="train dataset map pre-processing"):
        prepared = raw_datasets.map(prepare, batched=True, remove_columns=column_names)
    train_dataset = prepared["train"].remove_columns("context_begins")
    eval_examples, eval_dataset = raw_datasets["validation"], prepared["validation"]

    def post_processing_function(examples, features, predictions, stage="eval"):
        start_logits, _ = predictions[:2]
        chosen = np.argmax(start_logits, axis=1) - np.array(features["context_begins"])
        answers = [
            {"id": str(i), "prediction_text": context.split()[word] if 0 <= word < len(context.split()) else ""}
            for i, (context, word) in enumerate(zip(examples["context"], chosen, strict=True))
        ]
        references = [
            {"id": str(i), "answers": context.split()[word]}
            for i, (context, word) in enumerate(zip(examples["context"], examples["answer_word"], strict=True))
        ]
        return EvalPrediction(predictions=answers, label_ids=references)

    def compute_metrics(p: EvalPrediction):
        pairs = zip(p.predictions, p.label_ids, strict=True)
        return {"exact_match": float(np.mean([a["prediction_text"] == b["answers"] for a, b in pairs]))}

    trainer = QuestionAnsweringTrainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset if training_args.do_train else None,
        eval_dataset=eval_dataset if training_args.do_eval else None,
        eval_examples=eval_examples if training_args.do_eval else None,
        processing_class=tokenizer,
        data_collator=default_data_collator
        if data_args.pad_to_max_length
        else DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8 if training_args.fp16 else None),
        post_process_function=post_processing_function,
        compute_metrics=compute_metrics,
    )
    if training_args.do_train:
        train(trainer, training_args, train_dataset, last_checkpoint)
    if training_args.do_eval:
        evaluate(trainer, eval_dataset)
    if training_args.do_predict:
        results = trainer.predict(eval_dataset, eval_examples)
        trainer.log_metrics("predict", results.metrics)
        trainer.save_metrics("predict", results.metrics)
    end(trainer, training_args, model_args, "question-answering")


if __name__ == "__main__":
    main()
