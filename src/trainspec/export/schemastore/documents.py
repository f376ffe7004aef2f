"""Documents that the catalogue tests the schema with: each that passes is valid, each that fails has one fault."""

from __future__ import annotations

PASSING: dict[str, str] = {
    "small.yaml": "output_dir: runs/first\nlearning_rate: 0.0003\nnum_train_epochs: 3\n",
    "usual.yaml": """output_dir: runs/bert
seed: 7
learning_rate: 5e-5
lr_scheduler_type: cosine
warmup_ratio: 0.03
weight_decay: 0.1
optim: adamw_torch_fused
per_device_train_batch_size: 16
gradient_accumulation_steps: 2
bf16: true
eval_strategy: epoch
save_strategy: epoch
save_total_limit: 3
load_best_model_at_end: true
metric_for_best_model: accuracy
logging_steps: 50
report_to: [tensorboard]
""",
    "sharded.yaml": """output_dir: runs/large
max_steps: 2000
gradient_checkpointing: true
fsdp: [full_shard, auto_wrap]
fsdp_config:
  transformer_layer_cls_to_wrap: [Block]
""",
    "fractions.yaml": """# Fractions are of all updates.
output_dir: runs/fractions
eval_strategy: steps
eval_steps: 0.25
save_steps: 0.25
""",
    "task.yaml": "output_dir: runs/digits\ntask:\n  width: 64\n",
    "usual.json": """{
  "output_dir": "runs/second",
  "learning_rate": 0.0003,
  "lr_scheduler_type": "cosine_with_restarts",
  "lr_scheduler_kwargs": { "num_cycles": 3 },
  "max_steps": 1000
}
""",
    "usual.toml": """output_dir = "runs/third"
learning_rate = 3e-4
label_names = ["labels"]

[fsdp_config]
min_num_params = 1000
""",
    "old-names.yaml": "output_dir: out\nevaluation_strategy: epoch\n",
}

FAILING: dict[str, str] = {
    "unknown-name.yaml": "output_dir: out\nlearning_rat: 0.1\n",
    "text-for-a-number.yaml": "learning_rate: fast\n",
    "number-for-a-switch.yaml": "bf16: 1\n",
    "unknown-choice.yaml": "lr_scheduler_type: cosin\n",
    "below-the-bound.yaml": "learning_rate: -0.1\n",
    "above-the-bound.yaml": "warmup_ratio: 1.5\n",
    "unknown-name-inside.yaml": "fsdp_config:\n  wrap: true\n",
    "removed.yaml": "use_ipex: true\n",
    "two-precisions.yaml": "bf16: true\nfp16: true\n",
    "best-without-saves.yaml": "eval_strategy: epoch\nsave_strategy: no\nload_best_model_at_end: true\n",
    "resumed-and-overwritten.yaml": "resume_from_checkpoint: latest\noverwrite_output_dir: true\n",
    "two-precisions.json": '{\n  "bf16": true,\n  "fp16": true\n}\n',
    "unknown-name.toml": "learning_rat = 0.1\n",
}
