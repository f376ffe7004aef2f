"""Search with Ray Tune: trials in processes of their own, as many side by side as the machine has room for.

Every process gets a copy of the Trainer without its model, so what the Trainer holds must be something that can be
pickled. Reports carry no checkpoint: schedulers that end trials work, those that pause or clone them do not.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainspec.storage import open_store
from trainspec.storage.local import LocalStore
from trainspec.training.errors import SearchError
from trainspec.training.search.outcome import BestRun, best_trial
from trainspec.training.search.trials import refusal

if TYPE_CHECKING:
    from trainspec.training.search.trials import Objective, Search

_NEED_CHECKPOINTS = ("PopulationBased", "PB2", "HyperBandScheduler", "HyperBandForBOHB", "ResourceChanging")
_OF_A_RUN = frozenset(
    {"model", "model_wrapped", "optimizer", "lr_scheduler", "train_dataloader", "eval_dataloader", "_publisher"}
)


def default_space(trial: Any) -> dict[str, Any]:
    """Learning rate, epochs, seed and batch size."""
    from ray import tune

    return {
        "learning_rate": tune.loguniform(1e-6, 1e-4),
        "num_train_epochs": tune.randint(1, 6),
        "seed": tune.randint(1, 41),
        "per_device_train_batch_size": tune.choice([4, 8, 16, 32, 64]),
    }


def report(trial: Any, objective: Objective, step: int, metrics: Mapping[str, float]) -> None:
    """One result of this trial: the objective and the numbers it was made of."""
    from ray import tune

    tune.report({**metrics, "objective": objective, "step": step})


def run(search: Search, n_trials: int, **kwargs: Any) -> BestRun:
    """`kwargs` are those of ray.tune.run; a trial gets one CPU and, where there is one, one GPU unless they say more.

    The objective of the answer is the number that ray_scope judged the trial by. Raises SearchError where no trial
    reported one.
    """
    from ray import tune

    _check(search, kwargs)
    output = _absolute(search.args.output_dir)
    if isinstance(open_store(output), LocalStore):
        kwargs.setdefault("storage_path", output)
    kwargs.setdefault("name", "ray")
    kwargs.setdefault("resources_per_trial", _share())
    space = dict(search.space(None))
    analysis = tune.run(
        tune.with_parameters(_run_trial, search=_for_workers(search, output)),
        config=space,
        num_samples=n_trials,
        **kwargs,
    )
    found = analysis.trial_dataframes
    histories = {
        trial.trial_id: list(found[trial.trial_id]["objective"])
        for trial in analysis.trials
        if "objective" in found.get(trial.trial_id, ())
    }
    try:
        best, score = best_trial(histories, search.args.ray_scope, str(search.direction))
    except ValueError as error:
        raise SearchError(f"{error}; each trial's own log says why") from None
    configs = {trial.trial_id: trial.config for trial in analysis.trials}
    return BestRun(best, score, configs[best], analysis)


def _run_trial(config: dict[str, Any], search: Search) -> None:
    """In the process of one trial."""
    from ray import tune

    search.space = dict
    objective = search.run_trial(config, f"run-{tune.get_context().get_trial_id()}")
    if not search.reported:
        tune.report({"objective": objective})


def _check(search: Search, kwargs: dict[str, Any]) -> None:
    if not isinstance(search.direction, str):
        raise refusal(
            "RUN194",
            "a Ray search compares one objective, and direction is a list",
            "use backend optuna, or make one number of them in compute_objective",
        )
    scheduler = kwargs.get("scheduler")
    kind = scheduler if isinstance(scheduler, str) else type(scheduler).__name__
    if any(kind.startswith(name) for name in _NEED_CHECKPOINTS) or kind in ("pbt", "pb2", "hyperband"):
        raise refusal(
            "RUN194",
            f"the scheduler {kind} pauses or clones trials, for which their checkpoints would have to be Ray's",
            "use one that only ends trials: ASHAScheduler, MedianStoppingRule",
        )
    if scheduler is not None and search.args.eval_strategy == "no":
        raise refusal(
            "RUN194",
            f"the scheduler {kind} judges trials by their evaluations, and there are none while they train",
            "set eval_strategy: steps or epoch",
        )


def _absolute(output_dir: str) -> str:
    """Ray's processes work in folders of their own."""
    store = open_store(output_dir)
    return str(store.folder.absolute()) if isinstance(store, LocalStore) else output_dir


def _share() -> dict[str, int]:
    import torch

    return {"cpu": 1, "gpu": 1} if torch.cuda.is_available() else {"cpu": 1}


def _for_workers(search: Search, output_dir: str) -> Search:
    """A search whose Trainer has left behind what each trial makes anew, and what belongs to this process."""
    trainer = _without_run(search.trainer)
    if hasattr(trainer, "callback_handler"):
        trainer.callback_handler = _without_run(trainer.callback_handler)
    moved = copy.copy(search)
    moved.args = search.args.replace(output_dir=output_dir)
    trainer.args = moved.args
    moved.trainer = trainer
    return moved


def _without_run(owner: Any) -> Any:
    left = copy.copy(owner)
    for name in _OF_A_RUN & vars(left).keys():
        setattr(left, name, None)
    return left
