"""What a user meets after and beside a run of several processes: whole weights, and each of torch's remarks once."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.parallel.labelled import settings
from tests.training.parallel.world import run_in
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.functional import cross_entropy

from trainspec import Trainer
from trainspec.training.parallel.contact.remarks import left_out_of_first_pass

WAYS: dict[str, dict[str, Any]] = {
    "fsdp": {"fsdp": "full_shard"},
    "tp": {"parallelism_config": {"tp_size": 2}},
    "ddp": {"ddp_find_unused_parameters": True},
}


class Words(nn.Module):
    """As language models do, it returns a view: that of a linear layer of three dimensions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.up, self.head = nn.Embedding(7, 4), nn.Linear(4, 8), nn.Linear(8, 7)
        self.tensor_parallel_plan = {"up": "colwise", "head": "rowwise"}

    def forward(self, input_ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.head(self.up(self.words(input_ids)).tanh())
        return cross_entropy(logits.flatten(0, 1), labels.flatten()), logits


def trained(way: str, out: str) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    rows = [dict.fromkeys(("input_ids", "labels"), torch.randint(7, (5,), generator=generator)) for _ in range(12)]
    with tempfile.TemporaryFile() as said, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        before = os.dup(2)
        os.dup2(said.fileno(), 2)
        trainer = Trainer(Words(), settings(output_dir=out, use_cpu=True, **WAYS[way]), train_dataset=rows)
        trainer.train()
        os.write(2, b"the end\n")
        os.dup2(before, 2)
        said.seek(0)
        printed = said.read().decode()
    trainer.save_model(str(Path(out, "saved")))
    state = trainer.accelerator.get_state_dict(trainer.model)
    parameters = dict(trainer.model.named_parameters())
    each = {name: value.full_tensor() for name, value in parameters.items() if isinstance(value, DTensor)}
    warned_of = [str(entry.message) for entry in warned]
    return {"state": dict(state), "each": each, "printed": printed, "warned": warned_of, "names": list(parameters)}


@pytest.mark.parametrize("way", WAYS)
def test_whole_tensors_of_a_trained_model(way: str, tmp_path: Path) -> None:
    main, other = run_in(2, trained, way, str(tmp_path))
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert list(main["state"]) == main["names"] and all(torch.equal(main["state"][name], saved[name]) for name in saved)
    assert len(saved) == 5 and (way == "ddp") is bool(other["state"])
    parts = {"fsdp": set(saved), "tp": {"up.weight", "up.bias", "head.weight", "head.bias"}, "ddp": set()}[way]
    for rank in (main, other):
        assert rank["each"].keys() == parts
        assert all(torch.equal(value, saved[name]) for name, value in rank["each"].items())
        assert (
            not any("returned a view" in text for text in rank["warned"]) and "returned a view" not in rank["printed"]
        )
    remarks = [rank["printed"].count("did not find any unused parameters") for rank in (main, other)]
    assert remarks == ([1, 0] if way == "ddp" else [0, 0]) and other["printed"].endswith("the end\n")


class Around(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x)
        os.write(2, b"a remark\nan error\n")
        return out


def test_what_is_printed_outside_of_the_first_pass_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """A script may call the model itself, before and beside the pass of all processes."""
    inner = nn.Linear(1, 1)
    wrapper = Around(inner)
    left_out_of_first_pass(wrapper, inner, "a remark")
    inner(torch.ones(1))
    os.write(2, b"before\n")
    assert capfd.readouterr().err == "before\n"
    wrapper(torch.ones(1))
    wrapper(torch.ones(1))
    inner(torch.ones(1))
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "an error\na remark\nan error\nafter\n"
