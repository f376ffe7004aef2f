"""What a run does and for how long."""

from pydantic import Field

from trainspec.settings.groups.group import Group
from trainspec.settings.values.types import Flag, MinusOneOrMore, Name, NonNegativeNumber


class RunSettings(Group):
    do_train: Flag = Field(
        default=False,
        description="Train; the train command does so unless a source says false.",
        examples=[True],
    )
    do_eval: Flag | None = Field(
        default=None,
        description="Evaluate after training; true by itself when eval_strategy is not no.",
        examples=[True],
    )
    do_predict: Flag = Field(
        default=False, description="Write predictions for the test set to output_dir.", examples=[True]
    )
    num_train_epochs: NonNegativeNumber = Field(
        default=3.0,
        description="Passes over the training data; a fraction ends inside the last epoch.",
        examples=[1, 2.5],
    )
    max_steps: MinusOneOrMore = Field(
        default=-1,
        description="When above 0: exactly that many optimizer updates, whatever num_train_epochs says.",
        examples=[1000],
    )
    resume_from_checkpoint: Flag | Name | None = Field(
        default=None,
        description="Checkpoint path or URL to resume from; true or latest: the newest valid one in output_dir; auto: "
        "that one, or a fresh start where there is none.",
        examples=["auto", "latest", "runs/digits/checkpoint-500"],
    )
