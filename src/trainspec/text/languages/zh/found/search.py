"""What a search for hyperparameters finds before it begins."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "n_jobs is not 1, but all trials of an Optuna search share one Trainer": (
        "n_jobs 不为 1，而 Optuna 搜索的所有试验共用一个 Trainer"
    ),
    "leave n_jobs out; for trials side by side start more processes with one storage, or use backend ray": (
        "去掉 n_jobs；要并行试验，请用同一存储启动更多进程，或用后端 ray"
    ),
    "a Ray search compares one objective, and direction is a list": "Ray 搜索只比较一个目标，而 direction 是列表",
    "use backend optuna, or make one number of them in compute_objective": (
        "用后端 optuna，或在 compute_objective 中把它们合为一个数"
    ),
    "use one that only ends trials: ASHAScheduler, MedianStoppingRule": (
        "用只会结束试验的调度器：ASHAScheduler、MedianStoppingRule"
    ),
    "a hyperparameter search needs model_init, and the Trainer was given a model": (
        "超参数搜索需要 model_init，而 Trainer 得到的是模型"
    ),
    "write Trainer(model_init=make_model, ...) with a function that returns a new model": (
        "写 Trainer(model_init=make_model, ...)，其中的函数返回新模型"
    ),
    "say minimize or maximize, or a list of these": "写 minimize 或 maximize，或由它们组成的列表",
    "correct the name; a number for the model alone is read by model_init(trial), which takes an argument": (
        "更正名称；只用于模型的数由带参数的 model_init(trial) 读取"
    ),
}

TEMPLATES: dict[str, str] = {
    "the scheduler {name} pauses or clones trials, for which their checkpoints would have to be Ray's": (
        "调度器 {name} 会暂停或克隆试验，为此检查点须是 Ray 的"
    ),
    "the scheduler {name} judges trials by their evaluations, and there are none while they train": (
        "调度器 {name} 按评估判断试验，而训练时没有评估"
    ),
    "a hyperparameter search needs {name}, which is not installed": "超参数搜索需要 {name}，而它没有安装",
    "direction is {value}": "direction 为 {value}",
    "there is no search with the backend {detail}": "没有以此为后端的搜索：{detail}",
    "the search space names {name}, which is no setting{detail}": "搜索空间写了 {name}，而它不是设置{detail}",
    "the search space names {name}, which is no setting": "搜索空间写了 {name}，而它不是设置",
}
