"""Promise: after SIGKILL at any moment, again and again, the same command goes on and ends as if nothing had been."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.survival.attempts import TABLE, trial, words
from tests.survival.conftest import LONG, Undisturbed
from tests.survival.processes import Command, killed_after, ran

KILLS = 200 if LONG else 10
SEED = int(os.environ.get("TEST_SURVIVAL_SEED", "12"))
RUNS = {
    "saves every 4 updates, keeps 2": words(),
    "saves every update, keeps 1": words(save_steps=1, save_total_limit=1, eval_steps=1, load_best_model_at_end=False),
    "two workers": words(dataloader_num_workers=2),
    "workers that stay": words(dataloader_num_workers=2, dataloader_persistent_workers=True, num_train_epochs=3),
    "every epoch, accumulating": words(
        eval_strategy="epoch", save_strategy="epoch", gradient_accumulation_steps=2, num_train_epochs=4, save_steps=None
    ),
    "a plateau, only the best": words(lr_scheduler_type="reduce_lr_on_plateau", save_strategy="best"),
    "keeps all": words(save_total_limit=None, metric_for_best_model=None, load_best_model_at_end=False, save_steps=3),
}
SHORT = {"an epoch": words(num_train_epochs=1)}


@pytest.mark.timeout(7200 if LONG else 300)
def test_killed_at_random(base: Path, undisturbed: Undisturbed) -> None:
    chance = random.Random(f"{SEED} random kills")
    kind, number = "killed at random moments", 0
    while number == 0 or (TABLE[kind].kills < KILLS and number < 2 * KILLS):
        name, said = chance.choice(list((RUNS if LONG else SHORT).items()))
        expected, whole = undisturbed(said)
        number += 1
        with trial(kind, f"{number} ({name})", base) as one:
            # A part of the kills finds processes that start from nothing, as they do in earnest.
            fresh = LONG and number % 10 == 0
            most = whole.seconds * (0.9 if not fresh else 6)
            for _ in range(chance.randint(1, 8)):
                one.about_to_start()
                command = Command(said, one.folder, fresh=fresh)
                if one.took(killed_after(command, chance.uniform(0, most))):
                    break
            else:
                one.about_to_start()
                one.finish(ran(Command(said, one.folder)))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
