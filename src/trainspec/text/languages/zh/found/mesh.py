"""What preflight finds of meshes: tensors, sequences and experts that processes share out."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "correct the names: each is that of a module, * stands for anything between two dots": (
        "更正名称：每个都是模块的名称，* 代表两个点之间的任意内容"
    ),
    "stack the parameters of experts, one expert behind the other in dimension 0, or have a module for each in an "
    "nn.ModuleList; or leave ep_size out": (
        "在第 0 维把各专家的参数依次叠放，或在 nn.ModuleList 中给每个专家一个模块；或去掉 ep_size"
    ),
    "let forward take (x, weights), x of shape (tokens, width) and weights (tokens, experts), or (x, index, weights), both "
    "of these (tokens, experts chosen); or leave ep_size out": (
        "让 forward 接收 (x, weights)，其中 x 的形状为 (tokens, width)、weights 为 (tokens, experts)，"
        "或接收 (x, index, weights)，后两者为 (tokens, experts chosen)；或去掉 ep_size"
    ),
    "choose an ep_size that divides the number of experts": "选用能整除专家数的 ep_size",
    "wrap whole layers (transformer_layer_cls_to_wrap of fsdp_config), or leave auto_wrap out of fsdp": (
        "包装整层（fsdp_config 的 transformer_layer_cls_to_wrap），或从 fsdp 中去掉 auto_wrap"
    ),
    "give the model a method gradient_checkpointing_enable that recomputes layers, or leave gradient_checkpointing out": (
        "给模型一个会重新计算各层的 gradient_checkpointing_enable 方法，或去掉 gradient_checkpointing"
    ),
    "compare the losses of a few updates with those of a run without it": "把几次更新的损失与不用它的运行相比较",
    "the model is on the meta device, and a mesh begins with whole weights in every process": (
        "模型在 meta 设备上，而 mesh 开始时每个进程都要有完整的权重"
    ),
    "make the model on the CPU in every process, or leave parallelism_config out and use fsdp with fsdp_config: "
    "{cpu_ram_efficient_loading: true}": (
        "在每个进程的 CPU 上创建模型，或去掉 parallelism_config 而用 fsdp 和 fsdp_config: "
        "{cpu_ram_efficient_loading: true}"
    ),
    "auto_find_batch_size: a process that runs out of memory leaves those that hold other parts waiting": (
        "auto_find_batch_size：内存耗尽的进程会让持有其他部分的进程一直等待"
    ),
    "cpu_ram_efficient_loading of fsdp_config: in a mesh every process holds the whole model while it is split": (
        "fsdp_config 的 cpu_ram_efficient_loading：在 mesh 中，切分时每个进程都持有整个模型"
    ),
    "have memory for the whole model in each process when the run begins, or leave parallelism_config out": (
        "运行开始时每个进程要有放得下整个模型的内存，或去掉 parallelism_config"
    ),
    "leave cp_size out, and set sp_size in its place: it shares sequences out on any device": (
        "去掉 cp_size，改设 sp_size：它在任何设备上都能分担序列"
    ),
    "leave deepspeed out: sp_size is done by torch, dp_shard_size shards parameters as ZeRO-3 does": (
        "去掉 deepspeed：sp_size 由 torch 完成，dp_shard_size 像 ZeRO-3 那样切分参数"
    ),
    "choose a sp_size that divides the number of heads": "选用能整除头数的 sp_size",
    "choose a sp_size that divides the number of heads that tp_size leaves to each process": (
        "选用能整除 tp_size 留给每个进程的头数的 sp_size"
    ),
}

TEMPLATES: dict[str, str] = {
    "ep_size {number}: {name} does not say which modules are its experts": (
        "ep_size {number}：{name} 没有说明哪些模块是它的专家"
    ),
    'set {name} on the model, such as {"blocks.*.experts": "{style}"}, or leave ep_size out': (
        '在模型上设置 {name}，例如 {"blocks.*.experts": "{style}"}，或去掉 ep_size'
    ),
    "ep_size {number}: the plan of {name} names styles that are not done ({names})": (
        "ep_size {number}：{name} 的方案写了不支持的方式（{names}）"
    ),
    'set {name} on the model, with the style "{style}", or leave ep_size out': (
        '在模型上以方式 "{style}" 设置 {name}，或去掉 ep_size'
    ),
    "ep_size {number}: the plan matches no experts in {name} with {names}": (
        "ep_size {number}：方案的 {names} 在 {name} 中不匹配任何专家"
    ),
    "ep_size {number}: fsdp would gather {names} apart from what is around experts": (
        "ep_size {number}：fsdp 会把 {names} 与专家周围的部分分开收集"
    ),
    "ep_size {number}: gradient_checkpointing would recompute {names} apart from what is around experts": (
        "ep_size {number}：gradient_checkpointing 会把 {names} 与专家周围的部分分开重新计算"
    ),
    "{name}: on other devices than CPUs it is not tested by this release": "{name}：此版本没有在 CPU 以外的设备上测试过它",
    "tp_size {number}: {name} does not say how its layers are split": "tp_size {number}：{name} 没有说明各层如何切分",
    'set {name} on the model, such as {"blocks.*.up": "colwise", "blocks.*.down": "rowwise"}': (
        '在模型上设置 {name}，例如 {"blocks.*.up": "colwise", "blocks.*.down": "rowwise"}'
    ),
    "the tensor-parallel plan names styles that there are not ({names})": "张量并行的方案写了不存在的方式（{names}）",
    "use one of {names}, or an object of torch.distributed.tensor.parallel": (
        "用 {names} 之一，或 torch.distributed.tensor.parallel 的对象"
    ),
    "the tensor-parallel plan matches nothing in the model with {names}": "张量并行的方案的 {names} 在模型中不匹配任何内容",
    "cp_size {number}: torch has no attention over parts of sequences on {device}": (
        "cp_size {number}：torch 在 {device} 上没有针对部分序列的注意力"
    ),
    "cp_size {number}: parts of sequences on CUDA devices are not tested by this release": (
        "cp_size {number}：此版本没有在 CUDA 设备上测试过部分序列"
    ),
    "ep_size {number} does not divide what is shared out: {detail}": "ep_size {number} 不能整除要分担的：{detail}",
    "ep_size {number}: experts cannot be shared out: {detail}": "ep_size {number}：专家无法分担：{detail}",
    "pp_size {number}: pipelines are not done": "pp_size {number}：不支持流水线",
    "sp_size {number} does not divide heads: {detail}": "sp_size {number} 不能整除头数：{detail}",
    "sp_size {number} with tp_size {other}, {limit} together, does not divide heads: {detail}": (
        "sp_size {number} 与 tp_size {other} 合为 {limit}，不能整除头数：{detail}"
    ),
    "cp_size {number}: {detail}": "cp_size {number}：{detail}",
    "sp_size {number}: DeepSpeed's own sequence parallelism is not driven": (
        "sp_size {number}：不使用 DeepSpeed 自己的序列并行"
    ),
    "sp_size {number}: attention is found where it is called, which torch_compile leaves nothing of": (
        "sp_size {number}：注意力在其调用处寻找，而 torch_compile 会使调用消失"
    ),
    "sp_size {number}: {detail}": "sp_size {number}：{detail}",
    "{name} does not divide heads: {detail}": "{name} 不能整除头数：{detail}",
}
