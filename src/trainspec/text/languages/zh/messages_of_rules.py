"""Messages of rules and targets that name the values they found."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "torch_compile_mode reduce-overhead has no effect without CUDA graphs": (
        "没有 CUDA 图时 torch_compile_mode reduce-overhead 不起作用"
    ),
    "fsdp shards nothing on one device": "在一个设备上 fsdp 什么也不切分",
    "fsdp hybrid_shard replicates nothing: there is one node, on which it is full sharding": (
        "fsdp hybrid_shard 什么也不复制：只有一个节点，在其上就是完全切分"
    ),
    "fsdp hybrid_shard shards nothing: every node has one process": "fsdp hybrid_shard 什么也不切分：每个节点只有一个进程",
    "half precision of deepspeed": "deepspeed 的半精度",
    "Adagrad of deepspeed cannot step under ZeRO": "deepspeed 的 Adagrad 不能在 ZeRO 下更新",
    "DeepSpeed removed Apex; use fp16, bf16 or torch_autocast": "DeepSpeed 已移除 Apex；请用 fp16、bf16 或 torch_autocast",
    "the key is bf16": "键名是 bf16",
    "DeepSpeed removed its compression library": "DeepSpeed 已移除其压缩库",
    "DeepSpeed moved it to data_efficiency.data_sampling.curriculum_learning": (
        "DeepSpeed 已把它移到 data_efficiency.data_sampling.curriculum_learning"
    ),
    "DeepSpeed removed mixture of quantization": "DeepSpeed 已移除混合量化",
    "DeepSpeed removed elastic training": "DeepSpeed 已移除弹性训练",
    "DeepSpeed removed it": "DeepSpeed 已移除它",
    "DeepSpeed removed it; nn.Embedding(sparse=True) needs no key": (
        "DeepSpeed 已移除它；nn.Embedding(sparse=True) 不需要键"
    ),
    "an optimizer's state is offloaded by deepspeed, in zero_optimization, and here only as optim says": (
        "优化器状态由 deepspeed 的 zero_optimization 卸载，这里只依 optim"
    ),
    "the name of optim says it": "optim 的名称已说明",
    "bitsandbytes takes it and does nothing with it": "bitsandbytes 接受它但不使用",
    "torch-optimi keeps its state in the type of the parameters, and sums up what that loses": (
        "torch-optimi 的状态与参数同类型，并累计由此损失的部分"
    ),
    "all of the state has 32 bits": "所有状态都是 32 位",
    "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings": (
        "这是一份完整的 accelerate 配置：`trainspec migrate FILE` 会把它写成设置"
    ),
    "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings, of which its "
    "deepspeed_config is one": (
        "这是一份完整的 accelerate 配置：`trainspec migrate FILE` 会把它写成设置，其 deepspeed_config 是其中之一"
    ),
    "this is a whole configuration of accelerate: `trainspec migrate FILE` writes it as settings, of which its "
    "fsdp_config is one": (
        "这是一份完整的 accelerate 配置：`trainspec migrate FILE` 会把它写成设置，其 fsdp_config 是其中之一"
    ),
    "a fraction": "比例",
    "a count": "次数",
    "the target": "目标",
    "one process": "一个进程",
    "1 process": "1 个进程",
}

TEMPLATES: dict[str, str] = {
    "{number} processes": "{number} 个进程",
    # Rules.
    "gradient_accumulation_steps is {number}, but num_steps of accelerator_config.gradient_accumulation_kwargs is {other}": (
        "gradient_accumulation_steps 为 {number}，而 accelerator_config.gradient_accumulation_kwargs 的 num_steps 为 {other}"
    ),
    "load_best_model_at_end needs save_steps ({number}) to be a multiple of {names} ({other})": (
        "load_best_model_at_end 要求 save_steps（{number}）是 {names}（{other}）的倍数"
    ),
    "load_best_model_at_end needs save_steps ({number}) to be a multiple of logging_steps (for eval_steps) ({other})": (
        "load_best_model_at_end 要求 save_steps（{number}）是 logging_steps（用作 eval_steps）（{other}）的倍数"
    ),
    "load_best_model_at_end cannot match save_steps ({number}, {KIND} of updates) with logging_steps (for eval_steps) "
    "({other}, {OTHER})": (
        "load_best_model_at_end 无法把 save_steps（{number}，更新的{KIND}）与 logging_steps（用作 eval_steps）"
        "（{other}，{OTHER}）对应起来"
    ),
    "load_best_model_at_end cannot match save_steps ({number}, {KIND} of updates) with {names} ({other}, {OTHER})": (
        "load_best_model_at_end 无法把 save_steps（{number}，更新的{KIND}）与 {names}（{other}，{OTHER}）对应起来"
    ),
    "save_steps ({number}) and {names} ({other}) of max_steps ({limit}) are every {old} and every {new} updates, which fall apart": (
        "max_steps（{limit}）的 save_steps（{number}）与 {names}（{other}）分别是每 {old} 次和每 {new} 次更新，二者不重合"
    ),
    "deepspeed contradicts settings: {TWINS}": "deepspeed 与设置相矛盾：{TWINS}",
    "{name} is {part} but {names} is {other}": "{name} 为 {part}，而 {names} 为 {other}",
    "{name} is {part} but {names} is {value}": "{name} 为 {part}，而 {names} 为 {value}",
    "{name} is {part} but {name_or} or {other} is {new}": "{name} 为 {part}，而 {name_or} 或 {other} 为 {new}",
    "{name} ({REASON})": "{name}（{REASON}）",
    "train_batch_size of deepspeed ({number}) is no multiple of per_device_train_batch_size x gradient_accumulation_steps "
    "({other})": (
        "deepspeed 的 train_batch_size（{number}）不是 per_device_train_batch_size x gradient_accumulation_steps（{other}）的倍数"
    ),
    "warmup_num_steps of deepspeed is {number} but warmup_ratio is {other}": (
        "deepspeed 的 warmup_num_steps 为 {number}，而 warmup_ratio 为 {other}"
    ),
    "{name} of deepspeed needs nvme_path for device nvme": "deepspeed 的 {name} 在 device 为 nvme 时需要 nvme_path",
    "deepspeed has keys that DeepSpeed removed: {KEYS}": "deepspeed 含有 DeepSpeed 已移除的键：{KEYS}",
    "optim {name} cannot step under ZeRO stage {number}": "optim {name} 不能在 ZeRO 阶段 {number} 下更新",
    "optim {name} cannot step under half precision of deepspeed": "optim {name} 不能在 deepspeed 的半精度下更新",
    "optimizer {name} of deepspeed needs zero_allow_untested_optimizer": (
        "deepspeed 的优化器 {name} 需要 zero_allow_untested_optimizer"
    ),
    "deepspeed asks for what is not driven here: {keys}": "deepspeed 要求了这里不驱动的功能：{keys}",
    "eval_delay ({number} updates) is more than max_steps ({other})": "eval_delay（{number} 次更新）大于 max_steps（{other}）",
    "eval_delay ({number} epochs) is more than num_train_epochs ({other})": (
        "eval_delay（{number} 轮）大于 num_train_epochs（{other}）"
    ),
    "the last part of output_dir, in place of hub_model_id, is no name of a repository: {value}": (
        "用以代替 hub_model_id 的 output_dir 末段不是仓库名：{value}"
    ),
    "hub_model_id is no name of a repository: {value}": "hub_model_id 不是仓库名：{value}",
    "optim_args has arguments without effect under optim {name}: {KEYS}": (
        "optim_args 中有在 optim {name} 下不起作用的参数：{KEYS}"
    ),
    "torchdynamo ({name}) and torch_compile_backend ({other}) name different backends": (
        "torchdynamo（{name}）与 torch_compile_backend（{other}）指定了不同的后端"
    ),
    "{name} {value} is not among the backends of torch: did you mean {names}?": (
        "{name} {value} 不在 torch 的后端之中：是否想写 {names}？"
    ),
    "warmup_steps ({number}) is more than max_steps ({other})": "warmup_steps（{number}）大于 max_steps（{other}）",
    "min_lr in lr_scheduler_kwargs ({number}) is above learning_rate ({other})": (
        "lr_scheduler_kwargs 中的 min_lr（{number}）高于 learning_rate（{other}）"
    ),
    "lr_end in lr_scheduler_kwargs ({number}) must be below learning_rate ({other})": (
        "lr_scheduler_kwargs 中的 lr_end（{number}）必须低于 learning_rate（{other}）"
    ),
    "lr_end in lr_scheduler_kwargs ({number} by default) must be below learning_rate ({other})": (
        "lr_scheduler_kwargs 中的 lr_end（默认 {number}）必须低于 learning_rate（{other}）"
    ),
    "the stages of warmup_stable_decay ({stages}) are longer than max_steps ({number})": (
        "warmup_stable_decay 的各段（{stages}）总长超过 max_steps（{number}）"
    ),
    "mode {name} in lr_scheduler_kwargs contradicts greater_is_better of {metric}": (
        "lr_scheduler_kwargs 中的 mode {name} 与 {metric} 的 greater_is_better 相矛盾"
    ),
    # Targets.
    "{names} needs bfloat16, which {target} does not have": "{names} 需要 bfloat16，而 {target} 没有",
    "{names} need bfloat16, which {target} does not have": "{names} 需要 bfloat16，而 {target} 没有",
    "{names} needs float16 training, which {target} does not have": "{names} 需要 float16 训练，而 {target} 没有",
    "{names} need float16 training, which {target} does not have": "{names} 需要 float16 训练，而 {target} 没有",
    "tf32 needs an NVIDIA GPU of compute capability 8.0 or above, which {target} is not": (
        "tf32 需要计算能力 8.0 或以上的 NVIDIA GPU，而 {target} 不是"
    ),
    "torch_compile needs compute capability 7.0 or above, which {target} does not have": (
        "torch_compile 需要计算能力 7.0 或以上，而 {target} 没有达到"
    ),
    "ddp_backend {name} does not reach {target}": "ddp_backend {name} 无法连通 {target}",
    "ddp_backend gloo sends {target}'s tensors through host memory": "ddp_backend gloo 经由主机内存传送 {target} 的张量",
    "the sizes of parallelism_config multiply to {number}, but there are {PROCESSES}": (
        "parallelism_config 各维大小之积为 {number}，而有 {PROCESSES}"
    ),
    "the sizes of parallelism_config multiply to {number}, but there are {PROCESSES}; {other} times as large a "
    "dp_replicate_size or dp_shard_size would use them all": (
        "parallelism_config 各维大小之积为 {number}，而有 {PROCESSES}；"
        "dp_replicate_size 或 dp_shard_size 增至 {other} 倍即可全部用上"
    ),
    "{PROCESSES} do not fill machines of {number} devices": "{PROCESSES}不能占满各有 {number} 个设备的机器",
    "local_rank {number} is none of the ranks 0 to {other}": "local_rank {number} 不在 rank 0 至 {other} 之中",
    "optim {name} cannot work on {PROCESSES}": "optim {name} 不能在 {PROCESSES} 上工作",
    "train_batch_size of deepspeed is {number}, but {PROCESSES} make {other} rows an update": (
        "deepspeed 的 train_batch_size 为 {number}，而 {PROCESSES} 每次更新有 {other} 行"
    ),
    "half_precision_backend apex does not run on {target}": "half_precision_backend apex 不能在 {target} 上运行",
    "use_liger_kernel has no kernels for {target}": "use_liger_kernel 没有适合 {target} 的内核",
    "deepspeed does not run on {target}": "deepspeed 不能在 {target} 上运行",
    "optim {name} runs on CUDA devices only": "optim {name} 只能在 CUDA 设备上运行",
    "optim {name} has no fused kernel on {target}": "optim {name} 在 {target} 上没有融合内核",
    "optim {name} needs a TPU, which {target} is not": "optim {name} 需要 TPU，而 {target} 不是",
    "optim {name} needs an Ascend NPU, which {target} is not": "optim {name} 需要昇腾 NPU，而 {target} 不是",
    "{PROCESSES} are not to be shared evenly by {number} nodes": "{PROCESSES}不能由 {number} 个节点均分",
    "tpu_num_cores needs a TPU, which {target} is not": "tpu_num_cores 需要 TPU，而 {target} 不是",
    "tpu_num_cores ({number}) is more than the {other} of the target": "tpu_num_cores（{number}）大于目标的 {other}",
    "use_cpu leaves {target} idle": "use_cpu 使 {target} 闲置",
    "debug tpu_metrics_debug has no effect on {target}": "debug tpu_metrics_debug 在 {target} 上不起作用",
    "{names} has no effect on one process": "只有一个进程时 {names} 不起作用",
    "{names} have no effect on one process": "只有一个进程时 {names} 不起作用",
    "{names} has no effect on cpu": "在 cpu 上 {names} 不起作用",
    "{names} have no effect on cpu": "在 cpu 上 {names} 不起作用",
    "sp_size {number} of parallelism_config does not divide {PROCESSES}": (
        "parallelism_config 的 sp_size {number} 不能整除 {PROCESSES}"
    ),
    "{name} ({number}) cannot be split among {PROCESSES}": "{name}（{number}）不能在 {PROCESSES} 之间均分",
    "{number} groups of processes that share their rows": "{number} 组共用数据行的进程",
    "optim {name} does not step on parameters that {layout} shares out over processes": (
        "optim {name} 不能更新由 {layout} 分摊到各进程的参数"
    ),
    "optim {name} does not step on what fsdp makes of parameters, though no_shard leaves them whole": (
        "optim {name} 不能更新 fsdp 处理后的参数，尽管 no_shard 使其保持完整"
    ),
    "zero_hpz_partition_size {number} of deepspeed does not divide {PROCESSES}": (
        "deepspeed 的 zero_hpz_partition_size {number} 不能整除 {PROCESSES}"
    ),
    "autotp_size {number} of deepspeed does not divide {PROCESSES}": "deepspeed 的 autotp_size {number} 不能整除 {PROCESSES}",
    "{PROCESSES} on each node are more than the {number} devices of {target}": (
        "每个节点上的 {PROCESSES} 多于 {target} 的 {number} 个设备"
    ),
    "fsdp hybrid_shard has no shape: {PROCESSES} are no whole number of nodes with {number} each": (
        "fsdp hybrid_shard 不成形：{PROCESSES} 不是每节点 {number} 个的整数倍"
    ),
    "fsdp hybrid_shard has no shape: {PROCESSES} are no equal parts of {number} nodes": (
        "fsdp hybrid_shard 不成形：{PROCESSES} 不能均分到 {number} 个节点"
    ),
    "tp_size {number} of parallelism_config reaches across nodes of {PROCESSES}": (
        "parallelism_config 的 tp_size {number} 跨越了各有 {PROCESSES} 的节点"
    ),
    "a replica of parallelism_config ({SIZE}) reaches across nodes of {PROCESSES}": (
        "parallelism_config 的一个副本（{SIZE}）跨越了各有 {PROCESSES} 的节点"
    ),
    "unknown target {name}; did you mean {names}? The targets are {targets}": (
        "未知的目标 {name}；是否想写 {names}？目标有 {targets}"
    ),
    "unknown target {name}; the targets are {targets}, each also with a count, as in h100x8": (
        "未知的目标 {name}；目标有 {targets}，各可带数目，如 h100x8"
    ),
    "target {name} has no devices; write {new} or {code}": "目标 {name} 没有设备数；写 {new} 或 {code}",
}
