"""What cannot be answered: words of a command line that do not go together, files that cannot be read or written."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # checkpoints and completion.
    "export takes a file and a form": "export 需要一个文件和一种形式",
    "diff takes two files, not 1 file": "diff 接受两个文件，而不是 1 个",
    "the optimizer's state": "优化器状态",
    "reading weights in torch's own files": "读取 torch 自己的文件中的权重",
    "importing": "导入",
    "training": "训练",
    "prune needs to know how many are to be left": "prune 需要知道保留多少个",
    "write --keep N": "请写 --keep N",
    "checkpoints needs to know what to do": "checkpoints 需要知道做什么",
    "see trainspec checkpoints --help": "见 trainspec checkpoints --help",
    "name another folder, or write --force": "指定另一个目录，或写 --force",
    "name the store (s3://, gs://, ...), or a folder on this machine": "指明存储（s3://、gs:// 等），或本机的目录",
    "completion needs a shell": "completion 需要指明 shell",
    # init, migrate, named classes.
    "init takes one file": "init 只接受一个文件",
    "move it": "请移走它",
    "--check and --diff are about files rewritten in place": "--check 和 --diff 针对就地改写的文件",
    "leave them out": "去掉它们",
    "derive it from trainspec.Settings": "让它继承 trainspec.Settings",
    "no file of that kind and draft came with the package": "软件包中没有这种类别和版本的文件",
    "leave --draft out, or write the schema into a file: trainspec schema > run.schema.json": (
        "去掉 --draft，或把 schema 写入文件：trainspec schema > run.schema.json"
    ),
    "see trainspec schema --help": "见 trainspec schema --help",
    "see trainspec serve --help": "见 trainspec serve --help",
    # train and its processes.
    "there are words that belong to no flag": "有不属于任何选项的词",
    "write --name value; a config file is --config FILE, for each of several": (
        "写 --name value；配置文件写 --config FILE，有多个时各写一次"
    ),
    "add --nproc N": "加上 --nproc N",
    "--nproc gpu: torch sees no CUDA device here": "--nproc gpu：torch 在这里看不到 CUDA 设备",
    "write --nproc cpu, or a number": "写 --nproc cpu，或一个数字",
    "name another folder": "指定另一个目录",
    # serve.
    "serve takes no file": "serve 不接受文件",
    "--tls-key is nothing without --tls-cert": "没有 --tls-cert，--tls-key 就没有意义",
    "such as https://settings.example.org": "例如 https://settings.example.org",
    "--public-url takes an address": "--public-url 接受一个地址",
    "such as https://example.org/schemas": "例如 https://example.org/schemas",
    "--port takes a whole number up to 65535": "--port 接受不大于 65535 的整数",
    "the file of --token-file holds no token": "--token-file 的文件中没有令牌",
    "write one into it": "在其中写一个",
    # plan and export.
    "--expert-params are some of --params, and there are more of them": "--expert-params 是 --params 的一部分，却比它还多",
    "--expert-params tells how many of --params are of experts, and there are no --params": (
        "--expert-params 说明 --params 中有多少属于专家，而没有给出 --params"
    ),
    "compose starts processes on one node only": "compose 只能在一个节点上启动进程",
    "choose k8s, slurm or ray": "选用 k8s、slurm 或 ray",
    "--name takes lower-case letters, digits and dashes: at most 52, the first a letter, the last no dash": (
        "--name 接受小写字母、数字和短横线：最多 52 个，以字母开头，不以短横线结尾"
    ),
    "variables cannot keep several files apart; add --merge, or leave --as variables out": (
        "环境变量无法区分多个文件；加上 --merge，或去掉 --as variables"
    ),
    "JSON has neither nan nor infinity": "JSON 既没有 nan 也没有无穷大",
    "take it out, and give the secret by its own setting, in a variable or a file that is mounted": (
        "把它去掉，用机密自己的设置给出：环境变量或挂载的文件"
    ),
    "there is no training data to take max_steps updates with": "没有训练数据可供 max_steps 次更新使用",
    "the learning rates of so long a run, with these lr_scheduler_kwargs, are beyond what a number holds": (
        "在这些 lr_scheduler_kwargs 之下，这么长的运行的学习率超出数的范围"
    ),
    # Stores.
    "a part of the path is a link that leads nowhere": "路径的一部分是一个不指向任何东西的链接",
    "a part of the path is a file, a folder is needed": "路径的一部分是文件，而这里需要目录",
    "no space is left there": "那里没有剩余空间",
    "that is no path": "它不是路径",
    "the web has no folders that could be looked through": "网页地址没有可以查看的目录",
    # The environment of launchers.
    "leave --nproc out: each process of the launcher trains": "去掉 --nproc：启动器的每个进程都会训练",
    "write the number of nodes, or start with torchrun": "写明节点数，或用 torchrun 启动",
    "set PET_NODE_RANK and PET_MASTER_ADDR, or start with torchrun": (
        "设置 PET_NODE_RANK 和 PET_MASTER_ADDR，或用 torchrun 启动"
    ),
}

TEMPLATES: dict[str, str] = {
    "checkpoints cannot do {name}": "checkpoints 不会 {name}",
    "write one of {names}": "写 {names} 之一",
    "{name} takes one path or more, not {number}": "{name} 接受一个或多个路径，而不是 {number} 个",
    "{name} takes 1 path, not {number}": "{name} 接受 1 个路径，而不是 {number} 个",
    "{name} takes {limit} paths, not {number}": "{name} 接受 {limit} 个路径，而不是 {number} 个",
    "{name} takes no {flag}": "{name} 不接受 {flag}",
    "it belongs to {names}": "它属于 {names}",
    "it belongs to {name} and {other}": "它属于 {name} 和 {other}",
    "{name} takes the address of a folder": "{name} 接受一个目录的地址",
    "{WHAT} needs {name}, which is not installed": "{WHAT}需要 {name}，而它没有安装",
    "{file}: there is no such folder": "{file}：没有这个目录",
    "the shells are {names}": "shell 有 {names}",
    "there is no shell {name}": "没有 shell {name}",
    "diff takes two files, not {number} files": "diff 接受两个文件，而不是 {number} 个",
    "there is no file {file}; here every file is a word of its own": "没有文件 {file}；这里每个文件各写一个词",
    "write {files}, and --together where each is laid over those before it": (
        "写 {files}；后面的覆盖前面的则加上 --together"
    ),
    "{file} is larger than {number} bytes": "{file} 超过 {number} 字节",
    "{file} is larger than {number} characters, which no script is": "{file} 超过 {number} 个字符，没有脚本这么大",
    "{file} is not UTF-8 text": "{file} 不是 UTF-8 文本",
    "{file} is not UTF-8 text (at byte {number})": "{file} 不是 UTF-8 文本（在第 {number} 字节）",
    "{file}: {name} expands to more than {number} characters with the lines above it": (
        "{file}：{name} 与其上各行展开后超过 {number} 个字符"
    ),
    "{name} takes a whole number >= {number} and < 10000: {detail}": "{name} 接受 >= {number} 且 < 10000 的整数：{detail}",
    "{file} nests too deep": "{file} 嵌套过深",
    "{file} is not read here: documents are judged alone": "{file} 在这里不读取：文档单独检查",
    "{file} is {kind}; its commands are not read": "{file} 是 {kind}；不读取其中的命令",
    "{file} is too large for so many edits in place": "{file} 太大，无法就地做这么多改动",
    "{file}: there is no call of {name} in it": "{file}：其中没有对 {name} 的调用",
    "{file} is there already, and none of ours": "{file} 已经存在，而且不是我们的",
    "{file} is not named .yaml, .yml or .env": "{file} 的名称不以 .yaml、.yml 或 .env 结尾",
    "{flag} says how --nproc works, which is not there": "{flag} 说明 --nproc 如何工作，而没有给出 --nproc",
    "--nproc takes a number from 1 to {number}, auto, gpu or cpu": "--nproc 接受 1 到 {number} 的数字、auto、gpu 或 cpu",
    "{flag} cannot be written to: {detail}": "{flag} 无法写入：{detail}",
    "--log-dir {file} cannot be written to: {detail}": "--log-dir {file} 无法写入：{detail}",
    "{name} is {value}, which is no number of seconds": "{name} 为 {value}，不是秒数",
    "write whole seconds, such as {example}, or unset it for ddp_timeout": (
        "写整秒数，例如 {example}；不设置时按 ddp_timeout"
    ),
    "{name} is {value}, which is no port": "{name} 为 {value}，不是端口",
    "start with torchrun -m trainspec train TASK, or unset {names}": (
        "用 torchrun -m trainspec train TASK 启动，或取消设置 {names}"
    ),
    "write a whole number, as {other} does, or unset {name}": "像 {other} 那样写整数，或取消设置 {name}",
    "unset {name}, which {other} does not need": "取消设置 {name}，{other} 不需要它",
    "--model takes pkg.mod:Class, not {value}": "--model 接受 pkg.mod:Class，而不是 {value}",
    "the module {name} has no {other}": "模块 {name} 没有 {other}",
    "{names} tell the size of the model": "{names} 都给出模型的大小",
    "{flag} and {other} tell the size of the model": "{flag} 和 {other} 都给出模型的大小",
    "it cannot be served: {detail}": "无法提供服务：{detail}",
    "a package that serving needs is missing: {name}": "缺少提供服务所需的软件包：{name}",
    "the answer cannot be written to stdout: {detail}": "无法把答案写到 stdout：{detail}",
    "the settings say use_cpu: true, and --gpus {number} asks for GPUs": (
        "设置写了 use_cpu: true，而 --gpus {number} 要求 GPU"
    ),
    "{name} holds what looks like a credential": "{name} 含有像是凭据的内容",
    "{names} hold what looks like a credential": "{names} 含有像是凭据的内容",
    "{name} holds what looks like a credential; take it out, and mount it as a secret": (
        "{name} 含有像是凭据的内容；请把它去掉，作为机密挂载"
    ),
    "{name} cannot say {REASON}": "{name} 无法表达{REASON}",
    "{name} cannot say {reason}": "{name} 无法表达 {reason}",
    "{name}: variables and flags have no empty text": "{name}：环境变量和命令行选项没有空文本",
    "{name}: it holds nan or infinity": "{name}：其中有 nan 或无穷大",
    "{file} holds {number} sets of settings, which only yaml can say": "{file} 含有 {number} 组设置，只有 yaml 能表达",
    "by hand: {change}": "手工修改：{change}",
    "{change} cannot be rewritten: {REASON}": "{change} 无法改写：{REASON}",
    "dataloader_drop_last drops every row: {number} do not fill a batch of {other}; lower per_device_train_batch_size "
    "or set dataloader_drop_last: false": (
        "dataloader_drop_last 会丢弃所有行：{number} 行填不满 {other} 行的批次；"
        "请减小 per_device_train_batch_size 或设置 dataloader_drop_last: false"
    ),
    "split_batches cannot split a batch of {number} among {other} readers of rows": (
        "split_batches 无法把 {number} 行的批次分给 {other} 组读取者"
    ),
    "{file} holds none of {a}, {b} and {c}": "{file} 中没有 {a}、{b} 和 {c} 中的任何一个",
    "{file} is no config.json of a transformer; give --params instead": (
        "{file} 不是 transformer 的 config.json；请改用 --params"
    ),
    "{file} names shards that do not lie beside it": "{file} 所列的分片不在它旁边",
    "lr_scheduler_kwargs of {name} needs one of min_lr and min_lr_rate, and only one": (
        "{name} 的 lr_scheduler_kwargs 需要 min_lr 与 min_lr_rate 中的一个，且只要一个"
    ),
    "lr_end of 'polynomial' is {number}, not below learning_rate ({limit})": (
        "'polynomial' 的 lr_end 为 {number}，不小于 learning_rate（{limit}）"
    ),
    "the learning rate of {name} is no function of the update": "{name} 的学习率不是更新次数的函数",
    "{name} of 'warmup_stable_decay' is {value}, not one of {choices}": (
        "'warmup_stable_decay' 的 {name} 为 {value}，不是 {choices} 之一"
    ),
    "lr_scheduler_kwargs of {name}: {detail}": "{name} 的 lr_scheduler_kwargs：{detail}",
    # Checkpoints and stores.
    "{name} is damaged": "{name} 已损坏",
    "{name} holds {other}, which another shard holds too": "{name} 含有 {other}，而另一个分片也有",
    "the name {name} leads outside of it": "名称 {name} 指向目录之外",
    "the name {name} is that of the folder itself, a file is needed": "名称 {name} 是目录本身，而这里需要文件",
    "the URL is not understood ({detail})": "看不懂该 URL（{detail}）",
}
