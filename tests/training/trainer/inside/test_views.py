"""What scripts read of a Trainer, and what they assign has the effect that it has in transformers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor, nn

from trainspec import LabelSmoother, Trainer, TrainerCallback

NOTHING = ("deepspeed", "hp_name", "hp_search_backend", "hub_model_id", "_signature_columns", "neftune_noise_alpha")
OFF = ("use_apex", "use_cpu_amp", "use_cuda_amp", "is_fsdp_enabled", "is_deepspeed_enabled", "is_model_parallel")


@pytest.mark.parametrize("name", [*NOTHING, *OFF, "is_fsdp_xla_enabled", "current_flos", "_total_loss_scalar"])
def test_what_is_not_here_is_none_or_off(make_trainer: Make, name: str) -> None:
    assert not getattr(make_trainer(), name)


def test_what_is_here_is_the_runs(make_trainer: Make) -> None:
    trainer = make_trainer(per_device_train_batch_size=3, gradient_accumulation_steps=2, neftune_noise_alpha=None)
    assert trainer._train_batch_size == 3 and trainer.get_total_train_batch_size(trainer.args) == 6
    assert trainer._get_output_dir(trial=None) == trainer.args.output_dir
    assert trainer.model_wrapped is trainer.model and trainer.place_model_on_device is True
    assert (trainer.get_tp_size(), trainer.get_cp_size(), trainer.get_sp_size()) == (1, 1, 1)
    assert trainer._nested_gather(None) is None and trainer.args.n_gpu == 0 and trainer.args.world_size == 1
    loop = trainer.prediction_loop(trainer.get_eval_dataloader(), description="x")
    assert loop.num_samples == 10


def test_counts_of_a_run_can_be_read_while_it_logs(make_trainer: Make) -> None:
    class Notes(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            seen.append((trainer._globalstep_last_logged, round(trainer._total_loss_scalar, 4)))

    seen: list[Any] = []
    trainer = make_trainer(max_steps=4, logging_steps=2, callbacks=[Notes()])
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert seen[:2] == [(2, round(2 * losses[0], 4)), (4, round(2 * sum(losses), 4))]


def test_a_tokenizer_that_is_assigned_is_the_processing_class(make_trainer: Make, tmp_path: Any) -> None:
    class Words:
        def save_pretrained(self, folder: str) -> None:
            Path(folder, "words.txt").write_text("a b")

    trainer = make_trainer()
    trainer.tokenizer = words = Words()
    assert trainer.processing_class is words and trainer.tokenizer is words
    trainer.save_model(str(tmp_path / "model"))
    assert (tmp_path / "model" / "words.txt").read_text() == "a b"


def test_the_collators_tokenizer_is_saved_where_there_is_no_other(make_trainer: Make, tmp_path: Any) -> None:
    class Collates:
        class tokenizer:  # noqa: N801
            @staticmethod
            def save_pretrained(folder: str) -> None:
                Path(folder, "words.txt").touch()

        def __call__(self, rows: Any) -> Any:
            return torch.utils.data.default_collate(rows)

    trainer = make_trainer(data_collator=Collates(), max_steps=1)
    trainer.save_model(str(tmp_path / "model"))
    assert (tmp_path / "model" / "words.txt").exists()


class TwoLabels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, inputs: Tensor, target: Tensor | None = None) -> dict[str, Tensor]:
        output = self.layer(inputs)
        return {"logits": output} if target is None else {"loss": (output - target).pow(2).mean(), "logits": output}


class Targets(Rows):
    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.inputs[index], "target": self.targets[index]}


def test_label_names_that_are_assigned_are_the_labels(make_trainer: Make) -> None:
    trainer = make_trainer(model=TwoLabels(), train_dataset=Targets(), eval_dataset=Targets(10), max_steps=1)
    assert "labels" in trainer.label_names
    trainer.label_names = ["target"]
    trainer.compute_loss_func = lambda outputs, labels, **more: (outputs["logits"] - labels).abs().mean() * 0 + 4.0
    predicted = trainer.predict(Targets(10))
    assert predicted.label_ids is not None and predicted.metrics["test_loss"] == 4.0
    trainer.train()
    assert trainer.label_names == ["target"]


class Similar(nn.Module):
    """A loss without labels, unless it is told not to: as contrastive models of images and texts have it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, inputs: Tensor, return_loss: bool = True) -> dict[str, Tensor]:
        output = self.layer(inputs)
        return {"loss": output.pow(2).mean(), "logits": output} if return_loss else {"logits": output}


class OwnLoss(Trainer):
    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        found = model(**inputs)
        return (found["logits"].sum() * 0 + 6.0, found) if return_outputs else found["logits"].sum() * 0 + 6.0


class Inputs(Rows):
    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.inputs[index]}


@pytest.mark.parametrize("assigned", [None, True, False])
def test_a_loss_without_labels_is_asked_for_where_the_model_can(make_trainer: Make, assigned: bool | None) -> None:
    trainer = make_trainer(kind=OwnLoss, model=Similar(), eval_dataset=Inputs(10), label_names=[])
    assert trainer.can_return_loss is True and make_trainer().can_return_loss is False
    if assigned is not None:
        trainer.can_return_loss = assigned
    loss = trainer.evaluate()["eval_loss"]
    assert (loss == 6.0) is (assigned is not False)


def test_a_smoother_that_is_assigned_is_used_and_none_is_none(make_trainer: Make) -> None:
    class Classes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            output = self.layer(inputs)
            return {"logits": output} if labels is None else {
                "loss": nn.functional.cross_entropy(output, labels), "logits": output
            }  # fmt: skip

    class Kinds(Rows):
        def __getitem__(self, index: int) -> dict[str, Tensor]:
            return {"inputs": self.inputs[index], "labels": torch.tensor(index % 3)}

    trainer = make_trainer(model=Classes(), eval_dataset=Kinds(9), label_smoothing_factor=0.3)
    smoothed = trainer.evaluate()["eval_loss"]
    assert isinstance(trainer.label_smoother, LabelSmoother)
    trainer.label_smoother = None
    plain = trainer.evaluate()["eval_loss"]
    trainer.label_smoother = LabelSmoother(epsilon=0.3)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(smoothed) != pytest.approx(plain)


@pytest.mark.parametrize("said", [True, False])
def test_who_says_that_the_loss_divides_by_the_window_is_believed(make_trainer: Make, said: bool) -> None:
    trainer = make_trainer(gradient_accumulation_steps=2, logging_steps=1, max_steps=1)
    plain = make_trainer(gradient_accumulation_steps=2, logging_steps=1, max_steps=1)
    assert trainer.model_accepts_loss_kwargs is False
    trainer.model_accepts_loss_kwargs = said
    trainer.train()
    plain.train()
    # Who says so sums up two means of equal size where ours are halves.
    factor = 2.0 if said else 1.0
    assert trainer.state.log_history[0]["loss"] == pytest.approx(factor * plain.state.log_history[0]["loss"])


def test_memory_is_measured_for_who_calls_the_tracker(make_trainer: Make) -> None:
    class Measures(Trainer):
        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            self._memory_tracker.start()
            metrics = {"eval_loss": 1.0}
            self._memory_tracker.stop_and_update_metrics(metrics)
            return metrics

    assert make_trainer(kind=Measures).evaluate() == {"eval_loss": 1.0}
    assert any("mem_" in name for name in make_trainer(kind=Measures, skip_memory_metrics=False).evaluate())


def test_a_subclass_may_use_the_names_for_itself(make_trainer: Make) -> None:
    class Own(Trainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.deepspeed, self._train_batch_size, self.gather_function = "mine", 4, print
            super().__init__(*args, **kwargs)

    trainer = make_trainer(kind=Own, model=Line(), max_steps=1)
    trainer.train()
    assert (trainer.deepspeed, trainer._train_batch_size, trainer.gather_function) == ("mine", 4, print)


def test_the_handler_has_a_method_for_every_moment(make_trainer: Make) -> None:
    class Notes(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
            seen.append(metrics)

        def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
            seen.append(metrics)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            seen.append(logs)

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(sorted(kwargs))

    seen: list[Any] = []
    trainer = make_trainer()
    handler, told = trainer.callback_handler, (trainer.args, trainer.state, trainer.control)
    # As scripts do that change the list itself.
    handler.callbacks.append(Notes())
    trainer.control.should_evaluate = trainer.control.should_save = True
    trainer.control = handler.on_evaluate(*told, {"eval_f1": 1.0})
    handler.on_predict(*told, metrics={"test_f1": 2.0})
    handler.on_log(*told, {"loss": 3.0})
    assert seen == [{"eval_f1": 1.0}, {"test_f1": 2.0}, {"loss": 3.0}]
    assert trainer.control.should_evaluate is False and trainer.control.should_save is True
    assert handler.on_save(*told).should_save is False and "model" in seen[-1] and "tokenizer" in seen[-1]
    assert handler.on_step_begin(*told) is trainer.control and not hasattr(handler, "on_nothing")
