"""What the service says of requests that it refuses, and of what it was started with."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "the body is packed": "请求体是压缩的",
    "send it as it is, without Content-Encoding": "请原样发送，不用 Content-Encoding",
    "name one of its saves": "请指定其中一次保存",
    "variables are not migrated here": "环境变量在这里不做迁移",
    "first is no length of a first document here": "first 在这里不是第一个文档的长度",
    "leave first or to out": "去掉 first 或 to",
    "judging it ended the process that judged it": "检查它使检查它的进程结束了",
    "the body is no AdmissionReview of admission.k8s.io/v1": "请求体不是 admission.k8s.io/v1 的 AdmissionReview",
    "model names no class of this service": "model 所指不是本服务的类",
    "there is no such address": "没有这个地址",
    "this address has no such method": "此地址不支持这种方法",
    "variables are no document here": "环境变量在这里不是文档",
    "POST /validate judges them": "POST /validate 会检查它们",
    "nodes alone tells no number of processes": "只有 nodes 得不出进程数",
    "target names no machine that is known": "target 所指不是已知的机器",
    "such as h100x8, a100, cpu": "例如 h100x8、a100、cpu",
    "put --- between them": "在它们之间写 ---",
    "the body is not UTF-8 text": "请求体不是 UTF-8 文本",
    "this needs the service's token": "这需要本服务的令牌",
    "send Authorization: Bearer TOKEN": "请发送 Authorization: Bearer TOKEN",
    "variables of an app are judged where it runs": "应用的环境变量在其运行之处检查",
    "send its file of settings": "请发送它的设置文件",
    "the body's format is unknown": "请求体的格式未知",
    "a parameter is given twice": "有一个参数给出了两次",
    "there is no such parameter": "没有这个参数",
    "too many documents wait to be judged": "等待检查的文档太多",
    "leave draft out": "去掉 draft",
    "nothing wrong": "没有问题",
    "leave the file out": "去掉文件",
    "--port takes a whole number from 1 to 65535": "--port 取 1 到 65535 的整数",
    "the certificate of --tls-cert or its key is no file of PEM": "--tls-cert 的证书或其密钥不是 PEM 文件",
    "the key of --tls-key has a passphrase, which nobody gives": "--tls-key 的密钥有口令，而没有人给出",
    "the key of --tls-key is not that of the certificate": "--tls-key 的密钥不属于该证书",
    "a token of --token-file has blanks or letters that no header can hold": (
        "--token-file 中有令牌带空白，或带请求头容不下的字符"
    ),
    "one a line": "每行一个",
    "send Content-Type: application/yaml, application/json, application/toml or text/x-dotenv, or ?input=yaml": (
        "请发送 Content-Type: application/yaml、application/json、application/toml 或 text/x-dotenv，或写 ?input=yaml"
    ),
}

TEMPLATES: dict[str, str] = {
    "leave out {flag}, or the socket": "去掉 {flag}，或去掉套接字",
    "anybody may write a token of theirs into {file}": "任何人都可以把自己的令牌写进 {file}",
    "chmod o-w {file}": "执行 chmod o-w {file}",
    "its classes: {names}": "它的类：{names}",
    "its classes: none but the usual one": "它的类：只有通常的那个",
    "two documents are compared, not {number}": "比较的是两个文档，而不是 {number} 个",
    "the body has more than {number} bytes": "请求体超过 {number} 字节",
    "the body did not come within {number} seconds": "请求体在 {number} 秒内没有到齐",
    "the head of the request did not come within {number} seconds": "请求头在 {number} 秒内没有到齐",
    "{name} is missing": "缺少 {name}",
    "{name} is empty": "{name} 是空的",
    "{name} is no text": "{name} 不是文本",
    "{name} takes true or false": "{name} 接受 true 或 false",
    "{name} takes a whole number": "{name} 接受整数",
    "{name} takes at most {number} characters": "{name} 最多 {number} 个字符",
    "the parameters are {names}": "参数有 {names}",
    "judging took more than {number} seconds": "检查用时超过 {number} 秒",
}
