"""What preflight finds of data, metrics, losses, trackers, the hub and the output folder."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Data and its order.
    "the rows of train_dataset have no numbers": "train_dataset 的行没有编号",
    "rows are asked for by their number, from 0 to the length of the data set": "按编号取行，从 0 到数据集的长度",
    "use_seedable_sampler is false, but the order of the rows depends on the data seed and the epoch alone": (
        "use_seedable_sampler 为 false，但行的顺序只取决于数据种子和轮次"
    ),
    "leave use_seedable_sampler out; for another order override get_train_dataloader or its sampler": (
        "去掉 use_seedable_sampler；需要其他顺序时重写 get_train_dataloader 或其采样器"
    ),
    "there is no training data": "没有训练数据",
    "pass train_dataset to the Trainer": "把 train_dataset 传给 Trainer",
    "evaluations are due, but there is no row to evaluate on": "需要评估，但没有可供评估的行",
    "pass eval_dataset to the Trainer, or set eval_strategy: no": "把 eval_dataset 传给 Trainer，或设置 eval_strategy: no",
    # Metrics and losses.
    "compute_metrics takes no argument compute_result": "compute_metrics 没有参数 compute_result",
    "write it as compute_metrics(prediction, compute_result), or leave batch_eval_metrics out": (
        "写成 compute_metrics(prediction, compute_result)，或去掉 batch_eval_metrics"
    ),
    "set metric_for_best_model to one of these, or return it from compute_metrics": (
        "把 metric_for_best_model 设为其中之一，或由 compute_metrics 返回它"
    ),
    "metrics compare predictions with labels": "指标把预测与标签相比较",
    "set label_names to the keys that hold the labels": "把 label_names 设为存放标签的键",
    "let rows be (inputs..., labels)": "让每行为 (inputs..., labels)",
    "look at what the data_collator masks": "检查 data_collator 屏蔽了什么",
    "evaluate in larger batches, so that each has labels of every kind": "用更大的批次评估，使每个批次都含有各种标签",
    "leave label_smoothing_factor out, or smooth in compute_loss_func": (
        "去掉 label_smoothing_factor，或在 compute_loss_func 中平滑"
    ),
    "gradients add up as they come: unless losses are divided by the micro-batches of the window, and these hold as many "
    "labels each, the update is not that of the big batch": (
        "梯度照原样相加：除非损失除以窗口的微批次数，且各微批次的标签数相同，否则更新与大批次的不同"
    ),
    "call self.backward(loss) with the mean loss of the micro-batch": "用微批次的平均损失调用 self.backward(loss)",
    # The hub and trackers.
    "pushing to the hub needs the package huggingface_hub, which is not installed": (
        "推送到 hub 需要软件包 huggingface_hub，而它没有安装"
    ),
    "there is no token to push to the hub with: none in hub_token, in the variable HF_TOKEN, or from a login": (
        "没有用来推送到 hub 的令牌：hub_token、环境变量 HF_TOKEN 和登录都没有给出"
    ),
    "set TRAINSPEC_HUB_TOKEN or HF_TOKEN, or log in once with: hf auth login": (
        "设置 TRAINSPEC_HUB_TOKEN 或 HF_TOKEN，或登录一次：hf auth login"
    ),
    "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) keeps the hub's client from the network": (
        "HF_HUB_OFFLINE（或 TRANSFORMERS_OFFLINE）使 hub 的客户端不能联网"
    ),
    "take that variable away, or set push_to_hub: false": "去掉该环境变量，或设置 push_to_hub: false",
    "set trackio_space_id: null to keep the run on this machine, or log in with `hf auth login`": (
        "设置 trackio_space_id: null 以把运行留在本机，或用 `hf auth login` 登录"
    ),
    # The output folder and the machine.
    "nothing can be written to output_dir": "无法写入 output_dir",
    "choose another output_dir, or change its permissions or credentials": "另选 output_dir，或更改其权限或凭据",
    "wait for its end, stop it, or choose another output_dir": "等它结束，停止它，或另选 output_dir",
    "set resume_from_checkpoint: latest to go on (auto: also to start where there is nothing), overwrite_output_dir: "
    "true to start anew, or another output_dir": (
        "设置 resume_from_checkpoint: latest 以继续（auto：没有检查点时从头开始）、"
        "overwrite_output_dir: true 以从头开始，或另选 output_dir"
    ),
    "free some space, or choose another output_dir": "腾出空间，或另选 output_dir",
    "set save_total_limit, save less often, or choose another output_dir": "设置 save_total_limit，减少保存，或另选 output_dir",
    "pip install psutil, or leave skip_memory_metrics out": "pip install psutil，或去掉 skip_memory_metrics",
    "this run computes on the CPU, where there is no device cache to empty": "此运行在 CPU 上计算，没有可清空的设备缓存",
    "enable_jit_checkpoint: train() is called in a thread, which hears of no signal": (
        "enable_jit_checkpoint：train() 在线程中调用，线程收不到信号"
    ),
}

TEMPLATES: dict[str, str] = {
    "{name} is on, but the task has no data for it": "{name} 已开启，但任务没有它的数据",
    "set {name}: false, or return that data set from the task": "设置 {name}: false，或由任务返回该数据集",
    "there is no column {name} in train_dataset, and {detail}": "train_dataset 中没有列 {name}，而且 {detail}",
    "{name}: the rows hold {names}": "{name}：行中有 {names}",
    "there is no loss: {detail}": "没有损失：{detail}",
    "row 0 of {name} cannot be read: {detail}": "{name} 的第 0 行无法读取：{detail}",
    "{name} of gradient_accumulation_kwargs is false, but {detail}": (
        "gradient_accumulation_kwargs 的 {name} 为 false，但 {detail}"
    ),
    "dataloader_multiprocessing_context: this system starts processes by {names}, not by {other}": (
        "dataloader_multiprocessing_context：此系统以 {names} 启动进程，而不是 {other}"
    ),
    "compute_metrics was not called, because no batch has labels: these are looked for in {detail}": (
        "没有调用 compute_metrics，因为没有批次带有标签：标签在 {detail} 中寻找"
    ),
    "no label of the data counts: all of {names} are -100, and the loss is nan": (
        "数据中没有标签算数：{names} 全为 -100，损失为 nan"
    ),
    "the loss of {detail} batches is nan, because one of {names} is -100 throughout: they are left out": (
        "{detail} 个批次的损失为 nan，因为 {names} 之一全为 -100：这些批次已略去"
    ),
    "evaluation does not return {name}; a batch of the evaluation data gave {names}": (
        "评估没有返回 {name}；评估数据的一个批次给出了 {names}"
    ),
    "label smoothing is off: {detail}": "标签平滑没有开启：{detail}",
    "{name}.training_step calls neither self.backward nor super().training_step": (
        "{name}.training_step 既没有调用 self.backward 也没有调用 super().training_step"
    ),
    "tracker {name} needs the package {other}, which is not installed": "跟踪器 {name} 需要软件包 {other}，而它没有安装",
    "{command}, or leave {name} out of report_to": "{command}，或从 report_to 中去掉 {name}",
    "tracker {name} cannot be used here: {detail}": "跟踪器 {name} 无法在此使用：{detail}",
    "set up what is missing, or leave {name} out of report_to": "补上缺少的，或从 report_to 中去掉 {name}",
    "{names} all report through MLflow, to the one place that MLFLOW_TRACKING_URI names": (
        "{names} 都通过 MLflow 报告，报到 MLFLOW_TRACKING_URI 所指的同一处"
    ),
    "{name} and {other} all report through MLflow, to the one place that MLFLOW_TRACKING_URI names": (
        "{name} 和 {other} 都通过 MLflow 报告，报到 MLFLOW_TRACKING_URI 所指的同一处"
    ),
    "keep one of them; {name} reports all there is": "只保留其中之一；{name} 会报告全部内容",
    "trackio would publish to the Space {name}, and nobody is logged in to the hub here": (
        "trackio 会发布到 Space {name}，而这里没有人登录 hub"
    ),
    "a checkpoint takes at least {size}, and {other_size} are free": "一个检查点至少占 {size}，而剩余 {other_size}",
    "{number} checkpoint of about {size} will lie in output_dir, and {other_size} are free": (
        "output_dir 中将有 {number} 个约 {size} 的检查点，而剩余 {other_size}"
    ),
    "{number} checkpoints of about {size} will lie in output_dir, and {other_size} are free": (
        "output_dir 中将有 {number} 个约 {size} 的检查点，而剩余 {other_size}"
    ),
    "{number} more checkpoint of about {size} will lie in output_dir, and {other_size} are free": (
        "output_dir 中还将有 {number} 个约 {size} 的检查点，而剩余 {other_size}"
    ),
    "{number} more checkpoints of about {size} will lie in output_dir, and {other_size} are free": (
        "output_dir 中还将有 {number} 个约 {size} 的检查点，而剩余 {other_size}"
    ),
    "save_in_background: training waits for saves all the same, since {names} is overridden": (
        "save_in_background：训练仍会等待保存，因为重写了 {names}"
    ),
    "another run trains in output_dir: {holder}": "另一个运行正在 output_dir 中训练：{holder}",
    "output_dir holds {number} checkpoint of an earlier run": "output_dir 中有 {number} 个以前运行的检查点",
    "output_dir holds {number} checkpoints of an earlier run": "output_dir 中有 {number} 个以前运行的检查点",
    "output_dir holds {what} {name} that is no checkpoint, and one of that name will be saved": (
        "output_dir 中的 {name}（{what}）不是检查点，而将保存同名的检查点"
    ),
    "move {name} elsewhere, or choose another output_dir": "把 {name} 移到别处，或另选 output_dir",
    "on this system ({name}) memory is measured through psutil, which is not installed": (
        "在此系统（{name}）上内存通过 psutil 测量，而它没有安装"
    ),
    "rank {number}: {MESSAGE}": "rank {number}：{MESSAGE}",
    "{name} overrides {other}, which trainspec never calls": "{name} 重写了 {other}，而 trainspec 从不调用它",
    "{name} is a whole training loop and does not call super()": "{name} 是整个训练循环，而且没有调用 super()",
    "{name} sets an accelerator of its own, which nothing trains by": "{name} 设置了自己的 accelerator，而训练并不用它",
    "generation_config cannot be used: {detail}": "generation_config 无法使用：{detail}",
}
