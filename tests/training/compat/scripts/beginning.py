"""How every example script begins and ends."""

import logging
import os
import sys
from dataclasses import dataclass, field

import datasets
import transformers
from transformers import set_seed
from transformers.trainer_utils import get_last_checkpoint

logger = logging.getLogger(__name__)


@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "A folder with a model."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "A folder with a tokenizer, if another."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where downloads are kept."})
    use_fast_tokenizer: bool = field(default=True, metadata={"help": "Whether to use a tokenizer written in Rust."})
    model_revision: str = field(default="main", metadata={"help": "Which version of the model."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Whether code of the model may run."})


@dataclass
class DataTrainingArguments:
    train_file: str | None = field(default=None, metadata={"help": "Rows to train on."})
    validation_file: str | None = field(default=None, metadata={"help": "Rows to evaluate on."})
    test_file: str | None = field(default=None, metadata={"help": "Rows to predict."})
    max_seq_length: int = field(default=16, metadata={"help": "Longer rows are cut."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Fewer rows, for a trial."})
    pad_to_max_length: bool = field(default=True, metadata={"help": "Whether all rows are of one length."})
    preprocessing_num_workers: int | None = field(default=None, metadata={"help": "Processes of the preparation."})
    overwrite_cache: bool = field(default=False, metadata={"help": "Prepare anew."})

    def __post_init__(self) -> None:
        if self.train_file is None and self.validation_file is None:
            raise ValueError("Need a training or a validation file.")


def parse(parser):
    if len(sys.argv) == 2 and sys.argv[1].endswith(".json"):
        return parser.parse_json_file(json_file=os.path.abspath(sys.argv[1]))
    return parser.parse_args_into_dataclasses()


def begin(training_args):
    """Logging, the checkpoint to go on from, the seed."""
    logging.basicConfig(format="%(asctime)s %(message)s", handlers=[logging.StreamHandler(sys.stdout)])
    if training_args.should_log:
        transformers.utils.logging.set_verbosity_info()
    log_level = training_args.get_process_log_level()
    logger.setLevel(log_level)
    datasets.utils.logging.set_verbosity(log_level)
    transformers.utils.logging.set_verbosity(log_level)
    transformers.utils.logging.enable_default_handler()
    transformers.utils.logging.enable_explicit_format()
    logger.warning(
        f"Process rank: {training_args.local_process_index}, device: {training_args.device}, "
        f"n_gpu: {training_args.n_gpu}, distributed training: {training_args.parallel_mode.value == 'distributed'}, "
        f"16-bits training: {training_args.fp16}"
    )
    logger.info(f"Training/evaluation parameters {training_args}")
    last_checkpoint = None
    if os.path.isdir(training_args.output_dir) and training_args.do_train:
        last_checkpoint = get_last_checkpoint(training_args.output_dir)
        if last_checkpoint is not None and training_args.resume_from_checkpoint is None:
            logger.info(f"Checkpoint detected, resuming training at {last_checkpoint}.")
    set_seed(training_args.seed)
    return last_checkpoint


def train(trainer, training_args, train_dataset, last_checkpoint):
    checkpoint = None
    if training_args.resume_from_checkpoint is not None:
        checkpoint = training_args.resume_from_checkpoint
    elif last_checkpoint is not None:
        checkpoint = last_checkpoint
    train_result = trainer.train(resume_from_checkpoint=checkpoint)
    metrics = train_result.metrics
    metrics["train_samples"] = len(train_dataset)
    trainer.save_model()
    trainer.log_metrics("train", metrics)
    trainer.save_metrics("train", metrics)
    trainer.save_state()


def evaluate(trainer, eval_dataset, **more):
    metrics = trainer.evaluate(eval_dataset=eval_dataset, **more)
    metrics["eval_samples"] = len(eval_dataset)
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics)


def end(trainer, training_args, model_args, tasks):
    kwargs = {"finetuned_from": model_args.model_name_or_path, "tasks": tasks, "language": "en"}
    if training_args.push_to_hub:
        trainer.push_to_hub(**kwargs)
    else:
        trainer.create_model_card(**kwargs)
