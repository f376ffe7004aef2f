"""What preflight finds of several processes: how they are joined, fsdp and deepspeed."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "use_configured_state is true, but nobody has joined the processes before the Trainer was made": (
        "use_configured_state 为 true，但在创建 Trainer 之前没有人连接各进程"
    ),
    "call torch.distributed.init_process_group first, or drop use_configured_state": (
        "先调用 torch.distributed.init_process_group，或去掉 use_configured_state"
    ),
    "start no more processes on a node than it has devices; with srun, let every task see all devices of its node "
    "(--gpu-bind=none, --gpus-per-node)": (
        "一个节点上的进程数不要超过其设备数；用 srun 时让每个任务看到其节点的所有设备（--gpu-bind=none、--gpus-per-node）"
    ),
    "pip install 'deepspeed>=0.19', or leave deepspeed out": "pip install 'deepspeed>=0.19'，或去掉 deepspeed",
    "set a smaller min_num_params": "设置更小的 min_num_params",
    "leave local_rank out: the launcher tells it": "去掉 local_rank：由启动器给出",
    "leave ddp_backend out, or set it to gloo": "去掉 ddp_backend，或把它设为 gloo",
    "activation_checkpointing: nothing is wrapped, and the model has no layers that repeat": (
        "activation_checkpointing：没有包装任何模块，而且模型没有重复的层"
    ),
    "add auto_wrap to fsdp and name the layers, or leave activation_checkpointing out": (
        "给 fsdp 加上 auto_wrap 并指明各层，或去掉 activation_checkpointing"
    ),
    "the model is on the meta device: this process has its shapes and no weights": (
        "模型在 meta 设备上：此进程只有形状而没有权重"
    ),
    "set fsdp_config: {cpu_ram_efficient_loading: true}, which gives it those of the main process": (
        "设置 fsdp_config: {cpu_ram_efficient_loading: true}，由主进程给它权重"
    ),
    "nothing has to be done; one dimension, and one dtype for what trains, would let them be shared": (
        "不必做什么；若它们有一个维度，且参与训练的 dtype 相同，就能分担"
    ),
    "give these a method reset_parameters, or make the model in the main process on the CPU": (
        "给它们一个 reset_parameters 方法，或由主进程在 CPU 上创建模型"
    ),
    "fsdp: there is one process, and nobody to share the model with; it trains whole": (
        "fsdp：只有一个进程，没有可分担模型的对象；模型完整地训练"
    ),
    "start several processes (trainspec train --nproc N, torchrun), or leave fsdp out": (
        "启动多个进程（trainspec train --nproc N、torchrun），或去掉 fsdp"
    ),
    "set fp16_opt_level: O1; parameters are then gathered in float16, and kept in float32": (
        "设置 fp16_opt_level: O1；这样参数以 float16 收集，以 float32 保存"
    ),
    "auto_find_batch_size: under fsdp a process that runs out of memory leaves the others waiting for its part": (
        "auto_find_batch_size：在 fsdp 之下，内存耗尽的进程会让其他进程一直等它的部分"
    ),
    "set per_device_train_batch_size to what fits (trainspec plan estimates it)": (
        "把 per_device_train_batch_size 设为放得下的值（trainspec plan 会估算）"
    ),
    "fsdp offload: the model trains on the CPU, where it is already": "fsdp offload：模型就在 CPU 上训练",
    "leave offload out, or train on an accelerator": "去掉 offload，或在加速器上训练",
    "nothing has to be done; leave it out to make this notice go away": "不必做什么；去掉它，此提示便会消失",
}

TEMPLATES: dict[str, str] = {
    "--gpus {number} and --nproc {other} contradict each other: every process has one GPU": (
        "--gpus {number} 与 --nproc {other} 互相矛盾：每个进程一块 GPU"
    ),
    "MASTER_PORT is {value}, which is no port, so that processes cannot find the first of them": (
        "MASTER_PORT 为 {value}，不是端口，各进程因此找不到其中的第一个"
    ),
    "DeepSpeed on {device} is not tested by this release": "此版本没有在 {device} 上测试过 DeepSpeed",
    "{name} of deepspeed to nvme needs what is compiled when training begins, and {detail}": (
        "deepspeed 的 {name} 卸载到 nvme 需要训练开始时编译的部分，而 {detail}"
    ),
    "{name} of deepspeed to nvme {detail}": "deepspeed 的 {name} 卸载到 nvme：{detail}",
    "auto_find_batch_size cannot work in {number} processes under deepspeed": (
        "auto_find_batch_size 不能在 deepspeed 之下的 {number} 个进程中工作"
    ),
    "weights of the model are float64 ({name} and {number} more)": "模型的权重是 float64（{name} 以及另外 {number} 个）",
    "{name} was given, and deepspeed has one in its configuration": "给出了 {name}，而 deepspeed 的配置中已有一个",
    "it has layers of {names}": "它有 {names} 层",
    "this process computes on {device}, but sees {number} CUDA devices": (
        "此进程在 {device} 上计算，却看到 {number} 个 CUDA 设备"
    ),
    "local_rank is {number}, but the launcher calls this process {other} of its node": (
        "local_rank 为 {number}，而启动器称此进程为其节点的第 {other} 个"
    ),
    "{detail} not set, so that {number} processes cannot find the first of them": (
        "没有设置（{detail}），{number} 个进程无法找到其中的第一个"
    ),
    "this build of torch has no {name}, by which {number} processes would be joined": (
        "此 torch 构建没有 {name}，而 {number} 个进程要靠它连接"
    ),
    "leave ddp_backend out, or set it to {ways}": "去掉 ddp_backend，或把它设为 {ways}",
    "nccl carries what is on CUDA devices, and this process computes on {device}": (
        "nccl 传送 CUDA 设备上的内容，而此进程在 {device} 上计算"
    ),
    "the offloaded optimizer of deepspeed is compiled when training begins, and {detail}": (
        "deepspeed 的卸载优化器在训练开始时编译，而 {detail}"
    ),
    "train_batch_size of deepspeed is {number}, but one process makes {other} rows an update": (
        "deepspeed 的 train_batch_size 为 {number}，而一个进程每次更新 {other} 行"
    ),
    "weights of the model are float64 ({names})": "模型的权重是 float64（{names}）",
    "stage3_module_granularity_threshold {number} of deepspeed gathers {detail} in one piece, which it cannot do on the "
    "CPU": "deepspeed 的 stage3_module_granularity_threshold {number} 会整块收集 {detail}，而它在 CPU 上做不到",
    "fsdp auto_wrap: {detail}": "fsdp auto_wrap：{detail}",
    "fsdp: every process keeps {names} whole": "fsdp：每个进程都保有完整的 {names}",
    "the main process's model is on the meta device, and nothing draws the weights of {names}": (
        "主进程的模型在 meta 设备上，而没有什么会生成 {names} 的权重"
    ),
    "{name} does not step on parameters that are shared out over processes": "{name} 不能更新分摊到各进程的参数",
    "use one of {names}, or leave fsdp out": "用 {names} 之一，或去掉 fsdp",
    "fp16_opt_level {name} makes half weights, and fsdp makes its own": (
        "fp16_opt_level {name} 会生成半精度权重，而 fsdp 有自己的"
    ),
    "{name} of fsdp_config: {detail}": "fsdp_config 的 {name}：{detail}",
}
