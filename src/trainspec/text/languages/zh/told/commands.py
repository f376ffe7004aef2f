"""Lines that commands print of what they did or found."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # migrate.
    "the command line": "命令行",
    "refused, since names contradict each other": "已拒绝，因为名称互相矛盾",
    # diff.
    "the same settings": "设置相同",
    "not there": "不存在",
    # checkpoints.
    "no checkpoints": "没有检查点",
    "nothing is to go": "没有可删去的",
    "would go": "将删去",
    "deleted": "已删去",
    "would go: saving it was never finished": "将删去：它从未保存完",
    "deleted: saving it was never finished": "已删去：它从未保存完",
    "damaged; it stays, for nothing is known of it": "已损坏；予以保留，因为对它一无所知",
    "stays": "保留",
    "stays, the best": "保留，最佳的一个",
    "not imported": "没有导入",
    " (the model alone: it cannot be resumed from)": "（只有模型：不能由此恢复）",
    "the model alone: it cannot be resumed from": "只有模型：不能由此恢复",
    "ends where its parts say; it has no checksums": "止于各部分所说之处；没有校验和",
    "as it was written": "与写入时一致",
    "the best so far": "目前最佳",
    "progress": "进度",
    "weights": "权重",
    "other files that differ": "其他不同的文件",
    "how far they lie apart is told where torch is installed: pip install 'trainspec[train]'": (
        "安装了 torch 才能得知相差多少：pip install 'trainspec[train]'"
    ),
    "it holds no weights of a model": "其中没有模型的权重",
    # migrate.
    "{file}: a configuration of {program}, left as it is": "{file}：{program} 的配置，保持原样",
    "note: {name}: {said}": "提示：{name}：{said}",
    "{number} name or value changed": "改动了 {number} 个名称或值",
    "{number} names and values changed": "改动了 {number} 个名称和值",
    "{number} name or value would change": "将改动 {number} 个名称或值",
    "{number} names and values would change": "将改动 {number} 个名称和值",
    "{old} says nothing any more": "{old} 不再有作用",
    "{old} is {new}": "{old} 即 {new}",
    "{old} is {new}: {value}": "{old} 即 {new}：{value}",
    "{old} is now {value}": "{old} 现为 {value}",
    "settings of the class {name}": "类 {name} 的设置",
    "no settings, left out: {names}": "不是设置，已略去：{names}",
    "secrets are not written: {names}": "不写机密：{names}",
    "note: secrets are not written: {names}": "提示：不写机密：{names}",
    # init.
    "{file} written: every variable, commented out": "已写出 {file}：含所有环境变量，均已注释掉",
    "{file} written, and beside it {name} for editors": "已写出 {file}，以及供编辑器使用的 {name}",
    "trainspec validate {file} judges it, trainspec explain lists all settings": (
        "trainspec validate {file} 检查它，trainspec explain 列出所有设置"
    ),
    # schema.
    "{file} written, as SchemaStore's repository has it": "已写出 {file}，与 SchemaStore 仓库的布局相同",
    "{name} is to be put into {file} there": "{name} 应放入那里的 {file}",
    # checkpoints.
    "{number} tensor": "{number} 个张量",
    "{number} checkpoint": "{number} 个检查点",
    "{number} path": "{number} 个路径",
    "{CHECKPOINTS} deleted, {size} MB": "已删去{CHECKPOINTS}，{size} MB",
    "{CHECKPOINTS} would go, {size} MB": "将删去{CHECKPOINTS}，{size} MB",
    "{CHECKPOINTS}, all whole": "{CHECKPOINTS}，全部完好",
    "{CHECKPOINTS}, {number} whole": "{CHECKPOINTS}，{number} 个完好",
    "{FILES}, each as it was written": "{FILES}，每个都与写入时一致",
    "not whole: {why}": "不完好：{why}",
    "step {step}": "第 {step} 步",
    "epoch {epoch}": "第 {epoch} 轮",
    "{TENSORS} the same, {number} not": "{TENSORS}相同，{number} 个不同",
    "and {number} more: --format json has all": "另有 {number} 个：--format json 给出全部",
    "only in {side}: {kind}": "只在 {side} 中：{kind}",
    "largest change {change}": "最大变化 {change}",
    ", {share} of its norm": "，为其范数的 {share}",
}

TEMPLATES: dict[str, str] = {
    # Notes on what was read.
    "this is a configuration of {program}": "这是 {program} 的配置",
    "variables of the run, no settings: {names}": "运行的环境变量，不是设置：{names}",
    "variables of the command, no settings: {names}": "命令的环境变量，不是设置：{names}",
    "how it is started is no setting: {words}": "启动方式不是设置：{words}",
    "it reads {file} too: migrate that as well": "它还读取 {file}：请一并迁移",
    "1 word behind the script belongs to no flag, left out": "脚本后面有 1 个词不属于任何选项，已略去",
    "{number} words behind the script belong to no flag, left out": "脚本后面有 {number} 个词不属于任何选项，已略去",
    "{file}, the launcher's configuration, was not found here: migrate that as well": (
        "{file} 是启动器的配置，这里没有找到：请一并迁移"
    ),
    "{file} is a configuration of accelerate, and was read too": "{file} 是 accelerate 的配置，也已读取",
    "{name} lines ({number}) are the scheduler's, no settings": "{name} 行（{number} 行）属于调度系统，不是设置",
    "not migrated, choose with --command: {commands}": "没有迁移，用 --command 选择：{commands}",
    "not read, though it may set variables: {files}": "没有读取，但其中可能设置变量：{files}",
}
