"""A run does what plan says of it: every update, log, evaluation and checkpoint, and every value of epoch."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.small_job import Line, Rows

from trainspec import Trainer, TrainingArguments
from trainspec.plan.run import plan_run

_interval = st.one_of(st.integers(1, 9), st.sampled_from([0.1, 0.25, 0.5, 0.9]))


def _by(strategy: str, interval: str) -> Any:
    chosen = st.one_of(
        st.just({strategy: "no"}),
        st.just({strategy: "epoch"}),
        _interval.map(lambda every: {strategy: "steps", interval: every}),
    )
    return chosen


_length = st.one_of(
    st.integers(1, 9).map(lambda steps: {"max_steps": steps}),
    st.sampled_from([0.3, 1, 1.5, 2]).map(lambda epochs: {"num_train_epochs": epochs}),
)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(3, 13),
    size=st.integers(1, 3),
    accumulation=st.integers(1, 3),
    drop_last=st.booleans(),
    length=_length,
    logs=_by("logging_strategy", "logging_steps"),
    evaluations=_by("eval_strategy", "eval_steps"),
    saves=_by("save_strategy", "save_steps"),
    first=st.booleans(),
)
def test_a_run_does_what_plan_says(
    rows: int,
    size: int,
    accumulation: int,
    drop_last: bool,
    length: dict[str, Any],
    logs: dict[str, Any],
    evaluations: dict[str, Any],
    saves: dict[str, Any],
    first: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments.check(
            {
                "output_dir": folder,
                "per_device_train_batch_size": size,
                "gradient_accumulation_steps": accumulation,
                "dataloader_drop_last": drop_last,
                "logging_first_step": first,
                "report_to": "none",
                "use_cpu": True,
                "log_level": "error",
                "disable_tqdm": True,
                **length,
                **logs,
                **evaluations,
                **saves,
            }
        ).settings
        assert args is not None
        plan = plan_run(args, train_rows=rows, eval_rows=2)
        trainer = Trainer(Line(), args, train_dataset=Rows(rows), eval_dataset=Rows(2))
        trainer.train()
        history = trainer.state.log_history
        assert trainer.state.global_step == plan.total_updates
        assert [entry["step"] for entry in history if "loss" in entry] == list(plan.log_steps)
        assert [entry["step"] for entry in history if "eval_loss" in entry] == list(plan.eval_steps)
        saved = sorted(int(path.name.split("-")[1]) for path in Path(folder).glob("checkpoint-*"))
        assert saved == list(plan.save_steps)
        each = plan.updates_per_epoch
        assert each is not None
        assert all(entry["epoch"] == entry["step"] / each for entry in history)
