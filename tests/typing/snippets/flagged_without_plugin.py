"""Wrong too, but pydantic's mypy plugin lets a subclass's keywords be of any type unless it is told `init_typed`."""

from trainspec import TrainingArguments


class DistillationArguments(TrainingArguments):
    temperature: float = 2.0


DistillationArguments(output_dir="out", temperature="warm")  # wrong
DistillationArguments("out", eval_strategy="epohc")  # wrong
DistillationArguments("out", learning_rate="1e-3")  # wrong
