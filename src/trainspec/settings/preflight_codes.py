"""The codes of preflight: what a run needs of this machine, its data and its output folder, checked before step 0.

They are explained here, without torch; `trainspec.training` finds them.
"""

from __future__ import annotations

from trainspec.settings.codes import Explanation

PREFLIGHT_CODES: dict[str, Explanation] = {
    "RUN101": Explanation(
        "not-driven-yet",
        "a valid setting that training does not act on in this release",
        "the setting is valid, but training does not act on it yet and would do something else than you asked",
        "leave the setting out",
    ),
    "RUN102": Explanation(
        "idle-in-one-process",
        "a setting about several processes or a search, in a run that is neither",
        "it changes nothing here",
        "nothing has to be done",
    ),
    "RUN103": Explanation(
        "several-processes",
        "a launcher started several processes",
        "each process would train a model of its own and write to the same output_dir",
        "start the command by itself, without torchrun",
    ),
    "RUN104": Explanation(
        "no-bfloat16", "bf16 on a device without bfloat16", "it cannot be computed", "use fp16, or no half precision"
    ),
    "RUN105": Explanation(
        "no-tf32", "tf32 on a device without it", "TF32 came with NVIDIA's Ampere generation", "leave tf32 out"
    ),
    "RUN106": Explanation(
        "half-weights-under-fp16",
        "fp16 with weights that are float16 already",
        "loss scaling casts float32 weights for each operation; float16 gradients cannot be unscaled",
        "load the model in float32, or use bf16",
    ),
    "RUN107": Explanation(
        "nothing-to-train", "a model without a parameter to train", "no update can be made", "set requires_grad"
    ),
    "RUN108": Explanation(
        "no-fused-optimizer",
        "the fused AdamW on a device or with parameters it does not take",
        "it cannot be built",
        "use optim: adamw_torch, which takes the fastest form that works",
    ),
    "RUN110": Explanation(
        "no-checkpoint", "a resume without a valid checkpoint", "there is nothing to go on from", "name another"
    ),
    "RUN111": Explanation(
        "checkpoint-without-training-state",
        "a resume from a checkpoint that holds the model alone",
        "optimizer, schedule and random states are needed to go on as if nothing had happened",
        "resume from a checkpoint saved with save_only_model: false",
    ),
    "RUN112": Explanation("no-training-data", "a run without training data", "nothing can be learnt", "pass data"),
    "RUN113": Explanation(
        "no-such-run",
        "settings that describe no run with this data",
        "its length is unknown or zero",
        "see the message",
    ),
    "RUN114": Explanation(
        "no-evaluation-data",
        "evaluations are due and there is nothing to evaluate on",
        "the run would end at the first of them",
        "pass eval_dataset, or set eval_strategy: no",
    ),
    "RUN115": Explanation(
        "metrics-not-by-batch",
        "batch_eval_metrics with a compute_metrics that takes no compute_result",
        "it is called after every batch, and has to be told which call is the last",
        "write it as compute_metrics(prediction, compute_result)",
    ),
    "RUN116": Explanation(
        "tracker-not-installed", "a tracker whose package is missing", "nothing would be tracked", "install the package"
    ),
    "RUN117": Explanation(
        "output-dir-not-writable", "an output_dir that cannot be written to", "the run would be lost", "choose another"
    ),
    "RUN118": Explanation(
        "output-dir-in-use",
        "an output_dir with checkpoints of an earlier run",
        "two runs in one folder cannot be told apart afterwards",
        "set resume_from_checkpoint: latest, overwrite_output_dir: true, or another output_dir",
    ),
    "RUN119": Explanation(
        "no-data-for-phase",
        "a phase that is on without data for it",
        "it cannot be done",
        "switch it off, or pass data",
    ),
}
