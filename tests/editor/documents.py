"""Documents that every reader of the schemas must take, and those that every one must refuse."""

from typing import Any

GOOD: dict[str, dict[str, Any]] = {
    "empty": {},
    "usual": {"output_dir": "out", "learning_rate": 3e-4, "num_train_epochs": 3, "bf16": True},
    "choices": {"lr_scheduler_type": "cosine", "optim": "adamw_torch_fused", "save_strategy": "no"},
    "nested": {"fsdp": ["full_shard"], "fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"]}},
    "fraction": {"eval_strategy": "steps", "eval_steps": 0.25},
    "best": {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True},
    "old-name": {"output_dir": "out", "evaluation_strategy": "epoch"},
}
BAD: dict[str, dict[str, Any]] = {
    "unknown-key": {"learning_rat": 0.1},
    "wrong-type": {"learning_rate": "0.1"},
    "flag-as-number": {"bf16": 1},
    "wrong-choice": {"lr_scheduler_type": "cosin"},
    "below-the-border": {"learning_rate": -1},
    "beyond-the-border": {"warmup_ratio": 1.5},
    "nested-unknown-key": {"fsdp_config": {"wrap": 1}},
    "excluding-formats": {"bf16": True, "fp16": True},
    "best-without-saving": {"eval_strategy": "epoch", "save_strategy": "no", "load_best_model_at_end": True},
}
