"""Noise on the input embeddings, as large as the formula says, in training alone."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Make, entries
from torch import Tensor, nn

from trainspec.training.preflight.preflight import PreflightError

LENGTH, DIMENSION = 5, 4


class Words(nn.Module):
    """All embeddings are zero and stay so: what comes out of them is the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(8, DIMENSION)
        nn.init.zeros_(self.words.weight)
        self.words.requires_grad_(False)
        self.out = nn.Linear(DIMENSION, 1)
        self.noise: dict[bool, list[Tensor]] = {True: [], False: []}

    def forward(self, ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        hidden = self.words(ids)
        self.noise[self.training].append(hidden.detach().clone())
        output = self.out(hidden).mean(1)
        return {"loss": nn.functional.mse_loss(output, labels), "logits": output}


ROWS = [{"ids": torch.arange(number, number + LENGTH) % 8, "labels": torch.ones(1)} for number in range(40)]


def _trainer(make_trainer: Make, **settings: Any) -> Any:
    usual = {"eval_strategy": "steps", "eval_steps": 5, "logging_steps": 1}
    return make_trainer(model=Words(), train_dataset=ROWS, eval_dataset=ROWS[:8], **usual, **settings)


@pytest.mark.parametrize("alpha", [0.5, 5.0])
def test_neftune_noise_alpha_noise_while_training_only(make_trainer: Make, alpha: float) -> None:
    trainer = _trainer(make_trainer, neftune_noise_alpha=alpha)
    trainer.train()
    noise = torch.stack(trainer.model.noise[True])
    bound = alpha / (LENGTH * DIMENSION) ** 0.5
    assert noise.shape == (10, 4, LENGTH, DIMENSION)
    assert 0.95 * bound < noise.abs().max() <= bound
    assert abs(noise.mean()) < 0.1 * bound and noise.std() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert len({value.item() for value in noise.flatten()}) > 700, "each value is drawn by itself"
    assert not torch.stack(trainer.model.noise[False]).any()
    trainer.model.train()(ROWS[0]["ids"][None], ROWS[0]["labels"][None])
    assert not trainer.model.noise[True][-1].any() and not trainer.model.words._forward_hooks


def test_neftune_noise_alpha_of_none_changes_nothing(make_trainer: Make) -> None:
    trainer = _trainer(make_trainer)
    trainer.train()
    assert not torch.stack(trainer.model.noise[True]).any()


def test_neftune_noise_alpha_follows_the_seed(make_trainer: Make) -> None:
    losses = []
    for seed in (1, 1, 2):
        trainer = _trainer(make_trainer, neftune_noise_alpha=5.0, seed=seed, data_seed=0)
        nn.init.constant_(trainer.model.out.weight, 0.5)
        nn.init.zeros_(trainer.model.out.bias)
        trainer.train()
        losses.append([entry["loss"] for entry in entries(trainer, "loss")])
    assert losses[0] == losses[1] != losses[2]


def test_neftune_noise_alpha_is_gone_after_an_error(make_trainer: Make) -> None:
    trainer = _trainer(make_trainer, neftune_noise_alpha=5.0)
    trainer.model.out.register_forward_hook(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert not trainer.model.words._forward_hooks


def test_neftune_noise_alpha_without_embeddings_is_refused(make_trainer: Make) -> None:
    with pytest.raises(PreflightError, match="RUN163"):
        make_trainer(neftune_noise_alpha=5.0).train()
