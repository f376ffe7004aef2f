"""What a run finds of the checkpoint that it is to go on from."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "copy a whole checkpoint to output_dir of the nodes that lack it, or remove what is there to begin anew": (
        "把完好的检查点复制到缺少它的节点的 output_dir，或移除那里的内容以从头开始"
    ),
    "name another checkpoint, leave resume_from_checkpoint out to start from the beginning, or set it to auto, which "
    "does so where there is none": (
        "指定另一个检查点，去掉 resume_from_checkpoint 以从头开始，或设为 auto（没有检查点时从头开始）"
    ),
    "the checkpoint holds a model, but not what training needs to go on from it": "检查点含有模型，但没有继续训练所需的内容",
    "the checkpoint is damaged": "检查点已损坏",
    "the checkpoint to resume from is damaged": "要恢复的检查点已损坏",
    "settings are others than those of the run that wrote the checkpoint": "设置与写出检查点的运行不同",
    "the run cannot go on at the row where it stopped": "运行无法从停下的那一行继续",
    "resume with the data, the data_seed and the workers that it had, or set ignore_data_skip: true, which begins the "
    "epoch again": "用原来的数据、data_seed 和工作进程恢复，或设置 ignore_data_skip: true（重新开始这一轮）",
    "the state of optimizer or schedule in the checkpoint is not of what trains here": (
        "检查点中优化器或调度的状态与这里训练的不符"
    ),
}

TEMPLATES: dict[str, str] = {
    "the nodes have no whole checkpoint in common; the newest of each: {detail}": (
        "各节点没有共同的完好的检查点；各自最新的：{detail}"
    ),
    "output_dir holds what a save that was never finished has left ({names}): training begins anew": (
        "output_dir 中有未完成的保存留下的内容（{names}）：训练从头开始"
    ),
    "the run goes back to {name}, and output_dir holds newer checkpoints: {names}": (
        "运行回到 {name}，而 output_dir 中有更新的检查点：{names}"
    ),
    "{path} was written by processes that shared the work in another way: {detail}": (
        "写出 {path} 的各进程以另一种方式分担工作：{detail}"
    ),
    "the checkpoint's optimizer is another one than {name}: {detail}": "检查点的优化器不是 {name}：{detail}",
    "resume with the optimizer that the run had; for another one {detail}": (
        "用运行原来的优化器恢复；换用其他优化器则 {detail}"
    ),
    "resume with the parameters and the groups that the run had; for others {detail}": (
        "用运行原来的参数和分组恢复；换用其他的则 {detail}"
    ),
    "what differs in their states is {names}": "状态中不同的是 {names}",
    "lr_scheduler_type was {name}, and what differs in their states is {names}": (
        "lr_scheduler_type 原为 {name}，状态中不同的是 {names}"
    ),
    "the checkpoint's schedule is of another kind than {name}": "检查点的调度与 {name} 种类不同",
    "resume with the schedule that the run had; for another one {detail}": "用运行原来的调度恢复；换用其他调度则 {detail}",
    "the checkpoint's state of {name} cannot be dealt out anew": "检查点中 {name} 的状态无法重新分配",
    "resume with as many processes, and with the strategy and its sizes, as wrote it; or {detail}": (
        "用写出它时的进程数、策略及其大小恢复；或者 {detail}"
    ),
}
