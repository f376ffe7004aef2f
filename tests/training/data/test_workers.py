"""What workers draw is a function of the seed, the epoch and the batch; evaluations can keep their workers."""

import copy
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Make, Rows
from torch.utils.data import Dataset, IterableDataset

from trainspec.training.data import (
    DataPosition,
    KeptLoaders,
    Sharing,
    batches_at,
    eval_loader,
    train_loader,
    undisturbed,
)
from trainspec.training.data.workers import SeededBatches, SeededIndexes


class Drawn(Dataset[list[float]]):
    """What each generator gives, with the epoch that this copy was told."""

    epoch = 0

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> list[float]:
        return [index, self.epoch, random.random(), numpy.random.rand(), torch.rand(()).item()]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class DrawnStream(IterableDataset[list[float]]):
    def __iter__(self) -> Iterator[list[float]]:
        worker = torch.utils.data.get_worker_info()
        start = 0 if worker is None else worker.id * 4
        rows = Drawn()
        return (rows[index] for index in range(start, start + 4))


def _collate(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _loader(
    make_trainer: Make, dataset: Any = None, workers: int = 2, share: tuple[int, int] = (0, 1), **settings: Any
) -> Any:
    args = make_trainer(dataloader_num_workers=workers, **settings).args
    rows, cpu = Drawn() if dataset is None else dataset, torch.device("cpu")
    return train_loader(rows, args, _collate, cpu, sharing=Sharing(*share))


def _epoch(loader: Any, epoch: int, rows: int = 0) -> torch.Tensor:
    return torch.cat(list(batches_at(loader, DataPosition(epoch, rows, 1)).batches))


def test_draws_follow_epoch_and_batch_and_repeat_nowhere(make_trainer: Make) -> None:
    drawn = torch.cat([_epoch(_loader(make_trainer), epoch)[:, 2:] for epoch in (0, 1)]).flatten()
    assert len(drawn.unique()) == len(drawn)


def test_processes_draw_together_what_one_would_draw(make_trainer: Make) -> None:
    alone = _epoch(_loader(make_trainer), 1)
    first, second = (_epoch(_loader(make_trainer, share=(rank, 2)), 1) for rank in (0, 1))
    assert torch.equal(torch.cat([first, second]), alone)


def test_workers_of_every_process_draw_something_else_for_a_stream(make_trainer: Make) -> None:
    first, second = (_loader(make_trainer, DrawnStream(), share=(rank, 2), max_steps=1) for rank in (0, 1))
    drawn = torch.cat([torch.cat(list(loader))[:, 2:] for loader in (first, second)]).flatten()
    assert len(drawn.unique()) == len(drawn)


def test_draws_are_those_of_the_rows_from_any_row_on(make_trainer: Make) -> None:
    whole = _epoch(_loader(make_trainer), 2)
    assert torch.equal(_epoch(_loader(make_trainer), 2, 4), whole[4:]), "with the same batches, to the bit"
    other = {"per_device_train_batch_size": 3}
    shifted = _epoch(_loader(make_trainer, **other), 2, 4)
    assert shifted[:, 0].tolist() == whole[4:, 0].tolist(), "the same rows in other batches"
    assert torch.equal(_epoch(_loader(make_trainer, **other), 2, 4), shifted)
    later = _epoch(_loader(make_trainer, **other), 2, 5)
    first = {"per_device_train_batch_size": 1}
    # Neither another first row nor the batches from the epoch's beginning draw the same.
    seen = [shifted, later, _epoch(_loader(make_trainer, **other), 2), _epoch(_loader(make_trainer, **first), 2)[5:]]
    drawn = torch.cat([rows[:, 4] for rows in seen])
    assert len(drawn.unique()) == len(drawn)


@pytest.mark.parametrize("stay", [False, True])
@pytest.mark.parametrize("dataset", [Drawn(), DrawnStream()], ids=["by-number", "stream"])
def test_draws_are_the_same_whatever_came_before(make_trainer: Make, stay: bool, dataset: Any) -> None:
    settings = {"dataloader_persistent_workers": stay, "max_steps": 1}
    loader = _loader(make_trainer, dataset, **settings)
    _epoch(loader, 0)
    assert torch.equal(_epoch(loader, 3), _epoch(_loader(make_trainer, dataset, **settings), 3))


def test_workers_that_live_on_tell_their_data_the_epoch(make_trainer: Make) -> None:
    loader = _loader(make_trainer, dataloader_persistent_workers=True)
    assert [set(_epoch(loader, epoch)[:, 1].tolist()) for epoch in (0, 1, 4)] == [{0.0}, {1.0}, {4.0}]


def test_a_walk_given_up_leaves_no_batch_to_the_next(make_trainer: Make) -> None:
    loader = _loader(make_trainer, dataloader_persistent_workers=True)
    whole = _epoch(_loader(make_trainer), 1)
    next(batches_at(loader, DataPosition(0, 0, 1)).batches)
    assert torch.equal(_epoch(loader, 1), whole)


def test_evaluation_draws_the_same_each_time_and_not_what_training_draws(make_trainer: Make) -> None:
    args = make_trainer(dataloader_num_workers=2, dataloader_persistent_workers=True).args
    loader = eval_loader(Drawn(), args, _collate, torch.device("cpu"))
    first, second = torch.cat(list(loader)), torch.cat(list(loader))
    assert torch.equal(first, second) and first[:, 0].tolist() == list(range(8))
    assert not set(first[:, 2].tolist()) & set(_epoch(_loader(make_trainer), 0)[:, 2].tolist())


def test_loaders_show_what_people_read_of_them(make_trainer: Make) -> None:
    for workers in (0, 2):
        loader = _loader(make_trainer, workers=workers)
        assert (loader.batch_size, len(loader), len(loader.sampler), loader.drop_last) == (4, 2, 8, False)
        assert isinstance(loader.batch_sampler, SeededBatches) is (workers > 0)


def test_indexes_arrive_as_a_plain_list_and_copies_disturb_nobody() -> None:
    indexes, before = SeededIndexes([3, 1], 0, (1, 2)), torch.get_rng_state()
    for received in (pickle.loads(pickle.dumps(indexes)), copy.deepcopy(indexes)):
        assert type(received) is list and received == [3, 1]
    assert torch.equal(torch.get_rng_state(), before)


def test_undisturbed_puts_every_generator_back_also_after_an_error() -> None:
    def draw() -> list[float]:
        return [random.random(), numpy.random.rand(), torch.rand(()).item()]

    random.seed(1)
    numpy.random.seed(1)
    torch.manual_seed(1)
    expected = draw()
    random.seed(1)
    numpy.random.seed(1)
    torch.manual_seed(1)
    with pytest.raises(ZeroDivisionError), undisturbed():
        draw()
        raise ZeroDivisionError
    assert draw() == expected


@pytest.mark.parametrize("stay", [False, True])
def test_kept_loaders_are_those_with_workers_that_stay(make_trainer: Make, stay: bool) -> None:
    trainer = make_trainer(dataloader_num_workers=1, dataloader_persistent_workers=stay)
    kept, data = KeptLoaders(), Rows(4)

    def make(dataset: Any = data) -> Any:
        return eval_loader(dataset, trainer.args, trainer.data_collator, torch.device("cpu"))

    first = kept.get(data, make)
    assert (kept.get(data, make) is first) is stay
    assert kept.get(Rows(4), make) is not first
    kept.clear()
    assert kept.get(data, make) is not first


class Slow(Drawn):
    def __getitem__(self, index: int) -> list[float]:
        time.sleep(60)
        return super().__getitem__(index)


def test_a_worker_that_is_ended_by_its_own_process_is_no_fault(make_trainer: Make) -> None:
    """As multiprocessing does at the end of a process, when torch still minds its workers."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        batches = batches_at(_loader(make_trainer, Slow()), DataPosition(0, 0, 0, 8)).batches
        workers = multiprocessing.active_children()
        assert len(workers) == 2
        for worker in workers:
            worker.terminate()
            # torch's handler of SIGCHLD would raise here.
            worker.join(30)
            assert worker.exitcode == -signal.SIGKILL
        del batches
    finally:
        signal.signal(signal.SIGTERM, before)


LONG = """
import torch
from torch.utils.data import DataLoader, TensorDataset
from trainspec.training.data.workers import begun

if __name__ == "__main__":
    loader = DataLoader(TensorDataset(torch.arange(8)), batch_size=2, num_workers=2)
    print([batch[0].tolist() for batch in begun(loader)])
"""


def test_workers_hand_over_rows_whatever_the_length_of_tmpdir(tmp_path: Path) -> None:
    """torch's wait for ever where a socket's address is too long."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", LONG], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout) == (0, "[[0, 1], [2, 3], [4, 5], [6, 7]]\n"), run.stderr


ORPHANS = """
import os, signal, time
import torch
from torch.utils.data import DataLoader, TensorDataset
from trainspec.training.data.workers import begun

if __name__ == "__main__":
    how = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": "forkserver"}
    loader = DataLoader(TensorDataset(torch.arange(8)), batch_size=2, **how)
    walk = begun(loader)
    next(walk)
    print(*(worker.pid for worker in walk._workers), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_server_end_with_a_killed_main_process(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(ORPHANS)
    # What outlives it keeps a pipe open: its output goes to a file.
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, str(tmp_path / "main.py")], stdout=out, timeout=120, check=False)
    workers = [int(word) for word in (tmp_path / "out").read_text().split()]
    assert len(workers) == 2
    until = time.monotonic() + 30
    try:
        while alive := [pid for pid in workers if _is_alive(pid)]:
            assert time.monotonic() < until, alive
            time.sleep(0.05)
    finally:
        for pid in workers:
            if _is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
