"""Findings about DeepSpeed on this machine and with this job: RUN270 to RUN280."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

ENGINE_CODES: dict[str, Explanation] = {
    "RUN270": Explanation(
        "deepspeed-not-installed",
        "deepspeed without the package, or with a release of it that is too old",
        "its engine is what trains",
        "install deepspeed, or leave deepspeed out",
    ),
    "RUN271": Explanation(
        "deepspeed-batch-of-another-world",
        "a train_batch_size of deepspeed that these processes do not make",
        "it is per_device_train_batch_size x gradient_accumulation_steps x the number of processes",
        'set train_batch_size: "auto"',
    ),
    "RUN272": Explanation(
        "float64-under-deepspeed",
        "deepspeed for a model in float64",
        "the engine exchanges gradients and keeps its own weights in float32",
        "use model.float(), or train without deepspeed",
    ),
    "RUN273": Explanation(
        "nvme-untested",
        "offloading of deepspeed to nvme",
        "it is passed on to DeepSpeed as it is said, but nothing of it is tested in this release, and DeepSpeed "
        "compiles what reads and writes, for which it needs a C++ compiler, ninja and libaio with its headers",
        "offload to cpu; or install what is missing, and try a short run first",
    ),
    "RUN274": Explanation(
        "deepspeed-compiles-its-optimizer",
        "an offloaded optimizer of DeepSpeed's own, which it compiles for the CPU when it begins",
        "without a C++ compiler and ninja there is none, and what is compiled is not tested in this release",
        "install what is missing, or drop optimizer from deepspeed: then optim steps what is offloaded",
    ),
    "RUN275": Explanation(
        "two-optimizers-under-deepspeed",
        "an optimizer or a schedule that was given, and another in the DeepSpeed configuration",
        "only one of the two can step",
        "drop it from the DeepSpeed configuration, or do not give one",
    ),
    "RUN276": Explanation(
        "batch-search-in-several-engines",
        "auto_find_batch_size in several processes under deepspeed",
        "gradients are exchanged within the backward pass, and a process that runs out of memory there leaves the "
        "others waiting",
        "leave auto_find_batch_size out",
    ),
    "RUN277": Explanation(
        "no-float16-for-deepspeed",
        "fp16 under deepspeed on a processor that does not compute in float16",
        "the engine's weights are float16 themselves, and it refuses to begin",
        "use bf16: true",
    ),
    "RUN278": Explanation(
        "not-driven-under-deepspeed",
        "settings that DeepSpeed's engine cannot do, or does wrongly, as it is driven here",
        "each is a warning in a file (DSP401 to DSP409), which other programs may read, and stops a run",
        "see the message",
    ),
    "RUN279": Explanation(
        "deepspeed-on-accelerator-untested",
        "deepspeed on an accelerator",
        "this release tests DeepSpeed on CPUs, in several processes; the same calls drive it on accelerators, untested",
        "compare a short run with one without deepspeed",
    ),
    "RUN280": Explanation(
        "fine-modules-on-cpu",
        "stage3_module_granularity_threshold of deepspeed on the CPU, with a model that has modules as fine",
        "gradients of modules that are gathered in one piece are let go by a call that only accelerators have: the "
        "first update fails within DeepSpeed",
        "leave stage3_module_granularity_threshold out",
    ),
}
