"""DSP: each rule on both sides of its border."""

from __future__ import annotations

import pytest
from tests.settings.rules.borders import Border

BORDERS = (
    Border(
        "DSP101",
        "no warmup here",
        {"deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 500}}}},
        {"deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": "auto"}}}},
    ),
    Border(
        "DSP109",
        "a share",
        {
            "warmup_ratio": 0.1,
            "deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 500}}},
        },
        {
            "warmup_ratio": 0.1,
            "max_steps": 5000,
            "deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 500}}},
        },
    ),
    Border(
        "DSP109",
        "of so many",
        {
            "warmup_ratio": 0.1,
            "max_steps": 4999,
            "deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 499}}},
        },
        {
            "warmup_ratio": 0.1,
            "max_steps": 4999,
            "deepspeed": {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 500}}},
        },
    ),
    Border(
        "DSP101",
        "clipping",
        {"deepspeed": {"gradient_clipping": 0.5}},
        {"deepspeed": {"gradient_clipping": 0.5}, "max_grad_norm": 0.5},
    ),
    Border(
        "DSP101",
        "micro batch",
        {"deepspeed": {"train_micro_batch_size_per_gpu": 4}},
        {"deepspeed": {"train_micro_batch_size_per_gpu": "auto"}},
    ),
    Border(
        "DSP101",
        "size is searched",
        {"deepspeed": {"train_micro_batch_size_per_gpu": 4}},
        {"deepspeed": {"train_micro_batch_size_per_gpu": 4}, "auto_find_batch_size": True},
    ),
    Border(
        "DSP101",
        "betas",
        {"deepspeed": {"optimizer": {"params": {"betas": [0.9, 0.95]}}}},
        {"deepspeed": {"optimizer": {"params": {"betas": [0.9, 0.999]}}}},
    ),
    Border(
        "DSP101",
        "precision",
        {"deepspeed": {"bf16": {"enabled": True}}},
        {"deepspeed": {"bf16": {"enabled": True}}, "bf16": True},
    ),
    Border(
        "DSP101",
        "evaluation precision",
        {"deepspeed": {"fp16": {"enabled": False}}, "fp16": True},
        {"deepspeed": {"fp16": {"enabled": True}}, "fp16_full_eval": True, "do_eval": True},
    ),
    Border(
        "DSP101",
        "warmup",
        {"deepspeed": {"scheduler": {"params": {"warmup_num_steps": 5}}}, "warmup_steps": 4},
        {"deepspeed": {"scheduler": {"params": {"warmup_num_steps": 5}}}, "warmup_steps": 5},
    ),
    Border("DSP102", "no multiple", {"deepspeed": {"train_batch_size": 17}}, {"deepspeed": {"train_batch_size": 16}}),
    Border(
        "DSP103",
        "both",
        {"deepspeed": {"fp16": {"enabled": True}, "bf16": {"enabled": True}}},
        {"deepspeed": {"fp16": {"enabled": "auto"}, "bf16": {"enabled": True}}, "bf16": True},
        beside=("DSP101",),
    ),
    Border(
        "DSP104",
        "stage 2",
        {"deepspeed": {"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}}},
        {"deepspeed": {"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}}},
    ),
    Border(
        "DSP104",
        "none",
        {"deepspeed": {"zero_optimization": {"offload_param": {"device": "cpu"}}}},
        {"deepspeed": {"zero_optimization": {"offload_param": {"device": "none"}}}},
    ),
    Border(
        "DSP105",
        "stage 0",
        {"deepspeed": {"zero_optimization": {"offload_optimizer": {"device": "cpu"}}}},
        {"deepspeed": {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": "cpu"}}}},
    ),
    Border(
        "DSP106",
        "no path",
        {"deepspeed": {"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme"}}}},
        {"deepspeed": {"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme", "nvme_path": "/fast"}}}},
    ),
    Border(
        "DSP107",
        "stage 3",
        {"auto_find_batch_size": True, "deepspeed": {"zero_optimization": {"stage": 3}}},
        {"auto_find_batch_size": True, "deepspeed": {"zero_optimization": {"stage": 2}}},
    ),
    Border(
        "DSP402",
        "evaluation alone in half",
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "bf16_full_eval": True, "do_eval": True},
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "bf16_full_eval": True, "bf16": True, "do_eval": True},
    ),
    Border(
        "DSP403",
        "compiled",
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "torch_compile": True},
        {"deepspeed": None, "torch_compile": True},
    ),
    Border(
        "DSP404",
        "pure half",
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "fp16": True, "fp16_opt_level": "O3"},
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "fp16": True, "fp16_opt_level": "O2"},
    ),
    Border("DSP401", "stages", {"deepspeed": {"pipeline": {"stages": 2}}}, {"deepspeed": {"steps_per_print": 10}}),
    Border(
        "DSP401",
        "who counts",
        {"deepspeed": {"managed_gradient_accumulation": False}},
        {"deepspeed": {"managed_gradient_accumulation": True}},
    ),
    Border(
        "DSP401",
        "sequences",
        {"deepspeed": {"sequence_parallel_size": 2}},
        {"deepspeed": {"sequence_parallel_size": 1}},
    ),
    Border(
        "DSP405",
        "factors of a matrix",
        {"deepspeed": {"zero_optimization": {"stage": 1}}, "optim": "adafactor"},
        {"deepspeed": {"zero_optimization": {"stage": 0}}, "optim": "adafactor"},
    ),
    Border(
        "DSP405",
        "DeepSpeed's own",
        {"deepspeed": {"zero_optimization": {"stage": 3}}, "optim": "muon"},
        {"deepspeed": {"zero_optimization": {"stage": 3}}, "optim": "lion_32bit"},
    ),
    Border(
        "DSP406",
        "averaged weights",
        {"deepspeed": {"gradient_clipping": "auto"}, "optim": "schedule_free_sgd", "lr_scheduler_type": "constant"},
        {"deepspeed": {"gradient_clipping": "auto"}, "optim": "sgd"},
    ),
    Border(
        "DSP407",
        "forced",
        {
            "deepspeed": {
                "zero_force_ds_cpu_optimizer": True,
                "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}},
            }
        },
        {
            "deepspeed": {
                "zero_force_ds_cpu_optimizer": False,
                "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}},
            }
        },
    ),
    Border(
        "DSP408",
        "float16",
        {"deepspeed": {"torch_autocast": {"enabled": True, "dtype": "fp16"}}},
        {"deepspeed": {"torch_autocast": {"enabled": True, "dtype": "bfloat16"}}},
    ),
    Border(
        "DSP409",
        "torch's, unsaid",
        {"deepspeed": {"zero_optimization": {"stage": 1}, "optimizer": {"type": "SGD"}}},
        {
            "deepspeed": {
                "zero_optimization": {"stage": 1},
                "optimizer": {"type": "SGD"},
                "zero_allow_untested_optimizer": True,
            }
        },
    ),
    Border(
        "DSP409",
        "made anew",
        {"deepspeed": {"zero_optimization": {"stage": 2}, "optimizer": {"type": "Adagrad"}}},
        {"deepspeed": {"zero_optimization": {"stage": 0}, "optimizer": {"type": "Adagrad"}}},
    ),
    Border(
        "DSP108", "amp", {"deepspeed": {"amp": {"enabled": True}}}, {"deepspeed": {"torch_autocast": {"enabled": True}}}
    ),
)


@pytest.mark.parametrize("border", BORDERS, ids=str)
def test_border(border: Border) -> None:
    border.check()
