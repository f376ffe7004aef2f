"""What is right too, but what pydantic's mypy plugin has no words for: by position in a subclass, assigned as text."""

from typing import assert_type

from trainspec import IntervalStrategy, TrainingArguments

args = TrainingArguments("out")
args.eval_strategy = "steps"
args.fsdp = "full_shard auto_wrap"
args.eval_steps = None


class DistillationArguments(TrainingArguments):
    temperature: float = 2.0


mine = DistillationArguments("out", temperature=1.5, eval_strategy="epoch")
assert_type(mine.eval_strategy, IntervalStrategy)
