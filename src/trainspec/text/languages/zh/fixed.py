"""Types, conditions, headings, labels and schemas: the words around what is said of settings."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Types, and what stands in their place.
    "true or false": "true 或 false",
    "null": "null",
    "text": "文本",
    "text (a secret)": "文本（机密）",
    "a secret": "机密",
    "auto": "auto",
    "torch": "torch",
    "a mapping": "映射",
    "a list": "列表",
    "a whole number": "整数",
    "a finite number": "有限数",
    "a valid value": "有效的值",
    "a function, which Python code alone can give": "函数，只有 Python 代码能给出",
    "none": "无",
    "required": "必填",
    # Conditions of rules.
    "{field} is {value}": "{field} 为 {value}",
    "{field} is {what}": "{field} 是 {what}",
    "a loss or an error": "损失或误差",
    "an accuracy or a score": "准确率或得分",
    "a file": "文件",
    "a repository's name": "仓库名",
    "a folder named as a repository can be": "名称可作仓库名的目录",
    "{field} is one of {choices}": "{field} 是 {choices} 之一",
    "{field} is set": "设置了 {field}",
    "{field} is given": "给出了 {field}",
    "{field} is given explicitly": "明确给出了 {field}",
    "{field} is above {limit}": "{field} 大于 {limit}",
    "{field} is below {limit}": "{field} 小于 {limit}",
    "{field} is above {other}": "{field} 大于 {other}",
    "{field} is at least {other}": "{field} 不小于 {other}",
    "{field} is not {other}": "{field} 不同于 {other}",
    "{field} is not {first} and {second}": "{field} 不同于 {first} 与 {second}",
    "{field} includes {option}": "{field} 包含 {option}",
    "{field} has {key}": "{field} 含有 {key}",
    # trainspec rule, and diagnostics.
    ":": "：",
    "found": "发现",
    "fields": "设置",
    "when": "条件",
    "why": "原因",
    "fix": "改法",
    "help": "改法",
    "error": "错误",
    "warning": "警告",
    "note": "提示",
    "why:": "原因：",
    "help:": "改法：",
    "default": "默认值",
    "document": "文档",
    "secret file": "机密文件",
    "command line": "命令行",
    "constructor": "构造函数",
    "assignment": "赋值",
    "environment": "环境变量",
    "settings source": "设置来源",
    # trainspec validate.
    ", ": "，",
    "{number} file": "{number} 个文件",
    "{number} other": "另外 {number} 个",
    "{number} document": "{number} 个文档",
    "{number} error": "{number} 个错误",
    "{number} warning": "{number} 个警告",
    "{number} note": "{number} 条提示",
    ", {others} passed over": "，略过{others}",
    "{judged}: nothing wrong": "{judged}：没有问题",
    " (document {number})": "（第 {number} 个文档）",
    "note: {file}: the task section was not checked; --task NAME does that": (
        "提示：{file}：没有检查 task 部分；--task NAME 会检查"
    ),
    "note: {file}: keys that are no settings: {keys}": "提示：{file}：不是设置的键：{keys}",
    "({CONDITION})": "（{CONDITION}）",
    ": ": "：",
    "not ({CONDITION})": "并非（{CONDITION}）",
    " and ": " 且 ",
    " or ": " 或 ",
    # trainspec explain and the reference.
    "{name} is its old name": "{name} 是它的旧名",
    "from {names} where it is not set": "未设置时取自 {names}",
    "a stronger source is laid over a weaker one key by key": "较强的来源逐键覆盖较弱的来源",
    "a stronger source replaces the list of a weaker one": "较强的来源取代较弱来源的列表",
    "type": "类型",
    "choices": "可选值",
    "follows": "派生",
    "layers": "叠加",
    "keys": "键",
    "flag": "命令行选项",
    "variable": "环境变量",
    "example": "示例",
    "old names": "旧名",
    "old values": "旧值",
    "rules": "规则",
    "Where settings are found": "设置从哪里来",
    "What the command goes by": "命令所依据的",
    "The task's own": "任务自己的",
    "# Reference of {name}": "# {name} 参考手册",
    "Generated from the settings and rules themselves; do not edit.": "由设置与规则本身生成；请勿编辑。",
    "Every setting is a key of a file (YAML, JSON, TOML), a variable, a flag and a keyword of `{name}(...)`.": (
        "每项设置都是文件（YAML、JSON、TOML）中的键、环境变量、命令行选项，以及 `{name}(...)` 的关键字参数。"
    ),
    "Later sources override earlier ones: default, file, secrets directory, dotenv file, environment, command line, "
    "keyword.": "后面的来源覆盖前面的来源：默认值、文件、机密目录、dotenv 文件、环境变量、命令行、关键字参数。",
    "Settings": "设置",
    "Sections": "映射",
    "the keys of settings that are mappings": "值为映射的设置的各个键",
    "Old names": "旧名",
    "Rules and codes": "规则与代码",
    "Type": "类型",
    "Default": "默认值",
    "Follows from": "派生自",
    "{names}, where it is not set": "{names}（未设置时）",
    "Variable": "环境变量",
    "Flag": "命令行选项",
    "Example": "示例",
    "Old values": "旧值",
    "{old} is now {new}": "{old} 现为 {new}",
    "Rules": "规则",
    "The keys of {place}.": "{place} 的键。",
    "{place}, at {home}": "{place} 中的 {home}",
    "Key": "键",
    "Description": "说明",
    "Old name": "旧名",
    "Today": "现名",
    "Since": "起始版本",
    "They still work where they have a successor; `trainspec migrate` rewrites them.": (
        "有新名的旧名仍可使用；`trainspec migrate` 会改写它们。"
    ),
    "Gone": "已移除",
    "Why": "原因",
    "Instead": "替代办法",
    "`trainspec rule CODE` says the same. Rules that JSON Schema cannot say, or only in part:": (
        "`trainspec rule CODE` 给出同样的内容。JSON Schema 无法表达或只能部分表达的规则："
    ),
    "When": "条件",
    "Fix": "改法",
    ".": "。",
    "Choice": "可选值",
    "What it is": "含义",
    # Schemas.
    "The settings of one training run: Hugging Face's names, types and defaults, validated together.": (
        "一次训练运行的设置：沿用 Hugging Face 的名称、类型与默认值，并整体校验。"
    ),
    "Generated.": "由程序生成。",
    "The schema of this file.": "本文件的 schema。",
    "Settings of the task's own; the task checks them.": "任务自己的设置；由任务检查。",
    "The mapping as JSON in a text.": "写成 JSON 文本的映射。",
    "Old value: leave it out.": "旧值：请去掉。",
    "it says nothing": "它没有作用",
    "it became .": "它已改为 .",
    "Old value: write ..": "旧值：请写 .。",
    "On.": "开。",
    "Off.": "关。",
    "Language in which the trainspec command answers people: en or zh; unset: the locale's.": (
        "trainspec 命令回答人时所用的语言：en 或 zh；未设置：依系统区域设置。"
    ),
    "URL of the folder in which the files of schemas/ are published: schemas that trainspec schema prints are "
    "named by it, and SARIF points to the reference there.": (
        "发布 schemas/ 各文件的目录的 URL：trainspec schema 输出的 schema 以它命名，SARIF 指向那里的参考手册。"
    ),
    "The task's own settings, as a JSON object.": "任务自己的设置，写成 JSON 对象。",
    "A key of the mapping that the name begins with.": "名称开头所指映射的一个键。",
    "there is one evaluation loop": "评估循环只有一个",
    "it configured SageMaker's model parallelism only": "它只用于配置 SageMaker 的模型并行",
    "use parallelism_config": "请用 parallelism_config",
    "the extension went into torch itself": "该扩展已并入 torch",
    "drop it; use bf16 and torch_compile": "请去掉；改用 bf16 和 torch_compile",
    "it is derived, never set": "它由推导得出，从不设置",
    "drop it; choose devices through CUDA_VISIBLE_DEVICES": "请去掉；用 CUDA_VISIBLE_DEVICES 选择设备",
    "drop it": "请去掉",
    "fsdp, with the option that replaces fairscale's": "fsdp，并选用取代 fairscale 的选项",
    "the first part of hub_model_id": "hub_model_id 的前半部分",
    "Findings of trainspec validate": "trainspec validate 的结果",
    "What trainspec validate --format json prints: a report for each document, and the numbers.": (
        "trainspec validate --format json 的输出：每个文档一份报告，以及各项计数。"
    ),
    "Version of this shape.": "本格式的版本。",
    "Whether the exit code is 0: no error, and under --strict no warning either.": (
        "退出码是否为 0：没有错误；使用 --strict 时也没有警告。"
    ),
    "A report for each document, in the order in which they were judged.": "每个文档一份报告，按检查的先后排列。",
    "The numbers.": "各项计数。",
    "How many files were judged.": "检查了多少个文件。",
    "How many documents they hold.": "其中有多少个文档。",
    "How many errors were found.": "发现多少个错误。",
    "How many warnings were found.": "发现多少个警告。",
    "How many notes there are: of what a script's own calls may bring to life.": (
        "有多少条提示：脚本自己的调用可能使之生效的内容。"
    ),
    "What judging one document found.": "检查一个文档的结果。",
    "Path or URL as it was named, or environment.": "所写的路径或 URL，或 environment。",
    "The files that it was laid over, the weakest first: with --together, else none.": (
        "它所覆盖的文件，最弱的在前：使用 --together 时才有。"
    ),
    "Which document of the file, from 1.": "文件中的第几个文档，从 1 开始。",
    "Whether the document is valid.": "文档是否有效。",
    "Whether its task section was checked; null where it has none and none was asked for.": (
        "是否检查了其中的 task 部分；既没有也未要求时为 null。"
    ),
    "Keys that are no settings, passed over by --ignore-unknown.": "不是设置、被 --ignore-unknown 略过的键。",
    "What was found.": "发现的问题。",
    "A fault or a notice.": "一个错误或一条提示。",
    "Its permanent code; trainspec rule CODE explains it.": "永久不变的代码；trainspec rule CODE 给出解释。",
    "Its name in kebab case.": "以短横线连接的名称。",
    "An error makes the document invalid, a warning does not.": "错误使文档无效，警告则不会。",
    "What was seen, in a sentence.": "看到了什么，用一句话说明。",
    "Why it is wrong; may be empty.": "为什么不对；可以为空。",
    "What to write instead; may be empty.": "应当怎样写；可以为空。",
    "Dotted names of the settings it is about, in the order of the evidence.": "所涉设置的点分名称，按依据的先后排列。",
    "The values it is about, each with its source.": "所涉的值，各附来源。",
    "One value that a diagnostic is about.": "诊断所涉的一个值。",
    "Dotted name of the setting, or the name that was written.": "设置的点分名称，或所写的名称。",
    "The value as JSON-like text, without secrets; null where it is not shown.": (
        "值，写成类似 JSON 的文本，不含机密；不显示时为 null。"
    ),
    "Where it stands; null where that is not known.": "它的位置；不知道时为 null。",
    "The place of a value.": "一个值的位置。",
    "The kind of source, of which later ones override earlier ones.": "来源的种类，后面的覆盖前面的。",
    "Path, URL, variable, flag; may be empty.": "路径、URL、环境变量或命令行选项；可以为空。",
    "Line, from 1.": "行，从 1 开始。",
    "Column, from 1.": "列，从 1 开始。",
}

# Where something is, before what is said of it.
FIRST: dict[str, str] = {"{name}: {MESSAGE}": "{name}：{MESSAGE}"}

TEMPLATES: dict[str, str] = {
    # Sources.
    "{place} (environment)": "{place}（环境变量）",
    "{place} (command line)": "{place}（命令行）",
    "{place} (dotenv)": "{place}（dotenv）",
    "{place} (secret file)": "{place}（机密文件）",
    "{place} (settings source)": "{place}（设置来源）",
    "{place} (constructor)": "{place}（构造函数）",
    "{place} (assignment)": "{place}（赋值）",
    "derived from {names}": "派生自 {names}",
    # Fixes.
    "keep line {number}": "保留第 {number} 行",
    "keep column {number}": "保留第 {number} 列",
    # Rules.
    "{name} is set and has no effect": "设置了 {name}，但它不起作用",
    "{name} is set and has no effect {CAUSE}": "设置了 {name}，但{CAUSE}它不起作用",
    "{name} and {other} exclude each other": "{name} 与 {other} 互斥",
    "set {name}: {new}": "设置 {name}: {new}",
    "set {name}": "设置 {name}",
    "leave {name} out": "去掉 {name}",
    "drop {name}": "去掉 {name}",
    "drop {name} or {other}": "去掉 {name} 或 {other}",
    "{FIRST}, or leave it out": "{FIRST}，或去掉它",
    "{FIRST}, or leave {name} out": "{FIRST}，或去掉 {name}",
    "{FIRST}, or drop {name}": "{FIRST}，或去掉 {name}",
    "{code}: {MESSAGE}. {FIX}.": "{code}：{MESSAGE}。{FIX}。",
    "set {name} (or do_eval, do_predict)": "设置 {name}（或 do_eval、do_predict）",
    "Generated. Names are written in upper case here, though the loader reads any case. Bounds that no pattern can say, "
    "rules across settings and files are judged by trainspec validate --env.": (
        "由程序生成。这里的名称用大写，而加载时不分大小写。模式无法表达的界限、跨设置的规则以及文件，由 trainspec validate --env 检查。"
    ),
    "what {name} stands for": "{name} 所代表的类型",
    "one of its {number} choices": "{number} 个可选值之一",
    "Keys of {name}.": "{name} 的键。",
    "The value {value}.": "值 {value}。",
    "Old value: write {value}.": "旧值：请写 {value}。",
    "Old name of {name}: write {value}.": "{name} 的旧名：请写 {value}。",
    "Old name of {NAME}: write {value}.": "{NAME}的旧名：请写 {value}。",
    "Old name of {name}: write {VALUE}.": "{name} 的旧名：请写 {VALUE}。",
    "No setting: {REASON}; {ADVICE}.": "不是设置：{REASON}；{ADVICE}。",
    "{name} is the old name: write {value}": "{name} 是旧名：请写 {value}",
    "{name} is the old name: write {VALUE}": "{name} 是旧名：请写 {VALUE}",
    "{name} is no setting: {ADVICE}": "{name} 不是设置：{ADVICE}",
    "{old} became {new}": "{old} 已改为 {new}",
    "{SETTING}\n\n`{choice}`: {ABOUT}": "{SETTING}\n\n`{choice}`：{ABOUT}",
    "Generated. Rules that no schema can say, or only in part, which trainspec validate judges: {codes}": (
        "由程序生成。schema 无法表达或只能部分表达、由 trainspec validate 检查的规则：{codes}"
    ),
    "Variables that say settings of {name}; those without our prefix are left alone.": (
        "表示 {name} 各项设置的环境变量；没有我们前缀的变量不予理会。"
    ),
    "Environment of {name}": "{name} 的环境变量",
    "A variable that begins with {prefix} is one of those listed.": "以 {prefix} 开头的变量必须是所列之一。",
    "Path of the file that holds {name}, as mounted secrets are.": "存有 {name} 的文件的路径，与挂载的机密一样。",
    "Or: {ABOUT}": "或者：{ABOUT}",
    "write {name}": "请写 {name}",
}

# Of these the order counts: the first that fits says how a phrase is divided.
STRUCTURES: dict[str, str] = {
    "{FIRST}; {REST}": "{FIRST}；{REST}",
    "{FIRST}, or {LAST}": "{FIRST}，或{LAST}",
    "a list, each item {ITEM}": "列表，各项为{ITEM}",
    "{FIRST}, one of {choices}": "{FIRST}，{choices} 之一",
    "one of {choices}": "{choices} 之一",
    "{FIRST}, {REST}": "{FIRST}，{REST}",
    "a whole number {sign} {number} and {other} {limit}": "整数 {sign} {number} 且 {other} {limit}",
    "a finite number {sign} {number} and {other} {limit}": "有限数 {sign} {number} 且 {other} {limit}",
    "a whole number {sign} {number}": "整数 {sign} {number}",
    "a finite number {sign} {number}": "有限数 {sign} {number}",
    "a mapping with keys of {name}": "映射，键见 {name}",
}
