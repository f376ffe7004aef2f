"""What scripts read about the process, from the launcher's variables and from torch when first read."""

import logging
import sys
from datetime import timedelta
from types import ModuleType

import pytest

from trainspec import ParallelMode, TrainingArguments

RANKS = [
    ("alone", {}, (1, 0, 0, ParallelMode.NOT_PARALLEL)),
    ("launched", {"WORLD_SIZE": "8", "RANK": "5", "LOCAL_RANK": "1"}, (8, 5, 1, ParallelMode.DISTRIBUTED)),
    ("nonsense is no launcher", {"WORLD_SIZE": "many", "RANK": "-1"}, (1, 0, 0, ParallelMode.NOT_PARALLEL)),
]


@pytest.mark.parametrize(("environ", "expected"), [row[1:] for row in RANKS], ids=[row[0] for row in RANKS])
def test_ranks_come_from_the_launcher(environ: dict[str, str], expected: tuple[object, ...], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    args = TrainingArguments("out")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert (args.world_size, args.process_index, args.local_process_index, args.parallel_mode) == expected
    assert args.local_rank == -1


SHARES = [
    # log_on_each_node, save_on_each_node, RANK, LOCAL_RANK -> should_log, should_save
    (True, False, "0", "0", True, True),
    (True, False, "4", "0", True, False),
    (False, True, "4", "0", False, True),
    (True, True, "1", "1", False, False),
]


@pytest.mark.parametrize(("log_each", "save_each", "rank", "local", "logs", "saves"), SHARES)
def test_who_logs_and_saves(
    log_each: bool, save_each: bool, rank: str, local: str, logs: bool, saves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WORLD_SIZE", "8"), ("RANK", rank), ("LOCAL_RANK", local)):
        monkeypatch.setenv(name, value)
    args = TrainingArguments.from_dict({"log_on_each_node": log_each, "save_on_each_node": save_each})
    assert (args.should_log, args.should_save) == (logs, saves)


def test_log_levels_of_main_and_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    args = TrainingArguments.from_dict({"log_level": "info", "log_level_replica": "error"})
    assert args.get_process_log_level() == logging.INFO
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert args.get_process_log_level() == logging.ERROR
    passive = TrainingArguments.from_dict({"log_level_replica": "passive"})
    assert passive.get_process_log_level() == logging.getLogger("trainspec").getEffectiveLevel()


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (logging.NOTSET, logging.INFO, logging.INFO),
        (logging.NOTSET, logging.ERROR, logging.ERROR),
        (logging.DEBUG, logging.INFO, logging.DEBUG),
        (logging.NOTSET, None, logging.WARNING),
    ],
    ids=["as set_verbosity_info says", "as set_verbosity_error says", "our own logger's first", "no transformers"],
)
def test_a_passive_level_is_the_one_that_the_application_has_chosen(
    own: int, theirs: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loggers = {name: logging.getLogger(name) for name in ("trainspec", "transformers")}
    monkeypatch.setattr(loggers["trainspec"], "level", own)
    monkeypatch.setattr(loggers["transformers"], "level", theirs or logging.NOTSET)
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    for logger in loggers.values():
        monkeypatch.setattr(logger, "_cache", {})
    if theirs is None:
        monkeypatch.delitem(sys.modules, "transformers", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))
    assert TrainingArguments.from_dict({}).get_process_log_level() == expected
    assert TrainingArguments.from_dict({"log_level": "error"}).get_process_log_level() == logging.ERROR


def test_numbers_scripts_read() -> None:
    args = TrainingArguments.from_dict(
        {
            "per_device_train_batch_size": 3,
            "per_device_eval_batch_size": 5,
            "do_eval": True,
            "ddp_timeout": 60,
            "warmup_ratio": 0.1,
        }
    )
    assert (args.train_batch_size, args.eval_batch_size) == (3, 5)
    assert args.ddp_timeout_delta == timedelta(minutes=1)
    assert args.get_warmup_steps(101) == 11
    assert args.replace(warmup_steps=7, warmup_ratio=0.0).get_warmup_steps(101) == 7
    assert args.place_model_on_device is True
    assert args.framework == "pt"


def test_the_main_process_goes_first_without_others() -> None:
    ran = []
    with TrainingArguments("out").main_process_first(desc="tokenizing"):
        ran.append(1)
    assert ran == [1]


def test_the_device_is_the_cpu_where_asked_for() -> None:
    torch = pytest.importorskip("torch")
    args = TrainingArguments.from_dict({"use_cpu": True})
    assert args.device == torch.device("cpu")
    assert args.n_gpu == 0
