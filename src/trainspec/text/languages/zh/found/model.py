"""What preflight finds of the model, the optimizer, the schedule and number formats."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # The model.
    "the model has no parameter that requires a gradient": "模型没有需要梯度的参数",
    "set requires_grad on what is to be trained": "对要训练的部分设置 requires_grad",
    "set save_safetensors: false, or leave it out of the model's state_dict()": (
        "设置 save_safetensors: false，或不把它放进模型的 state_dict()"
    ),
    "set gradient_checkpointing: false, or give the model a method gradient_checkpointing_enable": (
        "设置 gradient_checkpointing: false，或给模型一个 gradient_checkpointing_enable 方法"
    ),
    "install it, or set torch_compile_backend: aot_eager (which needs no compiler, and is slower)": (
        "安装它，或设置 torch_compile_backend: aot_eager（不需要编译器，但较慢）"
    ),
    "Liger's kernels are not installed": "没有安装 Liger 的内核",
    "pip install liger-kernel, or leave use_liger_kernel out": "pip install liger-kernel，或去掉 use_liger_kernel",
    # Optimizers and schedules.
    "lr_scheduler_type has no effect under relative_step of optim_args": (
        "在 optim_args 的 relative_step 之下 lr_scheduler_type 不起作用"
    ),
    "make the optimizer after the last change of the model; where they are meant to stay as they are, set requires_grad "
    "= False on them, which makes this notice go away": (
        "在模型最后一次改动之后再建优化器；若这些参数本就不变，请对它们设置 requires_grad = False，此提示便会消失"
    ),
    "pass a new pair of optimizer and schedule for each train(), or leave them to the settings": (
        "每次 train() 传入新的优化器和调度，或交给设置来建"
    ),
    "make the optimizer of the parameters of the model as it is trained, give its class as optimizer_cls_and_kwargs, or "
    "override create_optimizer": (
        "用实际训练的模型的参数建优化器，以 optimizer_cls_and_kwargs 给出其类，或重写 create_optimizer"
    ),
    "the given schedule belongs to another optimizer than the one that trains": "所给的调度属于另一个优化器，而不是训练所用的",
    "pass the optimizer together with its schedule, as optimizers=(optimizer, schedule)": (
        "把优化器与其调度一起传入：optimizers=(optimizer, schedule)"
    ),
    "choose an optim for this device, such as adamw_torch": "选用适合此设备的 optim，例如 adamw_torch",
    "leave fused out of optim_args": "从 optim_args 中去掉 fused",
    "optim_target_modules matches no Linear module of the model": "optim_target_modules 不匹配模型的任何 Linear 模块",
    "use bf16: true, or an optim that steps after the backward pass": "用 bf16: true，或选用在反向传播之后更新的 optim",
    "muon finds no matrix of a hidden layer, so that AdamW does all of the work": (
        "muon 找不到隐藏层的矩阵，因此全部由 AdamW 完成"
    ),
    "use optim: adamw_torch, or muon for a model with Linear layers": "用 optim: adamw_torch，muon 用于带 Linear 层的模型",
    "write a regular expression, a list of names, or all-linear": "写正则表达式、名称列表或 all-linear",
    "change what it complains about, or choose another optim": "改掉它所指出的问题，或选用其他 optim",
    "pass the ReduceLROnPlateau itself, or let the step of the schedule around it take the metric": (
        "传入 ReduceLROnPlateau 本身，或让外层调度的 step 接收指标"
    ),
    "set eval_strategy: steps or epoch, or use a schedule that follows the updates": (
        "设置 eval_strategy: steps 或 epoch，或用随更新变化的调度"
    ),
    # Number formats and devices.
    "this processor does not compute in float16": "此处理器不能以 float16 计算",
    "use fp16: true (fp16_full_eval: true), or no half precision": "用 fp16: true（fp16_full_eval: true），或不用半精度",
    "this GPU has no TF32; that came with NVIDIA's Ampere generation": "此 GPU 没有 TF32；它自 NVIDIA 的 Ampere 一代才有",
    "load the model in float32 (model.float()), or use bf16: true": "以 float32 加载模型（model.float()），或用 bf16: true",
}

TEMPLATES: dict[str, str] = {
    "the model cannot be saved: {detail}": "模型无法保存：{detail}",
    "nothing to recompute was found in {name}: {detail}": "在 {name} 中没有可重新计算的：{detail}",
    "{name}.gradient_checkpointing_enable takes no gradient_checkpointing_kwargs": (
        "{name}.gradient_checkpointing_enable 不接受 gradient_checkpointing_kwargs"
    ),
    "use_cache: the configuration of {name} has no such switch": "use_cache：{name} 的配置没有这个开关",
    "torch.compile has no backend {name} here": "torch.compile 在此没有后端 {name}",
    "did you mean {name}? There are {names}": "是否想写 {name}？现有 {names}",
    "use one of {names}": "用 {names} 之一",
    "the inductor cannot compile for {name}: {detail}": "inductor 无法为 {name} 编译：{detail}",
    "{name}: torch_xla is not installed": "{name}：没有安装 torch_xla",
    "{name}: this run computes on {device}, not on a TPU": "{name}：此运行在 {device} 上计算，而不是 TPU",
    "leave {name} out, or pip install torch_xla on a TPU host": "去掉 {name}，或在 TPU 主机上 pip install torch_xla",
    "Liger has no kernels for {name} (model type {other})": "Liger 没有用于 {name} 的内核（模型类型 {other}）",
    "Liger has no kernels for {name}": "Liger 没有用于 {name} 的内核",
    "leave use_liger_kernel out; it knows {names}": "去掉 use_liger_kernel；它支持 {names}",
    "{name} has neither get_input_embeddings() nor an nn.Embedding": (
        "{name} 既没有 get_input_embeddings() 也没有 nn.Embedding"
    ),
    "the optimizer does not hold {number} of the model's {other} parameters that require a gradient: {detail}": (
        "优化器没有包含模型 {other} 个需要梯度的参数中的 {number} 个：{detail}"
    ),
    "the given schedule has made {number} steps already: training begins at learning rate {other}": (
        "所给的调度已经走了 {number} 步：训练从学习率 {other} 开始"
    ),
    "the optimizer holds none of the model's parameters that train: {detail}": (
        "优化器没有包含模型任何参与训练的参数：{detail}"
    ),
    "optim {name} needs the package {other}, which is not installed": "optim {name} 需要软件包 {other}，而它没有安装",
    "pip install {names}, or choose another optim": "pip install {names}，或选用其他 optim",
    "optim {name} runs on {devices} only, and this run is on {device}": (
        "optim {name} 只能在 {devices} 上运行，而此运行在 {device} 上"
    ),
    "the fused form of {name} does not run on {device} with these parameters": (
        "{name} 的融合形式不能在 {device} 上用这些参数运行"
    ),
    "choose among {names}, or write all-linear": "在 {names} 中选择，或写 all-linear",
    "{names} in optim_target_modules matches no Linear module": "optim_target_modules 中的 {names} 不匹配任何 Linear 模块",
    "leave it out, or choose among {names}": "去掉它，或在 {names} 中选择",
    "optim {name} cannot work with the loss scaling of fp16": "optim {name} 不能与 fp16 的损失缩放一起用",
    "optim_target_modules is no regular expression: {detail}": "optim_target_modules 不是正则表达式：{detail}",
    "optim {name} cannot be built: {detail}": "optim {name} 无法构建：{detail}",
    "{name} holds a ReduceLROnPlateau, which hears of no metric: only the schedule around it is stepped, after each "
    "update": "{name} 内含的 ReduceLROnPlateau 收不到指标：只有外层调度在每次更新后前进",
    "{name} lowers the learning rate after evaluations, and nothing is evaluated": (
        "{name} 在评估之后降低学习率，而没有任何评估"
    ),
    'the given schedule has mode="{name}", while {metric} is better greater': (
        '所给的调度为 mode="{name}"，而 {metric} 越大越好'
    ),
    'the given schedule has mode="{name}", while {metric} is better smaller': (
        '所给的调度为 mode="{name}"，而 {metric} 越小越好'
    ),
    'make it with mode="{name}", or set greater_is_better: {value}': (
        '用 mode="{name}" 构造它，或设置 greater_is_better: {value}'
    ),
    "the schedule follows eval_loss, and the evaluation sets give {names}": (
        "调度跟随 eval_loss，而各评估集给出的是 {names}"
    ),
    "set metric_for_best_model to one of these, {name} for one": "把 metric_for_best_model 设为其中之一，例如 {name}",
    "this {device} device does not compute in bfloat16": "此 {device} 设备不能以 bfloat16 计算",
    "the model's weights are float16 already ({name} and {number} more)": (
        "模型的权重已是 float16（{name} 以及另外 {number} 个）"
    ),
    "adam_epsilon {number} is zero in float16, and at O3 there is nothing but float16": (
        "adam_epsilon {number} 在 float16 中为零，而 O3 只有 float16"
    ),
    "apex is not used: the levels O0 to O3 are computed with torch alone": "不使用 apex：O0 至 O3 各级只用 torch 计算",
    "apex is not installed, and would not be used: the levels O0 to O3 are computed with torch alone": (
        "没有安装 apex，也不会使用它：O0 至 O3 各级只用 torch 计算"
    ),
    "{name} has no method generate": "{name} 没有 generate 方法",
}
