"""Image classification, as run_image_classification.py does it."""

import numpy as np
import torch
from beginning import DataTrainingArguments, ModelArguments, begin, end, evaluate, parse, train
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
)


def collate_fn(examples):
    pixel_values = torch.stack([example["pixel_values"] for example in examples])
    labels = torch.tensor([example["label"] for example in examples])
    return {"pixel_values": pixel_values, "labels": labels}


def main():
    parser = HfArgumentParser((ModelArguments, DataTrainingArguments, TrainingArguments))
    model_args, data_args, training_args = parse(parser)
    last_checkpoint = begin(training_args)

    files = {"train": data_args.train_file, "validation": data_args.validation_file}
    dataset = load_dataset("json", data_files=files, cache_dir=model_args.cache_dir)
    config = AutoConfig.from_pretrained(model_args.model_name_or_path, finetuning_task="image-classification")
    model = AutoModelForImageClassification.from_pretrained(model_args.model_name_or_path, config=config)

    def transforms(example_batch):
        example_batch["pixel_values"] = [
            torch.tensor(image, dtype=torch.float32).div(255).unsqueeze(0) for image in example_batch["image"]
        ]
        return example_batch

    for split in dataset:
        dataset[split].set_transform(transforms)

    def compute_metrics(p):
        return {"accuracy": float((np.argmax(p.predictions, axis=1) == p.label_ids).mean())}

    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=dataset["train"] if training_args.do_train else None,
        eval_dataset=dataset["validation"] if training_args.do_eval else None,
        compute_metrics=compute_metrics,
        data_collator=collate_fn,
    )
    if training_args.do_train:
        train(trainer, training_args, dataset["train"], last_checkpoint)
    if training_args.do_eval:
        evaluate(trainer, dataset["validation"])
    end(trainer, training_args, model_args, "image-classification")


if __name__ == "__main__":
    main()
