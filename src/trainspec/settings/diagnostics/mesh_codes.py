"""The codes of preflight about meshes of processes: parallelism_config."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

MESH_CODES: dict[str, Explanation] = {
    "RUN281": Explanation(
        "no-tensor-parallel-plan",
        "tp_size for a model that does not say how its layers are split",
        "which layers may be split, and by rows or columns, only the model's author knows",
        "give the model an attribute tensor_parallel_plan, a mapping from names of modules to styles",
    ),
    "RUN282": Explanation(
        "plan-matches-nothing",
        "a tensor-parallel plan with a rule for modules that are not there",
        "what it means to split would stay whole in every process",
        "correct the name; * stands for anything between two dots",
    ),
    "RUN283": Explanation(
        "layers-do-not-divide",
        "heads or features that tp_size does not divide",
        "each process gets as many of them, and no head is cut in two",
        "choose a tp_size that divides them",
    ),
    "RUN284": Explanation(
        "plan-does-not-fit",
        "a tensor-parallel plan with a style that is none, or is not one for that module",
        "the layer cannot be split that way",
        "use a style for the type of the module",
    ),
    "RUN285": Explanation(
        "no-context-parallel",
        "cp_size above 1 where no CUDA device computes",
        "torch has no sharding strategy for the attention kernels of the CPU and of other devices: each process would "
        "attend to its own part of a sequence",
        "set sp_size in its place, which shares sequences out on any device",
    ),
    "RUN286": Explanation(
        "no-sequence-parallel-of-deepspeed",
        "sp_size above 1 together with deepspeed",
        "DeepSpeed's Ulysses has to be built into the model's attention and its engine; a mesh of torch does the same "
        "without that engine",
        "leave deepspeed out, and set dp_shard_size to shard parameters",
    ),
    "RUN287": Explanation(
        "no-pipeline",
        "pp_size above 1",
        "stages of layers in different processes need a loop of their own; layers, parameters and rows are split here",
        "use tp_size and dp_shard_size",
    ),
    "RUN288": Explanation(
        "no-expert-parallel-plan",
        "ep_size above 1 for a model that does not say which modules are its experts, or names none that is there",
        "which parameters belong to which expert, only the model's author knows",
        "give the model an attribute expert_parallel_plan, a mapping from names of modules to the style experts",
    ),
    "RUN289": Explanation(
        "experts-do-not-fit",
        "an expert-parallel plan with a style that is none, or for a module that neither has its parameters stacked by "
        "expert nor is a list of experts with parameters of their own",
        "each process computes some of the experts: entries of the first dimension of every parameter, or modules of a "
        "list",
        "stack the parameters in one module that takes (x, weights) or (x, index, weights), or have an nn.ModuleList "
        "of experts",
    ),
    "RUN290": Explanation(
        "experts-do-not-divide",
        "a number of experts that ep_size does not divide",
        "each process gets as many of them",
        "choose an ep_size that divides it",
    ),
    "RUN297": Explanation(
        "heads-do-not-divide",
        "a number of heads that sp_size does not divide",
        "in attention each process has as many of them, and no head is cut in two",
        "choose a sp_size that divides it",
    ),
    "RUN294": Explanation(
        "mesh-without-weights",
        "a model on the meta device with parallelism_config",
        "layers are split where they are whole: every process needs the model's weights when a run begins",
        "make the model on the CPU, or share it out by fsdp alone, with cpu_ram_efficient_loading",
    ),
    "RUN295": Explanation(
        "mesh-loads-whole-models",
        "cpu_ram_efficient_loading with parallelism_config",
        "every process of a mesh holds the whole model in the CPU's memory until its layers are split",
        "have that memory, or share the model out by fsdp alone",
    ),
    "RUN296": Explanation(
        "sequence-or-expert-parallel-untested",
        "sp_size or ep_size above 1 on other devices than CPUs",
        "what they make on CPUs is what one process makes; no other device was there to try them on",
        "compare the losses of a few updates with those of a run without",
    ),
    "RUN298": Explanation(
        "context-parallel-untested",
        "cp_size above 1 on CUDA devices",
        "it is written, and everything but attention itself has run on CPUs; no CUDA device was there to try it on",
        "compare the losses of a few updates with those of a run without cp_size",
    ),
    "RUN299": Explanation(
        "model-not-for-parts-of-sequences",
        "cp_size or sp_size above 1 for a model that cannot work on a part of a sequence",
        "it must be told where its tokens are in the row, attend by F.scaled_dot_product_attention to all that came "
        "before, and take its loss from labels that it need not shift",
        "see the message, or leave cp_size and sp_size out",
    ),
}
