"""Help of the commands that judge, show, explain and convert settings, and of the command line as a whole."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # trainspec --help.
    "usage: {usage}": "用法：{usage}",
    "Typed settings for torch training jobs: judged, explained, planned, trained.": (
        "用于 torch 训练任务的有类型的设置：检查、解释、制定计划、训练。"
    ),
    "trainspec COMMAND --help says more. Exit codes: 0 fine, 1 findings, 2 could not run.": (
        "trainspec COMMAND --help 会说明更多。退出码：0 正常，1 有发现，2 无法执行。"
    ),
    "judge files of settings, or this process's environment": "检查设置文件，或本进程的环境变量",
    "the settings that hold here, where each comes from, what follows": "此处生效的设置、各自的来源，以及由此得出什么",
    "one setting: type, bounds, default, variable, flag, rules": "一项设置：类型、界限、默认值、环境变量、命令行选项、规则",
    "one rule or code: what it found, why it is wrong, what to write": "一条规则或一个代码：发现什么、为何有错、该怎么写",
    "JSON Schema for editors and tools, rules included": "供编辑器和工具使用的 JSON Schema，包含规则",
    "a run in numbers: batches, updates, logs, evaluations, checkpoints": (
        "用数字说明一次运行：批次、更新、日志、评估、检查点"
    ),
    "a new file of settings, with comments, for an editor to complete": "新的设置文件，带注释，供编辑器补全",
    "old files, launch scripts and other programs' files made settings of today": (
        "把旧文件、启动脚本和其他程序的文件变成如今的设置"
    ),
    "settings in other forms, and as jobs for Kubernetes, compose, SLURM and Ray": (
        "其他形式的设置，以及 Kubernetes、compose、SLURM 和 Ray 的作业"
    ),
    "two files compared as settings, not as text": "把两个文件作为设置而不是文本来比较",
    "these answers over HTTP": "通过 HTTP 给出这些答案",
    "train a task": "训练一个任务",
    "checkpoints listed, verified, compared, exported, pruned, imported": "检查点的列出、校验、比较、导出、清理、导入",
    "a script that completes all of this in bash, zsh or fish": "在 bash、zsh 或 fish 中补全这一切的脚本",
    # Every command.
    "options": "选项",
    "settings": "设置",
    "examples": "示例",
    "show this text": "显示本说明",
    "Every setting is a flag: --learning_rate 3e-4, --bf16, --no_save_safetensors, --label_names a b, "
    "--fsdp_config.min_num_params 1000. trainspec explain lists them.": (
        "每项设置都是命令行选项：--learning_rate 3e-4、--bf16、--no_save_safetensors、--label_names a b、"
        "--fsdp_config.min_num_params 1000。trainspec explain 会列出它们。"
    ),
    "en or zh; without it, text is told as TRAINSPEC_LANG or the locale says, and what programs read is in English": (
        "en 或 zh；不写时，文本按 TRAINSPEC_LANG 或区域设置的语言显示，供程序读取的则为英文"
    ),
    "text (the default) or json, which prints nothing but JSON": "text（默认）或 json，后者只输出 JSON",
    "use only the mapping at this dotted path of the file, of each where there are several": (
        "只用文件（有多个时为每个文件）中这个点分路径处的映射"
    ),
    "pass over keys that are no settings, for files that other programs read too; they are listed": (
        "略过不是设置的键，用于其他程序也读取的文件；这些键会列出"
    ),
    "check the file's task section as the settings of this task": "把文件的 task 部分作为此任务的设置来检查",
    "the settings class, or an app of pydantic-settings with one inside, instead": (
        "改用此设置类，或内含设置类的 pydantic-settings 应用"
    ),
    # validate.
    "Judge files of settings (YAML, JSON, TOML): paths, URLs, folders, quoted patterns such as 'configs/**/*.yaml', or "
    "- for stdin. Each is judged alone, unless --together is given. The verdict depends on the files alone, unless "
    "--env is given.": (
        "检查设置文件（YAML、JSON、TOML）：路径、URL、目录、加引号的模式（如 'configs/**/*.yaml'），或以 - 表示 stdin。"
        "除非给出 --together，否则各文件单独检查。除非给出 --env，否则结论只取决于文件。"
    ),
    "judge all files as one, each laid over those before it: a base, then what a site changes": (
        "把所有文件作为一个整体检查，后面的覆盖前面的：先是基础，再是各处的改动"
    ),
    "pass over files that do not look like settings: that neither point at the schema nor hold mostly names of "
    "settings; for hooks that are handed every file": (
        "略过不像设置的文件：既不指向 schema，大多数键也不是设置名；用于会收到所有文件的钩子"
    ),
    "judge this process's TRAINSPEC_* variables too, over each file; no file is needed then": (
        "同时检查本进程的 TRAINSPEC_* 环境变量，叠加在每个文件之上；此时可以不给文件"
    ),
    "check against a machine: h100x8, a100, v100, t4, cpu ...": "针对某种机器检查：h100x8、a100、v100、t4、cpu ……",
    "check against a job of this many processes": "针对这么多进程的作业检查",
    "these processes run on so many machines; without it, as many as a target's devices need": (
        "这些进程分布在这么多台机器上；不写时按目标的设备数所需"
    ),
    "judge by this settings class, or by an app of pydantic-settings with one inside, instead": (
        "改按此设置类检查，或按内含设置类的 pydantic-settings 应用检查"
    ),
    "warnings count too: exit code 1 where there is one": "警告也算数：有警告时退出码为 1",
    "what to call what - reads; its ending tells the format": "- 所读内容的名称；其后缀决定格式",
    "the format of what - reads, else yaml": "- 所读内容的格式，否则为 yaml",
    "text (the default), json, github (annotations), sarif or junit; all but text print nothing else": (
        "text（默认）、json、github（注释）、sarif 或 junit；除 text 外不输出其他内容"
    ),
    # show.
    "The settings that hold here: flags over TRAINSPEC_* variables over the dotenv file over secret files over secret "
    "managers over config files (FILE, or what TRAINSPEC_CONFIG names; of several files, each is laid over those "
    "before it). First what differs from the defaults, then what follows from it.": (
        "此处生效的设置，前者优先：命令行选项、TRAINSPEC_* 环境变量、dotenv 文件、机密文件、密钥管理服务、配置文件"
        "（FILE，或 TRAINSPEC_CONFIG 所指的文件；有多个时后面的覆盖前面的）。先列出与默认值不同的，再列出由此得出的。"
    ),
    "also what stands at its default": "也显示为默认值的设置",
    "taken as in validate, and without effect: TRAINSPEC_* variables always count here": (
        "与 validate 相同地接受，但不起作用：TRAINSPEC_* 环境变量在此总是算数"
    ),
    # explain, rule, schema.
    "All there is to know of a setting: type, bounds, default, choices, variable, flag, rules, old names, example. "
    "Keys inside a mapping have dotted names.": (
        "关于一项设置的一切：类型、界限、默认值、可选值、环境变量、命令行选项、规则、旧名、示例。"
        "映射内的键使用点分名称。"
    ),
    "What a code means: what it found, why it is wrong, what to write. Without a code, all of them.": (
        "代码的含义：发现什么、为何有错、该怎么写。不给代码时列出全部。"
    ),
    "JSON Schema of a settings file, with every rule that a schema can carry. The rules that none can are listed by "
    "code in its $comment; trainspec validate judges those too.": (
        "设置文件的 JSON Schema，包含 schema 能表达的每条规则。无法表达的规则按代码列在其 $comment 中；"
        "trainspec validate 也检查那些规则。"
    ),
    "7, for editors (the default), or 2020-12, for tools": "7 供编辑器使用（默认），2020-12 供工具使用",
    "file (the default), env for TRAINSPEC_* variables, or diagnostics for what validate --format json prints": (
        "file（默认），env 针对 TRAINSPEC_* 环境变量，diagnostics 针对 validate --format json 的输出"
    ),
    "print where the schema lies that came with the package, for an editor's configuration": (
        "显示随软件包安装的 schema 的位置，供编辑器配置使用"
    ),
    "name it by its address in this folder, where the files of schemas/ are published; without it "
    "TRAINSPEC_SCHEMA_BASE, and where neither is given it has a name and no address": (
        "用它在此目录（发布 schemas/ 各文件之处）中的地址作为标识；不写时按 TRAINSPEC_SCHEMA_BASE，"
        "两者都没有时只有名称而没有地址"
    ),
    "write what SchemaStore's catalogue wants of a schema into this folder": (
        "把 SchemaStore 目录所要求的文件写到此目录"
    ),
    # init.
    "Write a file of settings, run.yaml by default, with the settings that most runs begin with and what each of them "
    "means, and beside it trainspec.schema.json, to which its first line points editors. A name that ends with .env "
    "gets every variable, commented out.": (
        "写一个设置文件（默认 run.yaml），含大多数运行起步时的设置及各自的含义，并在旁边写 trainspec.schema.json，"
        "其第一行让编辑器找到它。以 .env 结尾的名称会得到所有环境变量，均已注释掉。"
    ),
    "write over a file that is there": "覆盖已有的文件",
    "for .env: the settings class, or an app of pydantic-settings with one inside": (
        "用于 .env：设置类，或内含设置类的 pydantic-settings 应用"
    ),
    # migrate.
    "Rewrite old names and values, of transformers 4.x and 5.x too, in YAML, TOML and JSON files, which keep their "
    "comments, order and quotes. With --to, or from what is no file of settings, write the settings found there to "
    "stdout: launch scripts (.sh, .slurm, .bat, .ps1, notebooks), a command line, a Python file, training_args.bin, "
    "configurations of accelerate, DeepSpeed, LLaMA-Factory, trl and axolotl. Nothing that is read is ever run: what "
    "only a run would tell is named and left out, with exit code 1.": (
        "改写 YAML、TOML 和 JSON 文件中的旧名和旧值（包括 transformers 4.x 和 5.x 的），注释、顺序和引号保持不变。"
        "用 --to 时，或来源不是设置文件时，把其中的设置写到 stdout：启动脚本（.sh、.slurm、.bat、.ps1、notebook）、"
        "命令行、Python 文件、training_args.bin，以及 accelerate、DeepSpeed、LLaMA-Factory、trl 和 axolotl 的配置。"
        "所读的内容绝不会被运行：只有运行才能得知的会列出并略去，退出码为 1。"
    ),
    "write nothing; exit code 1 where something would change": "不写任何内容；有需要改动之处时退出码为 1",
    "write nothing; show what would change": "不写任何内容；显示将会改动什么",
    "write all settings to stdout in this form": "把所有设置以这种形式写到 stdout",
    "what to read, where the name does not tell (cli: a shell's line or script)": (
        "名称看不出时，说明要读的是什么（cli：shell 的一行或脚本）"
    ),
    "which command of a script, by its number among those listed; the first with settings": (
        "脚本中的哪条命令，按所列的编号；默认为第一条带有设置的"
    ),
    # diff.
    "Where two files differ as settings: what holds, whether said or not, whatever the format or the age of the names. "
    "Either may be several, with commas between them, each laid over those before it. Exit code 1 where they differ.": (
        "两个文件作为设置有何不同：比较生效的值，无论是否写明，也无论格式和名称的新旧。"
        "任一方都可以是多个文件，以逗号分隔，后面的覆盖前面的。有不同时退出码为 1。"
    ),
    "Print the completion script of a shell: bash, zsh or fish. Its first lines say how to install it.": (
        "输出 shell（bash、zsh 或 fish）的补全脚本。其开头几行说明如何安装。"
    ),
}
