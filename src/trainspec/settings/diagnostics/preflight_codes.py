"""The codes of preflight: what a run needs of this machine, its data and its output folder, checked before step 0.

They are explained here, without torch; `trainspec.training` finds them.
"""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation
from trainspec.settings.diagnostics.data_codes import DATA_CODES
from trainspec.settings.diagnostics.engine_codes import ENGINE_CODES
from trainspec.settings.diagnostics.launch_codes import LAUNCH_CODES
from trainspec.settings.diagnostics.mesh_codes import MESH_CODES
from trainspec.settings.diagnostics.model_codes import MODEL_CODES
from trainspec.settings.diagnostics.sharding_codes import SHARDING_CODES
from trainspec.settings.diagnostics.stepping_codes import STEPPING_CODES

PREFLIGHT_CODES: dict[str, Explanation] = {
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
        "a fused optimizer on a device or with parameters it does not take",
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
    "RUN120": Explanation(
        "disk-too-small",
        "checkpoints that do not fit onto the disk of output_dir",
        "a run that fills the disk ends in the middle of a checkpoint",
        "free some space, keep fewer checkpoints (save_total_limit), or choose another output_dir",
    ),
    "RUN121": Explanation(
        "metric-not-returned",
        "a metric_for_best_model that evaluation does not return",
        "the best model could not be told from the others",
        "name a metric that evaluation returns",
    ),
    "RUN122": Explanation(
        "other-training-data",
        "a resume with other training data, or in the middle of an epoch whose rows come in another order now",
        "some rows would be seen twice and others never",
        "resume with the data and the data_seed that the run had, or set ignore_data_skip: true",
    ),
    "RUN150": Explanation(
        "no-column-in-common",
        "rows of which no key is an input of the model",
        "remove_unused_columns drops what the model's forward does not take, and nothing would be left",
        "rename the keys, or set remove_unused_columns: false if the data_collator makes the model's inputs",
    ),
    "RUN151": Explanation(
        "grouping-without-row-numbers",
        "group_by_length with training data that comes one row after the other",
        "rows can be put into an order of their lengths only where each can be fetched by its number",
        "pass a data set with __len__ and __getitem__, or set group_by_length: false",
    ),
    "RUN152": Explanation(
        "rows-without-length",
        "group_by_length with rows that have no length",
        "neither the column with lengths is there, nor an entry whose length could be measured",
        "add a column with lengths and name it in length_column_name, or set group_by_length: false",
    ),
    "RUN153": Explanation(
        "labels-not-in-data",
        "label_names of which none is in the evaluation data",
        "there would be no evaluation loss, and compute_metrics would not be called",
        "name keys of the rows, or leave label_names out",
    ),
    "RUN155": Explanation(
        "no-label-that-counts",
        "an evaluation in which every label is masked",
        "a loss is a mean over labels, and there is nothing to take it over",
        "look at what masks the labels",
    ),
    "RUN154": Explanation(
        "unreadable-row",
        "a data set whose first row cannot be read",
        "the run would end at the row",
        "see the message",
    ),
    "RUN157": Explanation(
        "no-loss",
        "a model that cannot be given the labels, with nothing else to make a loss of them",
        "training needs a loss, and neither the model nor the Trainer computes one",
        "pass compute_loss_func=torch.nn.CrossEntropyLoss(), or a function (outputs, labels), to the Trainer",
    ),
    "RUN158": Explanation(
        "smoothing-without-classes",
        "label_smoothing_factor with labels that are no classes",
        "smoothing moves a part of each label to the other classes: multi-label and regression models have none",
        "leave label_smoothing_factor out",
    ),
    "RUN159": Explanation(
        "own-step-unweighed",
        "accumulation with a training_step that does its own backward pass",
        "micro-batches are added up as they come: neither their label counts nor a short last window is seen to",
        "call self.backward(loss) with the mean loss of the micro-batch, or super().training_step",
    ),
    "RUN180": Explanation(
        "no-hub-client",
        "push_to_hub without the package that speaks to hubs",
        "nothing could be pushed, and the end of the run is a bad time to find out",
        "pip install huggingface_hub",
    ),
    "RUN181": Explanation(
        "no-hub-token",
        "push_to_hub without a token",
        "a hub takes no push from an account it does not know",
        "set TRAINSPEC_HUB_TOKEN or HF_TOKEN, or log in with: hf auth login",
    ),
    "RUN182": Explanation(
        "hub-offline",
        "push_to_hub while HF_HUB_OFFLINE is set",
        "the hub's client then refuses every request",
        "take the variable away, or set push_to_hub: false",
    ),
    "RUN185": Explanation(
        "override-never-called",
        "a subclass of Trainer that overrides a method of transformers' Trainer which trainspec never calls",
        "its code would wait in vain, and what it was to change stays as it is",
        "see the message for what to override instead",
    ),
    "RUN186": Explanation(
        "own-training-loop",
        "an _inner_training_loop that does not call super()",
        "it trains in place of trainspec's loop: exact windows, checkpoints, resuming, limits and findings are its own "
        "work then",
        "call super()._inner_training_loop(...): change single steps by training_step, get_batch_samples or a callback",
    ),
    "RUN187": Explanation(
        "own-accelerator",
        "an Accelerator that a subclass makes for itself",
        "trainspec prepares the model and steps without it, so what it is set up for has no effect",
        "say it by settings (bf16, gradient_accumulation_steps ...), and use trainer.accelerator as it is",
    ),
    "RUN190": Explanation(
        "no-search-backend",
        "a hyperparameter search without the package that does it",
        "no trial can be suggested",
        "pip install optuna",
    ),
    "RUN191": Explanation(
        "unknown-search-backend",
        "a hyperparameter search with a backend that is not driven",
        "it would not be the search you asked for",
        "use backend optuna or ray",
    ),
    "RUN192": Explanation(
        "search-without-model-init",
        "a hyperparameter search with a ready model",
        "every trial has to start from a fresh model, else the second would go on training the first one's",
        "pass model_init, a function that returns a new model, to the Trainer",
    ),
    "RUN193": Explanation(
        "no-such-hyperparameter",
        "a search space that names no setting",
        "its values would change nothing, and the search would compare noise",
        "correct the name, or let model_init take the trial and read it there",
    ),
    "RUN194": Explanation(
        "unfit-search-option",
        "an option of a hyperparameter search that cannot be met here",
        "see the message",
        "see the message",
    ),
    "RUN123": Explanation(
        "output-dir-locked",
        "an output_dir that another run writes to now",
        "two runs in one folder would delete and replace each other's checkpoints, and end as a mixture",
        "wait for the other run, stop it, or choose another output_dir",
    ),
    "RUN130": Explanation(
        "optimizer-not-installed",
        "an optim whose package is missing",
        "it cannot be built",
        "install the package, or choose another optim",
    ),
    "RUN131": Explanation(
        "optimizer-not-for-device",
        "an optim whose package works on another kind of device only",
        "its first step would fail",
        "choose an optim for this device",
    ),
    "RUN132": Explanation(
        "no-target-module",
        "optim_target_modules that match no Linear module of the model",
        "nothing would be projected, and the optim would be a plain one",
        "name modules that there are, or write all-linear",
    ),
    "RUN133": Explanation(
        "idle-target-module",
        "an entry of optim_target_modules that matches no Linear module",
        "the others are projected, and this one changes nothing",
        "correct it, or leave it out",
    ),
    "RUN134": Explanation(
        "backward-update-under-fp16",
        "an optim that updates in the backward pass, with fp16",
        "its gradients are used before the scale of the loss could be taken out of them and overflows be found",
        "use bf16, or an optim that steps after the backward pass",
    ),
    "RUN136": Explanation(
        "unfit-optimizer-argument",
        "optim_args that cannot work in this run",
        "the first step would fail, or do something else than the argument says",
        "see the message",
    ),
    "RUN137": Explanation(
        "muon-without-matrix",
        "muon for a model without a matrix in a hidden layer",
        "Muon is for those; everything else is left to AdamW",
        "use optim: adamw_torch",
    ),
    "RUN138": Explanation(
        "schedule-under-relative-step",
        "a schedule under Adafactor's relative_step",
        "the learning rate then follows from the number of the update alone",
        "drop relative_step, or leave lr_scheduler_type out",
    ),
    "RUN139": Explanation(
        "optimizer-not-built",
        "optim and optim_args that the optimizer refuses",
        "its own code says so, as the message shows",
        "change what it complains about",
    ),
    "RUN140": Explanation(
        "tracker-not-usable-here",
        "a tracker that lacks something else than its package",
        "nothing would be tracked",
        "set up what the message names, or leave the tracker out of report_to",
    ),
    "RUN141": Explanation(
        "one-place-told-twice",
        "several trackers that report through MLflow",
        "a process has one connection to MLflow, and each of them would write every entry to the same run",
        "keep one of them",
    ),
    "RUN142": Explanation(
        "space-without-login",
        "a Trackio Space without a token for the hub",
        "a Space can only be written to by somebody who is logged in",
        "set trackio_space_id: null, or log in with `hf auth login`",
    ),
    "RUN160": Explanation(
        "unknown-compile-backend",
        "a torch_compile_backend that torch does not have here",
        "nothing could be compiled",
        "use one of those that torch._dynamo.list_backends() names",
    ),
    "RUN161": Explanation(
        "nothing-to-compile-with",
        "the inductor without a compiler for this device",
        "it writes code that has to be compiled",
        "install the compiler, or set torch_compile_backend: aot_eager",
    ),
    "RUN162": Explanation(
        "nothing-to-recompute",
        "gradient_checkpointing for a model without repeated blocks",
        "blocks are recomputed: modules of one class in an nn.ModuleList or nn.Sequential, each made of several layers",
        "leave gradient_checkpointing out, or give the model a method gradient_checkpointing_enable",
    ),
    "RUN163": Explanation(
        "no-embeddings",
        "neftune_noise_alpha for a model without input embeddings",
        "there is nothing to put the noise on",
        "leave neftune_noise_alpha out, or give the model a method get_input_embeddings",
    ),
    "RUN164": Explanation(
        "apex-not-used",
        "half_precision_backend: apex",
        "mixed precision is torch's own here, at every fp16_opt_level, and apex.amp is no longer maintained",
        "leave half_precision_backend out; fp16_opt_level keeps its meaning",
    ),
    "RUN165": Explanation(
        "epsilon-lost-in-half",
        "an adam_epsilon too small for float16, at level O3",
        "without it the first small gradients are divided by zero",
        "set adam_epsilon: 1e-4, or use fp16_opt_level: O2",
    ),
    "RUN166": Explanation(
        "liger-not-installed", "use_liger_kernel without the package", "it brings the kernels", "install liger-kernel"
    ),
    "RUN167": Explanation(
        "liger-does-not-know-model",
        "use_liger_kernel for a kind of model that Liger has no kernels for",
        "nothing would be exchanged",
        "leave use_liger_kernel out",
    ),
    "RUN168": Explanation(
        "no-tpu", "a setting about TPUs without one", "there is no TPU that torch could reach", "leave it out"
    ),
    "RUN169": Explanation(
        "no-cache-to-empty",
        "torch_empty_cache_steps on the CPU",
        "only accelerators have a cache to empty",
        "nothing has to be done",
    ),
    "RUN170": Explanation(
        "memory-not-measurable",
        "skip_memory_metrics: false on a system that tells nothing of memory without psutil",
        "there would be no figures",
        "install psutil",
    ),
    "RUN171": Explanation(
        "recomputation-takes-no-arguments",
        "gradient_checkpointing_kwargs for a model whose own gradient_checkpointing_enable takes none",
        "they would be lost",
        "leave gradient_checkpointing_kwargs out, or let the method take them",
    ),
    **DATA_CODES,
    **ENGINE_CODES,
    **LAUNCH_CODES,
    **MESH_CODES,
    **MODEL_CODES,
    **SHARDING_CODES,
    **STEPPING_CODES,
}
