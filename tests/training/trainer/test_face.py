"""The Trainer people know: its arguments, methods, results and the files that they write."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import nn

import trainspec
from trainspec import EvalPrediction, Trainer, TrainerState, TrainingArguments

ARGUMENTS = [
    "self",
    "model",
    "args",
    "data_collator",
    "train_dataset",
    "eval_dataset",
    "processing_class",
    "model_init",
    "compute_loss_func",
    "compute_metrics",
    "callbacks",
    "optimizers",
    "optimizer_cls_and_kwargs",
    "preprocess_logits_for_metrics",
    "tokenizer",
]

METHODS: dict[str, str] = {
    "train": "resume_from_checkpoint trial ignore_keys_for_eval",
    "evaluate": "eval_dataset ignore_keys metric_key_prefix",
    "predict": "test_dataset ignore_keys metric_key_prefix",
    "evaluation_loop": "dataloader description prediction_loss_only ignore_keys metric_key_prefix",
    "training_step": "model inputs num_items_in_batch",
    "prediction_step": "model inputs prediction_loss_only ignore_keys",
    "compute_loss": "model inputs return_outputs num_items_in_batch",
    "create_optimizer": "",
    "create_scheduler": "num_training_steps optimizer",
    "create_optimizer_and_scheduler": "num_training_steps",
    "get_optimizer_cls_and_kwargs": "args model",
    "get_train_dataloader": "",
    "get_eval_dataloader": "eval_dataset",
    "get_test_dataloader": "test_dataset",
    "num_examples": "dataloader",
    "num_tokens": "train_dl max_steps",
    "get_decay_parameter_names": "model",
    "get_num_trainable_parameters": "",
    "get_learning_rates": "",
    "get_optimizer_group": "param",
    "log": "logs start_time",
    "log_metrics": "split metrics",
    "save_metrics": "split metrics combined",
    "save_state": "",
    "save_model": "output_dir _internal_call",
    "floating_point_ops": "inputs",
    "add_callback": "callback",
    "pop_callback": "callback",
    "remove_callback": "callback",
    "is_world_process_zero": "",
    "is_local_process_zero": "",
    "push_to_hub": "commit_message blocking token revision",
    "hyperparameter_search": "hp_space compute_objective n_trials direction backend hp_name",
}

NAMES = [
    "TrainerCallback",
    "TrainerState",
    "TrainerControl",
    "ExportableState",
    "DefaultFlowCallback",
    "ProgressCallback",
    "PrinterCallback",
    "EarlyStoppingCallback",
    "DEFAULT_CALLBACKS",
    "default_data_collator",
    "DataCollatorWithPadding",
    "EvalPrediction",
    "TrainOutput",
    "PredictionOutput",
    "EvalLoopOutput",
    "PREFIX_CHECKPOINT_DIR",
    "TRAINER_STATE_NAME",
    "set_seed",
    "enable_full_determinism",
    "get_last_checkpoint",
    "get_scheduler",
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_linear_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_inverse_sqrt_schedule",
    "get_cosine_with_min_lr_schedule_with_warmup",
    "get_wsd_schedule",
    "LengthGroupedSampler",
    "LabelSmoother",
    "find_executable_batch_size",
    "StopOnNonFinite",
    "ProfilerCallback",
]


def test_the_constructor_takes_what_people_pass_in_the_order_they_know() -> None:
    assert list(inspect.signature(Trainer.__init__).parameters) == ARGUMENTS


@pytest.mark.parametrize("method", METHODS)
def test_methods_take_what_people_pass(method: str) -> None:
    taken = [name for name in inspect.signature(getattr(Trainer, method)).parameters if name != "self"]
    assert taken[: len(METHODS[method].split())] == METHODS[method].split()


@pytest.mark.parametrize("name", NAMES)
def test_names_are_where_people_import_them_from(name: str) -> None:
    assert getattr(trainspec, name) is not None
    assert name in trainspec.__all__ and name in dir(trainspec)


def test_model_or_model_init_and_not_both(make_trainer: Make, arguments: Any) -> None:
    with pytest.raises(ValueError, match="not both"):
        make_trainer(model=Line(), model_init=Line)
    with pytest.raises(ValueError, match="needs a model"):
        Trainer(args=arguments())


def test_model_init_makes_the_model_anew_for_each_run(make_trainer: Make) -> None:
    trainer = make_trainer(model_init=nn_line, num_train_epochs=1)
    first = trainer.model
    trainer.train()
    one = weights(trainer)
    trainer.train()
    assert trainer.model is not first
    for name, value in weights(trainer).items():
        assert torch.equal(one[name], value), "the same seed gives the same run"
    told: list[Any] = []
    with_trial = make_trainer(model_init=lambda trial: told.append(trial) or nn_line())
    with_trial.train(trial={"learning_rate": 1})
    assert told == [None, {"learning_rate": 1}]


def nn_line() -> nn.Module:
    model = Line()
    nn.init.normal_(model.layer.weight)
    return model


def test_train_may_be_called_again(make_trainer: Make) -> None:
    trainer = make_trainer()
    one = trainer.train()
    two = trainer.train()
    assert one.global_step == two.global_step == trainer.state.global_step == 6
    assert two.training_loss < one.training_loss, "it goes on from the weights that there are"
    assert len(entries(trainer, "train_loss")) == 1


def test_what_train_evaluate_and_predict_return(make_trainer: Make) -> None:
    trainer = make_trainer(logging_steps=3)
    step, loss, metrics = trainer.train()
    speeds = {"runtime", "samples_per_second", "steps_per_second"}
    assert step == 6 and loss == metrics["train_loss"]
    assert metrics.keys() == {*(f"train_{name}" for name in speeds), "train_loss", "total_flos", "epoch"}
    assert metrics["total_flos"] == 6 * 24 * 5, "6 for each parameter and row"
    assert trainer.evaluate().keys() == {*(f"eval_{name}" for name in speeds), "eval_loss", "epoch"}
    predictions, labels, test_metrics = trainer.predict(Rows(7))
    assert predictions.shape == labels.shape == (7, 1)
    assert test_metrics.keys() == {*(f"test_{name}" for name in speeds), "test_loss", "epoch"}
    assert trainer.predict(Rows(7), metric_key_prefix="final").metrics.keys() >= {"final_loss"}


def test_several_evaluation_sets_get_prefixes(make_trainer: Make) -> None:
    trainer = make_trainer(eval_dataset={"near": Rows(4), "far": Rows(10)}, eval_strategy="epoch")
    trainer.train()
    logged = {key for entry in trainer.state.log_history for key in entry if key.endswith("_loss")}
    assert logged == {"train_loss", "eval_near_loss", "eval_far_loss"}
    metrics = trainer.evaluate()
    assert {"eval_near_loss", "eval_far_loss"} <= metrics.keys()
    assert trainer.evaluate("near")["eval_loss"] == pytest.approx(metrics["eval_near_loss"])
    assert trainer.evaluate({"x": Rows(4)}, metric_key_prefix="t")["t_x_loss"] == pytest.approx(
        metrics["eval_near_loss"]
    )


def test_the_users_own_optimizer_and_scheduler_are_used(make_trainer: Make) -> None:
    model = Line()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    trainer = make_trainer(model=model, optimizers=(optimizer, schedule), logging_steps=1)
    trainer.train()
    assert trainer.optimizer is optimizer and trainer.lr_scheduler is schedule
    rates = [entry["learning_rate"] for entry in entries(trainer, "learning_rate")]
    assert rates == pytest.approx([0.3, 0.3, 0.15, 0.15, 0.075, 0.075])
    assert trainer.get_learning_rates() == pytest.approx([0.3 * 0.125])


def test_optimizer_cls_and_kwargs(make_trainer: Make) -> None:
    trainer = make_trainer(optimizer_cls_and_kwargs=(torch.optim.RMSprop, {"lr": 0.2, "alpha": 0.5}))
    trainer.train()
    assert isinstance(trainer.optimizer, torch.optim.RMSprop)
    assert trainer.optimizer.param_groups[0]["alpha"] == 0.5
    assert trainer.optimizer.param_groups[0]["initial_lr"] == 0.2


def test_questions_about_model_and_optimizer(make_trainer: Make) -> None:
    trainer = make_trainer()
    with pytest.raises(ValueError, match="no optimizer yet"):
        trainer.get_learning_rates()
    trainer.create_optimizer_and_scheduler(10)
    assert trainer.get_num_trainable_parameters() == 5
    assert trainer.get_decay_parameter_names(trainer.model) == ["layer.weight"]
    assert trainer.get_optimizer_group("layer.bias")["params"][0] is trainer.model.layer.bias
    assert trainer.get_optimizer_group(trainer.model.layer.weight)["params"][0] is trainer.model.layer.weight
    assert trainer.get_learning_rates() == [0.01, 0.01]
    assert trainer.num_examples(trainer.get_train_dataloader()) == 24
    assert trainer.is_world_process_zero() and trainer.is_local_process_zero()
    batches = [{"input_ids": torch.zeros(2, 5)}] * 3
    assert Trainer.num_tokens(batches) == 30 and Trainer.num_tokens(batches, max_steps=2) == 20


def test_files_that_scripts_ask_for(make_trainer: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = make_trainer()
    result = trainer.train()
    trainer.log_metrics("train", {**result.metrics, "train_runtime": 3661.199})
    trainer.save_metrics("train", result.metrics)
    trainer.save_metrics("eval", {"eval_loss": 1.0})
    trainer.save_state()
    trainer.save_model()
    out = tmp_path / "out"
    told = capsys.readouterr().out
    assert "***** train metrics *****" in told and "1:01:01.20" in told
    assert json.loads((out / "eval_results.json").read_text()) == {"eval_loss": 1.0}
    combined = json.loads((out / "all_results.json").read_text())
    assert combined["eval_loss"] == 1.0 and combined["train_loss"] == result.training_loss
    assert TrainerState.load_from_json(out / "trainer_state.json").global_step == 6
    trainer.state.save_to_json(tmp_path / "again.json")
    again = TrainerState.load_from_json(tmp_path / "again.json")
    assert again.log_history == trainer.state.log_history and again.epoch == trainer.state.epoch
    assert (out / "model.safetensors").exists()


def test_with_report_to_none_output_dir_holds_checkpoints_and_nothing_else(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(save_strategy="steps", save_steps=3, eval_strategy="epoch", logging_steps=1).train()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"checkpoint-3", "checkpoint-6"}


def test_an_eval_prediction_unpacks_like_a_tuple() -> None:
    plain = EvalPrediction(1, 2)
    assert tuple(plain) == (1, 2) and len(plain) == 2 and plain[1] == 2
    assert tuple(EvalPrediction(1, 2, inputs=3, losses=4)) == (1, 2, 3, 4)
    predictions, labels = plain
    assert (predictions, labels) == (1, 2)


def test_both_first_arguments_go_by_position(tmp_path: Path) -> None:
    trainer = Trainer(Line(), TrainingArguments(str(tmp_path), report_to="none"), train_dataset=Rows())
    assert isinstance(trainer.model, Line) and trainer.args.output_dir == str(tmp_path)
