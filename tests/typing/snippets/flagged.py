"""What type checkers must flag: every line that ends in `# wrong`, and no other."""

from typing import Unpack

from trainspec import TrainingArguments
from trainspec.settings.typed import TrainingArgumentsDict

TrainingArguments("out", learning_rat=1e-3)  # wrong
TrainingArguments("out", evaluation_strategy="epoch")  # wrong
TrainingArguments("out", eval_strategy="epohc")  # wrong
TrainingArguments("out", optim="adamw_torchh")  # wrong
TrainingArguments("out", fsdp=["full_shrad"])  # wrong
TrainingArguments("out", learning_rate="1e-3")  # wrong
TrainingArguments("out", seed=1.5)  # wrong
TrainingArguments("out", bf16="yes")  # wrong
TrainingArguments("out", "more")  # wrong


class DistillationArguments(TrainingArguments):
    temperature: float = 2.0


DistillationArguments(output_dir="out", temperatur=1.0)  # wrong
DistillationArguments(output_dir="out", learning_rat=1e-3)  # wrong
args = TrainingArguments("out")
args.eval_strategy = "epohc"  # wrong
args.learning_rat = 1e-3  # wrong
print(args.learning_rat)  # wrong


def tuned(**settings: Unpack[TrainingArgumentsDict]) -> TrainingArguments:
    return TrainingArguments(**settings)


tuned(learning_rat=1)  # wrong
tuned(eval_strategy="epohc")  # wrong
