"""Batches cut along their rows' length: each token once, and losses of the parts that add up to the whole mean."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from tests.training.parallel.labelled import CLIP, RATE, difference, settings
from tests.training.parallel.mesh.driving import joined
from tests.training.parallel.world import WITH_TRANSFORMERS
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.functional import cross_entropy

from trainspec import Trainer, TrainingArguments
from trainspec.training.errors import TrainingError
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.loss.items import MicroBatchItems
from trainspec.training.model.counting import weigh
from trainspec.training.parallel.mesh import needs
from trainspec.training.parallel.mesh.sequences import Sequences, without_masks

WORDS, WIDTH, LENGTH, COUNT = 7, 4, 11, 6
IGNORED = -100


def sequences(place: int, size: int, *, shifted: bool = False, main: str = "input_ids") -> Sequences:
    return Sequences(place, size, main=main, label_names=lambda: ["labels"], shifted=shifted)


def batch_of(rows: int = 3, length: int = LENGTH) -> dict[str, Tensor]:
    """The last row is a short one; the first has no label in its middle, where the second process reads."""
    generator = torch.Generator().manual_seed(3)
    tokens, labels = (torch.randint(1, WORDS, (rows, length), generator=generator) for _ in range(2))
    labels[0, 2:-2] = labels[-1, -4:] = IGNORED
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[-1, -4:] = 0
    return {"input_ids": tokens, "labels": labels, "attention_mask": mask}


def test_a_part_has_both_ends_or_the_middle() -> None:
    whole = {**batch_of(length=8), "weight": torch.rand(3), "name": "x", "features": torch.rand(3, 8, 2)}
    zero, one = (sequences(place, 2).part(whole) for place in range(2))
    assert zero["position_ids"].tolist() == [[0, 1, 6, 7]] * 3 and one["position_ids"].tolist() == [[2, 3, 4, 5]] * 3
    for name in ("input_ids", "labels", "features"):
        assert torch.equal(zero[name], whole[name][:, [0, 1, 6, 7]]) and torch.equal(one[name], whole[name][:, 2:6])
    assert zero["weight"] is whole["weight"] and zero["name"] == "x"
    assert zero["attention_mask"].tolist() == [[1] * 4] * 3 and whole["attention_mask"].min() == 0


@pytest.mark.parametrize("size", [2, 3, 4])
def test_every_token_is_in_one_part_and_what_makes_rows_longer_does_not_count(size: int) -> None:
    whole = batch_of()
    parts = [sequences(place, size).part(whole) for place in range(size)]
    places = torch.cat([part["position_ids"] for part in parts], dim=1)
    longer = places.shape[1]
    assert longer % (2 * size) == 0 and longer - LENGTH < 2 * size
    assert {part["input_ids"].shape for part in parts} == {(3, longer // size)}
    order = places[0].argsort()
    tokens, labels = (torch.cat([part[name] for part in parts], dim=1)[:, order] for name in ("input_ids", "labels"))
    assert torch.equal(tokens[:, :LENGTH], whole["input_ids"]) and torch.equal(labels[:, :LENGTH], whole["labels"])
    assert (labels[:, LENGTH:] == IGNORED).all() and order.tolist() == places[0].argsort().tolist()


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("size", [2, 3])
def test_parts_of_losses_add_up_to_the_mean(size: int, shifted: bool) -> None:
    whole, table = batch_of(), torch.randn(WORDS, WORDS, dtype=torch.float64)

    def mean(part: dict[str, Tensor], wanted: Tensor) -> Tensor:
        return cross_entropy(table[part["input_ids"]].flatten(0, 1), wanted.flatten())

    total = weigh(whole, ["labels"], shifted=shifted)
    found = []
    for place in range(size):
        cut = sequences(place, size, shifted=shifted)
        part, count = cut.part(whole), cut.items(whole)
        loss = mean(part, part["shift_labels" if shifted else "labels"])
        found.append(MicroBatchItems(count, total).part_of_window(loss))
    begins = {"input_ids": whole["input_ids"][:, :-1]}
    expected = mean(begins, whole["labels"][:, 1:]) if shifted else mean(whole, whole["labels"])
    assert torch.stack(found).sum() == pytest.approx(float(expected), abs=1e-14)


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no tokens": ("no input_ids", {"input_ids": None}),
    "rows filled up at their beginning": ("padding_side", {"attention_mask": torch.tensor([[0] + [1] * 10] * 3)}),
    "a table of who sees whom": ("shape", {"attention_mask": torch.ones(3, 1, LENGTH, LENGTH)}),
    "two sequences in a row": ("anew", {"position_ids": torch.tensor([[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4]])}),
    "a label for each row": ("for each token", {"labels": torch.tensor([1, 2, 0])}),
    "numbers": ("for each token", {"labels": torch.rand(3, LENGTH)}),
    "no label": ("for each token", {"labels": None}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_is_told(name: str) -> None:
    said, changes = REFUSED[name]
    with pytest.raises(TrainingError, match=said):
        sequences(0, 2).part(batch_of() | changes)


def by_torch() -> tuple[Tensor, Tensor, Tensor]:
    from torch.distributed.tensor.experimental import context_parallel

    with joined():
        tokens, labels = (batch_of(length=12)[name] for name in ("input_ids", "labels"))
        mesh = init_device_mesh("cpu", (2,))
        mine = sequences(dist.get_rank(), 2).part(batch_of(length=12))["input_ids"]
        with context_parallel(mesh, buffers=[tokens, labels], buffer_seq_dims=[1, 1]):
            return mine, tokens.clone(), labels.clone()


def test_torch_cuts_alike() -> None:
    for place, (mine, tokens, labels) in enumerate(WITH_TRANSFORMERS.run(2, by_torch)):
        part = sequences(place, 2).part(batch_of(length=12))
        assert torch.equal(mine, tokens) and torch.equal(part["labels"], labels)


class FromAll(torch.autograd.Function):
    """Parts of all processes one after the other; each gets the sum of the gradients that all have of its own."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, group: Any) -> Tensor:
        ctx.group = group
        every = [torch.empty_like(part) for _ in range(dist.get_world_size(group))]
        dist.all_gather(every, part.contiguous(), group)
        return torch.cat(every, dim=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient, group=ctx.group)
        return gradient.chunk(dist.get_world_size(ctx.group), dim=1)[dist.get_rank(ctx.group)], None


class Attending(nn.Module):
    """Sees what came before, in all parts where there are some: what torch does on CUDA devices, in a few lines."""

    def __init__(self, *, shifts: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shifts_labels = shifts
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(16, WIDTH)
        self.keys, self.values, self.head = (nn.Linear(WIDTH, width) for width in (WIDTH, WIDTH, WORDS))
        self.double()
        self.group: Any = None
        self.lengths: set[int] = set()

    def forward(self, input_ids: Tensor, labels: Tensor, position_ids: Any = None, shift_labels: Any = None) -> Any:
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1])[None]
        if self.training and torch.is_grad_enabled():
            self.lengths.add(input_ids.shape[1])
        x = self.words(input_ids) + self.places(position_ids)
        k, v, there = self.keys(x), self.values(x), position_ids
        if self.group is not None and self.training:
            k, v, there = (FromAll.apply(value, self.group) for value in (k, v, there))
        seen = there[:, None, :] <= position_ids[:, :, None]
        scores = (x @ k.transpose(1, 2)).masked_fill(~seen, -torch.inf).softmax(-1) @ v
        logits = self.head(x + scores)
        if self.shifts_labels and shift_labels is None:
            logits, shift_labels = logits[:, :-1], labels[:, 1:]
        wanted = labels if shift_labels is None else shift_labels
        return cross_entropy(logits.flatten(0, 1), wanted.flatten()), logits


def rows() -> list[dict[str, Tensor]]:
    """Of the third, the first process has no label that counts; of the fourth, nobody has."""
    generator = torch.Generator().manual_seed(5)
    tokens, labels = (torch.randint(1, WORDS, (COUNT, LENGTH), generator=generator) for _ in range(2))
    labels[2, :4] = labels[2, 6:] = labels[3] = labels[4, 5:] = IGNORED
    return [{"input_ids": tokens[number], "labels": labels[number]} for number in range(COUNT)]


def trained(sizes: dict[str, int], shifts: bool, more: dict[str, Any], out: str) -> dict[str, Any]:
    # There is no such attention of torch's on the CPU; this model brings its own.
    needs.find_context_needs = lambda *_: iter(())  # type: ignore[assignment]
    model = Attending(shifts=shifts)
    args = settings(output_dir=out, use_cpu=True, parallelism_config=sizes, **more)
    trainer = Trainer(model, args, train_dataset=rows(), eval_dataset=rows())
    model.group = trainer.parts.strategy.dimensions.mesh("cpu", "cp").get_group()  # type: ignore[attr-defined]
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    held = sum(value.to_local().numel() for value in model.parameters())  # type: ignore[attr-defined]
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "losses": [entry["loss"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "lengths": set(model.lengths),
        "held": held,
        "evaluated": trainer.evaluate()["eval_loss"],
        "random": trainer.parts.strategy.random_rank,
    }


def alone(shifts: bool) -> dict[str, Any]:
    """By torch, two rows an update."""
    model, every = Attending(shifts=shifts), rows()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses, norms = [], []
    for update in range(3):
        batch = {key: torch.stack([row[key] for row in every[2 * update : 2 * update + 2]]) for key in every[0]}
        loss, _ = model(**batch)
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    every_row = {key: torch.stack([row[key] for row in every]) for key in every[0]}
    evaluated = model.eval()(**every_row)[0].item()
    return {"weights": model.state_dict(), "losses": losses, "norms": norms, "evaluated": evaluated}


ONE_BY_ONE = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
RUNS: list[tuple[dict[str, int], bool, dict[str, Any]]] = [
    ({"cp_size": 2}, False, ONE_BY_ONE),
    ({"cp_size": 2}, True, {"per_device_train_batch_size": 2}),
    ({"cp_size": 2, "dp_replicate_size": 2}, True, {"per_device_train_batch_size": 1}),
    ({"cp_size": 2, "dp_shard_size": 2}, False, {"per_device_train_batch_size": 1}),
]


@pytest.mark.parametrize("sizes, shifts, more", RUNS, ids=str)
def test_processes_with_parts_of_rows_train_as_one(
    sizes: dict[str, int], shifts: bool, more: dict[str, Any], tmp_path: Path
) -> None:
    world = 4 if len(sizes) > 1 else 2
    every, wanted = WITH_TRANSFORMERS.run(world, trained, sizes, shifts, more, str(tmp_path)), alone(shifts)
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-12)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-10)
        assert found["lengths"] == {6}, "twelve tokens by two"
        assert found["evaluated"] == pytest.approx(wanted["evaluated"], abs=1e-12), "of whole rows, in each"
    whole = sum(value.numel() for value in Attending(shifts=shifts).parameters())
    assert sum(found["held"] for found in every) == whole * sizes.get("dp_replicate_size", 1)
    assert [found["random"] for found in every] == list(range(world))


class Plain(nn.Module):
    def forward(self, input_ids: Tensor) -> Tensor:
        return input_ids


def found(model: nn.Module, device: str = "cuda", **changes: Any) -> list[Any]:
    args = TrainingArguments(use_cpu=True, parallelism_config={"cp_size": 2}, **changes.pop("said", {}))
    machine = Machine(torch.device(device), 2, bf16=True, tf32=False)
    return list(needs.find_mesh_needs(args, machine, Job(model, None, None, None, **changes)))


def test_the_cpu_has_no_such_attention_and_on_cuda_it_is_untested() -> None:
    for device in ("cpu", "mps"):
        (entry,) = found(Attending(shifts=True), device)
        assert entry.code == "RUN285" and entry.severity == "error" and device in entry.message
        assert entry.fields == ("parallelism_config",) and "sharding strategy" in entry.reason and entry.remedy
    (entry,) = found(Attending(shifts=True))
    assert entry.code == "RUN298" and entry.severity == "warning" and "not tested" in entry.message


def with_config(**changes: Any) -> Attending:
    model = Attending(shifts=False)
    model.config = SimpleNamespace(_attn_implementation="sdpa", **changes)  # type: ignore[assignment]
    return model


def test_a_model_must_be_one_for_parts_of_rows() -> None:
    eager, window, both_ways, shifting = (with_config() for _ in range(4))
    eager.config._attn_implementation = "eager"  # type: ignore[union-attr]
    window.keys.sliding_window = 4  # type: ignore[assignment]
    both_ways.keys.is_causal = False  # type: ignore[assignment]
    shifting.shifts_labels = True
    assert [entry.code for entry in found(with_config())] == ["RUN298"]
    for model, said, changes in (
        (Plain(), "position_ids", {}),
        (eager, "eager", {}),
        (window, "in keys", {}),
        (both_ways, "in keys", {}),
        (shifting, "elsewhere", {"computes_loss": True}),
        (shifting, "elsewhere", {"said": {"label_smoothing_factor": 0.1}}),
    ):
        _, entry = found(model, **changes)
        assert entry.code == "RUN299" and entry.severity == "error" and said in entry.message and entry.remedy


def test_causal_attention_of_transformers_gets_no_mask_of_a_part() -> None:
    attention, other = nn.Identity(), nn.Identity()
    attention.is_causal, attention.config = True, object()  # type: ignore[assignment]
    seen: list[Any] = []
    for module in (attention, other):
        module.forward = lambda x, attention_mask: seen.append(attention_mask)  # type: ignore[assignment]
    in_parts = [True]
    without_masks(nn.Sequential(attention, other), lambda: in_parts[0])
    for module in (attention, other):
        module(1, attention_mask=2)
    in_parts[0] = False
    attention(1, attention_mask=2)
    assert seen == [None, 2, 2]
