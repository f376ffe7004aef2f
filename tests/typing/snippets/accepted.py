"""What type checkers must let pass: every line here is right."""

from typing import Unpack, assert_type

from trainspec import FSDPOption, IntervalStrategy, OptimizerNames, TrainingArguments
from trainspec.settings.typed import TrainingArgumentsDict
from trainspec.settings.values.choices import DebugOption

args = TrainingArguments("out", learning_rate=1e-3, eval_strategy="epoch")
TrainingArguments()
TrainingArguments(output_dir="out", eval_strategy=IntervalStrategy.STEPS, eval_steps=0.1, max_steps=5)
TrainingArguments("out", fsdp=["full_shard", FSDPOption.AUTO_WRAP], fsdp_config={"min_num_params": 1})
TrainingArguments("out", fsdp="full_shard auto_wrap", report_to="none", hub_token="secret", label_names=("a", "b"))
TrainingArguments("out", report_to=["jsonl"], optim="sgd", optim_args="momentum=0.9", resume_from_checkpoint=True)

# What follows from other settings is never null.
assert_type(args.output_dir, str)
assert_type(args.eval_steps, int | float)
assert_type(args.do_eval, bool)
assert_type(args.run_name, str)
assert_type(args.data_seed, int)
assert_type(args.torch_compile, bool)
assert_type(args.fsdp, list[FSDPOption])
assert_type(args.debug, list[DebugOption])
assert_type(args.report_to, list[str])
assert_type(args.eval_strategy, IntervalStrategy)
assert_type(args.optim, OptimizerNames)
assert_type(args.metric_for_best_model, str | None)
assert_type(args.save_total_limit, int | None)
assert_type(args.world_size, int)


class DistillationArguments(TrainingArguments):
    """Settings of one's own keep what they inherit."""

    temperature: float = 2.0


mine = DistillationArguments(output_dir="out", temperature=1.5, eval_strategy="epoch", eval_steps=None)
assert_type(mine.temperature, float)
assert_type(mine.eval_steps, int | float)
assert_type(mine.eval_strategy, IntervalStrategy)
assert_type(mine.fsdp, list[FSDPOption])
assert_type(mine.replace(temperature=1.0), DistillationArguments)
assert_type(DistillationArguments.from_dict({"output_dir": "out"}), DistillationArguments)


def tuned(**settings: Unpack[TrainingArgumentsDict]) -> TrainingArguments:
    return TrainingArguments(**settings)


tuned(output_dir="out", learning_rate=1.0, eval_strategy="no")
settings: TrainingArgumentsDict = {"learning_rate": 1e-4, "lr_scheduler_type": "cosine"}
TrainingArguments(**settings)
DistillationArguments(temperature=1.0, **settings)
