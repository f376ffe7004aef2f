"""The codes of preflight about optimizers and schedules: those that a run was given, and those of a checkpoint."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

# What remains where a checkpoint does not go on as the settings are. Several files of weights become one by
# `trainspec checkpoints export`.
NEW_RUN = (
    "begin a new run with the checkpoint's weights: before the Trainer is made, "
    'safetensors.torch.load_model(model, "CHECKPOINT/model.safetensors"), or from_pretrained("CHECKPOINT"); then '
    "another output_dir, and no resume_from_checkpoint"
)

STEPPING_CODES: dict[str, Explanation] = {
    "RUN230": Explanation(
        "optimizer-of-another-model",
        "an optimizer that holds none of the model's parameters that train",
        "it was made for another model, or before this one was replaced, as model_init and PEFT do: nothing would be "
        "trained",
        "make the optimizer of the parameters of the model as it is trained",
    ),
    "RUN231": Explanation(
        "optimizer-without-some-parameters",
        "an optimizer that leaves out parameters which require a gradient",
        "these stay as they are, though their gradients are computed",
        "make the optimizer after the last change of the model, or set requires_grad = False on them",
    ),
    "RUN232": Explanation(
        "schedule-of-another-optimizer",
        "a schedule whose optimizer is not the one that trains",
        "it would change no learning rate of this run",
        "pass both, as optimizers=(optimizer, schedule)",
    ),
    "RUN233": Explanation(
        "used-schedule",
        "a run that begins with a schedule which another run has moved on",
        "it goes on where it stands, at its end perhaps, where the learning rate is 0",
        "pass a new pair for each train()",
    ),
    "RUN234": Explanation(
        "plateau-without-evaluation",
        "a given schedule that follows a metric, in a run that evaluates nothing",
        "only an evaluation can move it",
        "set eval_strategy, or use a schedule that follows the updates",
    ),
    "RUN235": Explanation(
        "plateau-over-several-sets",
        "a schedule that follows eval_loss, with several evaluation sets",
        "each set has a loss under a name of its own, and none is eval_loss",
        "set metric_for_best_model to the name of one of them",
    ),
    "RUN236": Explanation(
        "plateau-inside-a-schedule",
        "a schedule that holds a ReduceLROnPlateau",
        "only the outer one is stepped, and with no metric",
        "pass the ReduceLROnPlateau itself",
    ),
    "RUN237": Explanation(
        "plateau-in-the-other-direction",
        "a given plateau schedule whose mode is not the direction of its metric",
        "it would lower the learning rate while the metric gets better",
        "make it with the other mode, or set greater_is_better",
    ),
    "RUN240": Explanation(
        "overruled-by-checkpoint",
        "a resumed run with other settings than its checkpoint was saved with, of those that change a run",
        "what optimizer and schedule were made with, and the random numbers, go on as they were saved; all else is as "
        "the settings say now",
        "nothing has to be done; on_changed_settings says whether such a run is warned of, refused or accepted",
    ),
    "RUN241": Explanation(
        "checkpoint-of-another-optimizer",
        "a resume with another optimizer than the run had",
        "what one optimizer remembers of the gradients means nothing to another",
        "resume with the optimizer that the run had, or " + NEW_RUN,
    ),
    "RUN242": Explanation(
        "checkpoint-of-another-schedule",
        "a resume with another kind of schedule than the run had",
        "where a schedule stands means nothing to one of another kind",
        "resume with the schedule that the run had, or " + NEW_RUN,
    ),
    "RUN243": Explanation(
        "checkpoint-of-other-parameters",
        "a resume with other parameters or groups than the saved optimizer had",
        "what is remembered of a parameter goes on with that parameter alone",
        "resume with the parameters and groups that the run had, or " + NEW_RUN,
    ),
    "RUN246": Explanation(
        "checkpoint-of-another-layout",
        "a resume with another number of processes, or another way of sharing the work, than wrote the checkpoint",
        "weights, the optimizer's state, the schedule and the row of the data go on as they were, dealt out as the "
        "processes hold them here; random numbers of other processes cannot be gone on with",
        "nothing has to be done; to the last bit a run goes on in the layout that wrote the checkpoint",
    ),
    "RUN247": Explanation(
        "optimizer-state-of-another-layout",
        "a resume in another layout with an optimizer whose state cannot be put together or cut anew",
        "what an optimizer keeps for rows, columns or blocks of a part of a parameter is no part of what it would keep "
        "for the whole",
        "resume in the layout that wrote the checkpoint, or " + NEW_RUN,
    ),
    "RUN248": Explanation(
        "nodes-without-a-common-checkpoint",
        "a run that is started again under save_on_each_node, whose nodes have no whole checkpoint of the same update",
        "processes that go on from different updates would not train one model, and beginning anew would replace what "
        "there is",
        "copy a whole checkpoint to the nodes that lack it, or remove what is there to begin anew",
    ),
    "RUN249": Explanation(
        "unfinished-saves",
        "an output_dir in which an earlier run was ended in its first save",
        "what it left is no checkpoint, and is passed over by whoever looks for one",
        "remove it if it is in the way; the run replaces what has the number of an update of its own",
    ),
}
