"""What `fsdp` and each key of `fsdp_config` change in a run of two real processes."""

import math
import os
from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import Tokens, labels_of, make_rows
from tests.training.parallel.world import RankError, run_in
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from trainspec import Trainer, TrainingArguments

ROWS = [(row, labels_of(row)) for row in make_rows(12) if len(row) > 2]


class Teller(Tokens):
    """Notes how much of its parameters stands gathered as each block begins, and how often blocks compute."""

    def __init__(self, dtype: torch.dtype = torch.float64, seed: int = 3) -> None:
        super().__init__(dtype, seed)
        self.calls, self.orders = 0, list[str]()
        self.formats: set[torch.dtype] = set()
        for number, block in enumerate(self.blocks):
            block.up.register_forward_hook(self._count)  # type: ignore[union-attr]
            block.register_forward_pre_hook(lambda *_, number=number: self.orders.append(f"{number}:{self.gathered()}"))
            block.register_full_backward_pre_hook(  # type: ignore[no-untyped-call]
                lambda *_, number=number: self.orders.append(f"{number} back:{self.gathered()}")
            )

    def _count(self, module: Any, *_: Any) -> None:
        self.calls += 1
        self.formats.add(module.weight.dtype)

    def gathered(self) -> str:
        """The numbers of the blocks whose parameters are whole now, or on their way."""
        units = [(number, block) for number, block in enumerate(self.blocks) if isinstance(block, FSDPModule)]
        known = [(number, block._get_fsdp_state()._fsdp_param_groups[0]) for number, block in units]
        return "".join(str(n) for n, group in known if group.is_unsharded or group._all_gather_result is not None)

    def forward(self, words: Tensor, labels: Tensor | None = None) -> Any:
        logits = super().forward(words)
        return {"loss": nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten()), "logits": logits}  # type: ignore[union-attr]


def collate(rows: list[Any]) -> dict[str, Tensor]:
    longest = max(len(row) for row, _ in rows)
    filled = [(row + [0] * (longest - len(row)), labels + [-100] * (longest - len(row))) for row, labels in rows]
    return {"words": torch.tensor([row for row, _ in filled]), "labels": torch.tensor([labels for _, labels in filled])}


def local(value: Any) -> Tensor:
    return value.to_local() if hasattr(value, "to_local") else value  # type: ignore[no-any-return]


def run(out: str, changes: dict[str, Any], dtype: torch.dtype = torch.float64, meta: str = "") -> dict[str, Any]:
    rank = int(os.environ["RANK"])
    usual: dict[str, Any] = {"use_cpu": True, "report_to": "none", "save_strategy": "no", "disable_tqdm": True}
    size = 4 // int(os.environ["WORLD_SIZE"]) or 1
    args = TrainingArguments(output_dir=out, max_steps=2, per_device_train_batch_size=size, **{**usual, **changes})
    with torch.device("meta" if meta and rank else "cpu"):
        model = Teller(dtype, seed=3 + rank * ("fsdp" in changes))
    begun = {name: value.clone() for name, value in model.state_dict().items()} if not (meta and rank) else {}
    trainer = Trainer(model, args, train_dataset=ROWS, data_collator=collate)
    trainer.train()
    strategy = trainer.parts.strategy
    held = map(local, model.parameters())
    state = trainer.optimizer.state.values()
    return {
        "strategy": strategy.layout()["strategy"],
        "held": sum(value.numel() for value in held),
        "state": sum(local(entry["exp_avg"]).numel() for entry in state),
        "units": sum(isinstance(module, FSDPModule) for module in model.modules()),
        "orders": model.orders,
        "calls": model.calls,
        "formats": model.formats,
        "begun": begun,
        "weights": dict(strategy.weights()),
        "pieces": strategy.pieces(),
        "offloads": any(
            part.offload_to_cpu
            for module in model.modules()
            if isinstance(module, FSDPModule)
            for group in module._get_fsdp_state()._fsdp_param_groups
            for part in group.fsdp_params
        ),
    }


_RUNS: dict[str, list[Any]] = {}


def both(out: Any, size: int = 2, dtype: torch.dtype = torch.float64, meta: str = "", **changes: Any) -> list[Any]:
    """What each process found; a run that was made for another test is not made again."""
    key = repr((size, dtype, meta, sorted(changes.items())))
    if key not in _RUNS:
        _RUNS[key] = run_in(size, run, str(out), changes, dtype, meta, LOCAL_WORLD_SIZE=str(min(size, 2)))
    return _RUNS[key]


WHOLE = sum(value.numel() for value in Tokens().parameters())


def far(left: dict[str, Tensor], right: dict[str, Tensor]) -> float:
    return max(float((left[name] - right[name]).abs().max()) for name in right)


def test_fsdp_gives_each_process_a_part_and_all_together_what_one_process_trains(tmp_path: Any) -> None:
    alone = both(tmp_path / "a", size=1)[0]
    answers = both(tmp_path / "b", fsdp="full_shard auto_wrap")
    assert sum(found["held"] for found in answers) == sum(found["state"] for found in answers) == WHOLE
    for found in answers:
        assert found["strategy"] == "fsdp" and found["held"] == pytest.approx(WHOLE / 2, rel=0.15)
        assert found["units"] == 4, "three blocks, and the model"
    assert far(answers[0]["weights"], alone["weights"]) < 1e-6
    assert not answers[0]["offloads"]


def test_fsdp_says_when_gathered_parameters_are_freed(tmp_path: Any) -> None:
    full, kept = (both(tmp_path, fsdp=f"{way} auto_wrap")[0]["orders"] for way in ("full_shard", "shard_grad_op"))
    assert full[:4] == ["0:0", "1:1", "2:2", "2 back:2"], "its own were gathered ahead in the backward pass"
    assert kept[:4] == ["0:0", "1:01", "2:012", "2 back:012"]


def test_fsdp_hybrid_shares_within_a_node_and_copies_between_nodes(tmp_path: Any) -> None:
    answers = both(tmp_path, size=4, fsdp="hybrid_shard_zero2 auto_wrap")
    assert sum(found["held"] for found in answers) == 2 * WHOLE
    assert answers[0]["orders"][2] == "2:012"
    assert both(tmp_path, fsdp="no_shard")[0]["held"] == WHOLE


def test_fsdp_offload_keeps_parts_in_host_memory(tmp_path: Any) -> None:
    assert both(tmp_path, fsdp="full_shard offload")[0]["offloads"]


@pytest.mark.parametrize(
    "code, changes",
    [
        ("PAR120", {"optim": "adafactor"}),
        ("RUN261", {"fsdp": "full_shard auto_wrap", "fsdp_config": {"transformer_layer_cls_to_wrap": "Blok"}}),
        ("RUN261", {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 10_000}}),
        ("TGT108", {"fsdp": "hybrid_shard", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}}),
        ("RUN265", {"fp16": True, "fp16_opt_level": "O2"}),
    ],
)
def test_fsdp_that_cannot_be_is_told_before_anything_is_written(tmp_path: Any, code: str, changes: Any) -> None:
    with pytest.raises(RankError, match=code):
        both(tmp_path / "out", **{"fsdp": "full_shard", **changes})
    assert not (tmp_path / "out").exists()


def test_fsdp_in_one_process_is_noted(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    args = TrainingArguments(output_dir=tmp_path, use_cpu=True, report_to="none", fsdp="full_shard", max_steps=1)
    Trainer(Teller(), args, train_dataset=ROWS, data_collator=collate).train()
    assert "RUN267" in caplog.text


# fsdp_config, key by key


@pytest.mark.parametrize(
    "details, units",
    [
        ({"min_num_params": 78}, 6),
        ({"transformer_layer_cls_to_wrap": "Linear"}, 11),
        ({"auto_wrap_policy": "NO_WRAP"}, 4),
    ],
)
def test_fsdp_config_says_what_is_wrapped(tmp_path: Any, details: Any, units: int) -> None:
    assert both(tmp_path, fsdp="full_shard auto_wrap", fsdp_config=details)[0]["units"] == units


def test_fsdp_config_prefetches(tmp_path: Any) -> None:
    config = {"forward_prefetch": True, "backward_prefetch": "no_prefetch"}
    orders = both(tmp_path, fsdp="full_shard auto_wrap", fsdp_config=config)[0]["orders"]
    assert orders[:4] == ["0:01", "1:12", "2:2", "2 back:"]
    late = both(tmp_path, fsdp="full_shard auto_wrap", fsdp_config={"backward_prefetch": "backward_post"})[0]["orders"]
    assert late[:4] == ["0:0", "1:1", "2:2", "2 back:"]


def test_fsdp_config_sync_module_states_decides_whose_weights_are_trained(tmp_path: Any) -> None:
    still = {"learning_rate": 0.0, "weight_decay": 0.0, "fsdp": "full_shard"}
    first, second = both(tmp_path, **still)
    assert far(first["weights"], first["begun"]) == 0 and far(first["begun"], second["begun"]) > 0.1
    first, second = both(tmp_path, **still, fsdp_config={"sync_module_states": False})
    assert torch.equal(first["weights"]["words.weight"][7:], second["begun"]["words.weight"][7:])


def test_fsdp_config_cpu_ram_efficient_loading_takes_models_without_weights(tmp_path: Any) -> None:
    still = {"learning_rate": 0.0, "weight_decay": 0.0, "fsdp": "full_shard auto_wrap"}
    first, _ = both(tmp_path, meta="others", **still, fsdp_config={"cpu_ram_efficient_loading": True})
    assert far(first["weights"], first["begun"]) == 0
    with pytest.raises(RankError, match="RUN264"):
        both(tmp_path / "out", meta="others", **still)


def test_fsdp_config_activation_checkpointing_computes_layers_again(tmp_path: Any) -> None:
    again = both(tmp_path, fsdp="full_shard auto_wrap", fsdp_config={"activation_checkpointing": True})[0]
    assert again["calls"] == 2 * both(tmp_path, fsdp="full_shard auto_wrap")[0]["calls"]


def test_fsdp_config_state_dict_type_makes_no_difference_to_what_a_checkpoint_tells(tmp_path: Any) -> None:
    pieces = [
        both(tmp_path, fsdp="full_shard", fsdp_config={"state_dict_type": kind})[0]["pieces"]
        for kind in ("SHARDED_STATE_DICT", "FULL_STATE_DICT")
    ]
    assert pieces[0]["words.weight"] == {"shape": [13, 6], "offset": [0, 0], "local_shape": [7, 6]}
    assert pieces[1] == pieces[0] and math.prod(pieces[0]["head.weight"]["local_shape"]) == 42
    (message,) = run_in(2, noted, str(tmp_path), {"state_dict_type": "FULL_STATE_DICT"})[0]
    assert message.startswith("state_dict_type of fsdp_config: a checkpoint holds the whole model")
    assert run_in(2, noted, str(tmp_path), {"state_dict_type": "SHARDED_STATE_DICT"})[0] == []


def noted(out: str, config: dict[str, Any]) -> list[str]:
    args = TrainingArguments(output_dir=out, use_cpu=True, report_to="none", fsdp="full_shard", fsdp_config=config)
    found = Trainer(Teller(), args, train_dataset=ROWS, data_collator=collate).preflight()
    return [item.message for item in found if item.code == "RUN263"]


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_fsdp_config_of_the_first_generation_is_noted(tmp_path: Any) -> None:
    config = {"limit_all_gathers": False, "use_orig_params": False, "backward_prefetch": "backward_post", "version": 1}
    told = run_in(2, noted, str(tmp_path), config)[0]
    assert [message.split()[0] for message in told] == list(config)
    assert run_in(2, noted, str(tmp_path), {"limit_all_gathers": True, "backward_prefetch": "backward_pre"})[0] == []


def test_half_precision_of_fsdp_is_that_of_gathered_parameters(tmp_path: Any) -> None:
    found = both(tmp_path, dtype=torch.float32, fsdp="full_shard auto_wrap", bf16=True)[0]
    assert found["formats"] == {torch.bfloat16} and found["weights"]["head.weight"].dtype is torch.float32
