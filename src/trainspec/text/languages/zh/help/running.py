"""Help of the commands that plan, export, serve and train, and of what can be done with checkpoints."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # plan.
    "What a run will do: batches, updates, warmup, learning rate, and when it logs, evaluates and saves. Of many "
    "processes: what each holds and sends, and what is written. Of several files, each is laid over those before it.": (
        "一次运行会做什么：批次、更新、预热、学习率，以及何时记录日志、评估和保存。"
        "对多个进程：每个进程持有和发送多少，写出什么。有多个文件时，后面的覆盖前面的。"
    ),
    "rows of the training data; without it, only max_steps gives a run a length": (
        "训练数据的行数；不写时，只有 max_steps 能决定运行的长度"
    ),
    "rows of the evaluation data": "评估数据的行数",
    "devices that share the work (also --world-size)": "分担工作的设备数（也可写 --world-size）",
    "these are on so many machines": "它们分布在这么多台机器上",
    "plan for a machine, its devices and their memory: h100x8, a100 ...": (
        "针对某种机器、其设备及显存制定计划：h100x8、a100 ……"
    ),
    "parameters of the model, such as 7e9 or 350M": "模型的参数量，例如 7e9 或 350M",
    "of --params: those of experts, which ep_size shares out, such as 45e9": (
        "--params 中属于专家、由 ep_size 分配的部分，例如 45e9"
    ),
    "the model: a folder or file with weights (safetensors) or a config.json": (
        "模型：含有权重（safetensors）或 config.json 的目录或文件"
    ),
    "the model of this task, by the settings of its own: --task lm --task.depth 8": (
        "此任务的模型，按任务自己的设置：--task lm --task.depth 8"
    ),
    "tokens of a row, which decide about activations": "一行的 token 数，它决定激活值的大小",
    "draw what ranks hold and send, as .svg or .html": "把各 rank 持有和发送的内容画成 .svg 或 .html",
    # export.
    "The settings that a file says, or several files of which each is laid over those before it, in another form on "
    "stdout: variables (env), flags (cli), yaml, toml, json, which read back as the same settings; or what runs them: "
    "manifests (k8s), a service (compose), a script for sbatch (slurm), an entry for Ray Train (ray). Secrets are "
    "never in it. Without a file, what runs trainspec serve: systemd-service, compose-service, k8s-service.": (
        "把一个文件（或后面覆盖前面的多个文件）的设置以另一种形式写到 stdout：环境变量（env）、命令行选项（cli）、"
        "yaml、toml、json，它们读回来是同样的设置；或写出运行它们的东西：清单（k8s）、服务（compose）、"
        "sbatch 的脚本（slurm）、Ray Train 的入口（ray）。其中绝不含机密。"
        "不给文件时，写出运行 trainspec serve 的东西：systemd-service、compose-service、k8s-service。"
    ),
    "the form": "形式",
    "judge the settings for this machine, too: h100x8, a100, v100, t4, cpu ...": (
        "同时针对这种机器检查设置：h100x8、a100、v100、t4、cpu ……"
    ),
    "k8s, compose, slurm, ray, systemd-service, compose-service, k8s-service: what it is called there; trainspec by "
    "default": "k8s、compose、slurm、ray、systemd-service、compose-service、k8s-service：在那里的名称；默认 trainspec",
    "k8s, compose, compose-service, k8s-service: the image that it runs in": (
        "k8s、compose、compose-service、k8s-service：运行所用的镜像"
    ),
    "k8s, compose, slurm, ray: the task that it trains; digits by default": (
        "k8s、compose、slurm、ray：要训练的任务；默认 digits"
    ),
    "k8s, compose, slurm, ray: how many processes each node runs, each with one GPU": (
        "k8s、compose、slurm、ray：每个节点运行多少进程，每个进程一块 GPU"
    ),
    "k8s, slurm, ray: on how many nodes; one by default": "k8s、slurm、ray：节点数；默认一个",
    "k8s: a job (the default; of several nodes an indexed one), a PyTorchJob of Kubeflow's training operator or a "
    "TrainJob of Kubeflow Trainer v2": (
        "k8s：job（默认；多个节点时为带索引的 Job）、Kubeflow training operator 的 PyTorchJob，"
        "或 Kubeflow Trainer v2 的 TrainJob"
    ),
    "k8s, compose, slurm, ray: how many NVIDIA GPUs a node has; with --nproc as many as processes": (
        "k8s、compose、slurm、ray：每个节点的 NVIDIA GPU 数；用 --nproc 时与进程数相同"
    ),
    "k8s, compose, slurm, systemd-service, compose-service, k8s-service: seconds that a run has between SIGTERM and "
    "SIGKILL, 60 by default, or open requests of a service in the end, 20 by default": (
        "k8s、compose、slurm、systemd-service、compose-service、k8s-service：运行在 SIGTERM 与 SIGKILL 之间的秒数，默认 60；"
        "或服务结束时留给未完成请求的秒数，默认 20"
    ),
    "k8s, slurm, ray: how often a run that failed is started again; 3 by default": (
        "k8s、slurm、ray：失败的运行重新启动多少次；默认 3"
    ),
    "k8s, compose, slurm: the settings as variables (the default of one file) or as a file": (
        "k8s、compose、slurm：设置写成环境变量（variables，一个文件时的默认）或文件（file）"
    ),
    "k8s, compose, slurm: several files as one, else each stays a file of its own": (
        "k8s、compose、slurm：把多个文件合为一个，否则各自保持为一个文件"
    ),
    # serve.
    "Judge documents over HTTP as validate judges files: POST /validate, and GET /schema/v1/training-arguments.json, "
    "/fields, /rules, /healthz, /readyz. Documents are judged alone: neither this process's environment nor a file "
    "that one names is read. SIGTERM ends it with exit code 0 once what is open is answered.": (
        "通过 HTTP 像 validate 检查文件那样检查文档：POST /validate，以及 GET /schema/v1/training-arguments.json、"
        "/fields、/rules、/healthz、/readyz。文档单独检查：既不读取本进程的环境变量，也不读取文档所指的文件。"
        "收到 SIGTERM 后，答完未完成的请求即以退出码 0 结束。"
    ),
    "the address to listen at; 127.0.0.1 by default, which only this machine reaches": (
        "监听的地址；默认 127.0.0.1，只有本机能访问"
    ),
    "the port; 8080 by default": "端口；默认 8080",
    "the number of an open socket to listen at, which outlives this process; so do systemd's": (
        "要监听的已打开套接字的编号，它比本进程存在得更久；systemd 的套接字也是如此"
    ),
    "how many processes serve; one that dies is replaced; 1 by default": "由多少个进程服务；死掉的会被替换；默认 1",
    "systemd-service, compose-service, k8s-service: where it listens; 8080 by default": (
        "systemd-service、compose-service、k8s-service：监听的端口；默认 8080"
    ),
    "systemd-service, compose-service, k8s-service: how many processes serve; 1 by default": (
        "systemd-service、compose-service、k8s-service：由多少个进程服务；默认 1"
    ),
    "systemd-service, compose-service, k8s-service: seconds in which one that ends is not ready and still answers": (
        "systemd-service、compose-service、k8s-service：正在结束的服务不再就绪但仍然应答的秒数"
    ),
    "k8s-service: the service as a webhook that judges ConfigMaps and TrainJobs": (
        "k8s-service：把服务作为检查 ConfigMap 与 TrainJob 的 webhook"
    ),
    "judge by this class, too, where a request names it; may be given again": "请求指明此类时也按它检查；可多次给出",
    "answer only who sends a token of this file, one a line; probes stay open": (
        "只回答带有此文件中令牌（每行一个）的请求；探针仍然开放"
    ),
    "let pages of this origin read answers; may be given again": "允许此来源的网页读取答案；可多次给出",
    "the most bytes of a body; 1048576 by default": "请求体的最大字节数；默认 1048576",
    "the most seconds for a request; 5 by default": "一个请求的最长秒数；默认 5",
    "seconds between being no longer ready and taking no more; 1 by default": (
        "从不再就绪到不再接受请求之间的秒数；默认 1"
    ),
    "seconds that open requests have in the end; 20 by default": "结束时留给未完成请求的秒数；默认 20",
    "the URL that others know it by, for addresses in answers; by default the one that it is asked at": (
        "别人所知的 URL，用于答案中的地址；默认为请求所用的地址"
    ),
    "serve TLS with this certificate": "用此证书提供 TLS",
    "the certificate's key": "证书的私钥",
    # train.
    "Train a task: digits, lm, or your own as pkg.mod:callable. Settings come from flags over TRAINSPEC_* variables "
    "over the dotenv file over secret files over secret managers over config files; the task's own from --task.NAME, "
    "TRAINSPEC_TASK__NAME and the file's key task.": (
        "训练一个任务：digits、lm，或以 pkg.mod:callable 写自己的任务。设置的来源，前者优先：命令行选项、"
        "TRAINSPEC_* 环境变量、dotenv 文件、机密文件、密钥管理服务、配置文件；任务自己的设置来自 --task.NAME、"
        "TRAINSPEC_TASK__NAME 和文件的键 task。"
    ),
    "a config file, instead of what TRAINSPEC_CONFIG names; given again, the next one is laid over it": (
        "配置文件，代替 TRAINSPEC_CONFIG 所指的文件；多次给出时后面的覆盖前面的"
    ),
    "go on from the newest checkpoint in output_dir, where there is one, whatever settings say: for what is started "
    "again by itself": "只要 output_dir 中有检查点，就从最新的继续，无论设置怎么写：用于会自行重新启动的作业",
    "so many processes on this node, started, watched and ended together: a number, cpu (one a core), gpu (one a "
    "device), or auto (gpu where there are devices, else cpu)": (
        "此节点上的进程数，它们一同启动、看管和结束：一个数字，cpu（每核一个），gpu（每个设备一个），"
        "或 auto（有设备时为 gpu，否则为 cpu）"
    ),
    "with --nproc: start all again so often after one breaks, from the newest checkpoint on": (
        "与 --nproc 一起用：有进程出错后全部重新启动的次数，从最新的检查点继续"
    ),
    "with --nproc: the folder for what all but the first process print": (
        "与 --nproc 一起用：存放除第一个进程以外各进程输出的目录"
    ),
    # checkpoints.
    "What lies in an output folder, and what can be done with it. Any path may be a URL that fsspec opens.": (
        "输出目录中有什么，以及可以怎样处理。任何路径都可以是 fsspec 能打开的 URL。"
    ),
    "prune: how many are left in all, as save_total_limit counts them": (
        "prune：总共保留多少个，与 save_total_limit 的算法相同"
    ),
    "prune: say what would go, and delete nothing": "prune：说明会删去什么，但不删除",
    "export: the optimizer's state, too, put together of what processes had of it": (
        "export：同时导出优化器状态，由各进程所持部分拼合而成"
    ),
    "import, export: over what DST has already": "import、export：覆盖 DST 中已有的内容",
    "the checkpoints in an output folder, those of transformers too": "输出目录中的检查点，包括 transformers 的",
    "one of them, every file compared with what was written": "其中一个，每个文件都与写入时的内容比较",
    "checkpoints, or all in an output folder, byte for byte; exit code 1 for damage": (
        "逐字节校验检查点，或输出目录中的全部；有损坏时退出码为 1"
    ),
    "how far two lie apart: progress, settings, weights, files": "两个检查点相差多少：进度、设置、权重、文件",
    "the model alone in one file of safetensors, whatever it was cut into": (
        "只含模型的单个 safetensors 文件，无论原来被切成几份"
    ),
    "leave --keep checkpoints, never without the newest whole one and the best": (
        "保留 --keep 个检查点，其中总有最新的完好的一个和最佳的一个"
    ),
    "a checkpoint of transformers, or a folder of them, written into the output folder DST, from where "
    "resume_from_checkpoint: latest goes on. Nothing in a pickle is ever run": (
        "把 transformers 的一个检查点或一个目录的检查点写入输出目录 DST，之后可由 resume_from_checkpoint: latest 继续。"
        "pickle 中的任何内容都绝不会被运行"
    ),
}
