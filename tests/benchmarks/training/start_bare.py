"""A process of its own: the first step on the digits task's data and network, in plain torch.

start_bare.py --shared      one of several, which torchrun has started
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

WIDTH, DROPOUT = 128, 0.1


def main(*, shared: bool) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(42)
    # As the task does: scikit-learn takes longer to import than all that follows.
    found = find_spec("sklearn")
    assert found is not None and found.origin is not None
    images = np.loadtxt(Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    read = torch.as_tensor(images)
    pixels, targets = read[:, :-1].float() / 16, read[:, -1].long()
    train = torch.randperm(len(targets))[: round(0.7 * len(targets))]
    layers: list[nn.Module] = []
    for inputs in (64, WIDTH):
        layers += [nn.Linear(inputs, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(), nn.Dropout(DROPOUT)]
    model: nn.Module = nn.Sequential(*layers, nn.Linear(WIDTH, 10)).train()
    rows, sampler = TensorDataset(pixels[train], targets[train]), None
    if shared:
        from torch import distributed
        from torch.nn.parallel import DistributedDataParallel

        distributed.init_process_group("gloo")
        model, sampler = DistributedDataParallel(model), DistributedSampler(rows)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.0, fused=True)
    schedule = LambdaLR(optimizer, lambda step: max(0.0, 1 - step))
    inputs, wanted = next(iter(DataLoader(rows, batch_size=8, shuffle=sampler is None, sampler=sampler)))
    loss = nn.functional.cross_entropy(model(inputs), wanted)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    assert loss.isfinite()
    if shared:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(shared="--shared" in sys.argv[1:])
