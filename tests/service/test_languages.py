"""What the service tells people in Chinese where a request asks for it, and its own address in what it tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from trainspec.cli import main
from trainspec.service.app import create_app
from trainspec.service.options import Options

WRONG = "bf16: true\nfp16: true\nlearning_rat: 1\n"
SCHEMA = "/schema/v1/training-arguments.json"


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


@pytest.mark.parametrize(
    "address, words",
    [
        ("/fields", ["explain", "--format", "json"]),
        ("/fields/learning_rate", ["explain", "learning_rate", "--format", "json"]),
        ("/rules", ["rule", "--format", "json"]),
        ("/rules/PRE101", ["rule", "PRE101", "--format", "json"]),
    ],
)
def test_facts_are_those_of_the_command(address: str, words: list[str], client: TestClient, capsys: Any) -> None:
    assert main([*words, "--lang", "zh"]) == 0
    told = client.get(address, params={"lang": "zh"}).text
    assert told == capsys.readouterr().out and is_chinese(told)
    assert client.get(address, params={"lang": "en"}).text == client.get(address).text != told


@pytest.mark.parametrize("form", ["json", "text", "sarif", "junit"])
def test_findings_in_every_form(form: str, client: TestClient) -> None:
    asked = {"input": "yaml", "format": form}
    plain, told = (client.post("/validate", content=WRONG, params={**asked, **more}) for more in ({}, {"lang": "zh"}))
    assert not is_chinese(plain.text) and "\\u4e" not in plain.text and "&#" not in plain.text
    assert is_chinese(told.text) or "\\u4e" in told.text or "&#" in told.text
    assert client.post("/validate", content=WRONG, params={**asked, "lang": "en"}).text == plain.text


def test_findings_in_chinese_are_those_of_the_command(client: TestClient, tmp_path: Any, capsys: Any) -> None:
    (file := tmp_path / "run.yaml").write_text(WRONG)
    asked = {"input": "yaml", "lang": "zh", "name": str(file)}
    assert main(["validate", str(file), "--format", "json", "--lang", "zh"]) == 1
    assert client.post("/validate", content=WRONG, params=asked).text == capsys.readouterr().out


def test_nothing_wrong_in_chinese(client: TestClient) -> None:
    assert client.post(
        "/validate", content="seed: 7", params={"input": "yaml", "format": "text", "lang": "zh"}
    ).text == ("没有问题\n")


def test_schemas_in_chinese_have_the_same_names(client: TestClient) -> None:
    plain, told = (client.get(SCHEMA, params=more).json() for more in ({}, {"lang": "zh"}))
    assert told["properties"].keys() == plain["properties"].keys()
    assert told["properties"]["learning_rate"]["title"] == "学习率"


@pytest.mark.parametrize("address", ["/fields/sead", "/rules/PRE999"])
def test_what_there_is_not_in_chinese(address: str, client: TestClient) -> None:
    plain, told = (client.get(address, params=more).json()["diagnostics"][0] for more in ({}, {"lang": "zh"}))
    assert told["code"] == plain["code"] and is_chinese(told["message"])


@pytest.mark.parametrize("address", ["/fields", "/rules", SCHEMA])
def test_a_language_that_there_is_not(address: str, client: TestClient) -> None:
    told = client.get(address, params={"lang": "fr"})
    assert told.status_code == 400 and told.json()["diagnostics"][0]["code"] == "SVC104"


def test_a_schema_has_the_address_that_it_is_asked_at(client: TestClient) -> None:
    for host in ("settings.example.org", "settings.example.org:8443", "[::1]:8080"):
        told = client.get(SCHEMA, headers={"Host": host}, params={"draft": "2020-12"})
        assert told.json()["$id"] == f"http://{host}{SCHEMA}?draft=2020-12"


@pytest.mark.parametrize("host", ['a"b', "a/b", "user@host", "a b", "x" * 300, ""])
def test_what_is_no_host_is_in_no_answer(host: str, client: TestClient) -> None:
    told = client.get(SCHEMA, headers={"Host": host})
    assert told.status_code == 200 and told.json()["$id"].startswith("urn:trainspec/")
    judged = client.post(
        "/validate", content=WRONG, params={"input": "yaml", "format": "sarif"}, headers={"Host": host}
    )
    assert "helpUri" not in judged.text


def test_one_setting_changes_all_addresses() -> None:
    client = TestClient(create_app(Options(public_url="https://settings.example.org/train/")))
    assert client.get(SCHEMA).json()["$id"] == f"https://settings.example.org/train{SCHEMA}"
    judged = client.post("/validate", content=WRONG, params={"input": "yaml", "format": "sarif"})
    rules = json.loads(judged.text)["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["helpUri"] for rule in rules} == {
        f"https://settings.example.org/train/rules/{rule['id'].lower()}" for rule in rules
    }


def test_a_help_address_is_one_of_the_service(client: TestClient) -> None:
    judged = client.post("/validate", content=WRONG, params={"input": "yaml", "format": "sarif"})
    for rule in json.loads(judged.text)["runs"][0]["tool"]["driver"]["rules"]:
        assert client.get(rule["helpUri"].removeprefix("http://testserver")).json()["rules"][0]["code"] == rule["id"]


@pytest.mark.parametrize("address", ["/plan?", "/show?", "/convert?to=env&", "/diff?to=defaults&"])
def test_what_follows_from_documents_is_told_in_chinese(address: str, client: TestClient) -> None:
    told = client.post(f"{address}input=yaml&lang=zh", content=WRONG).json()
    (found,) = [item for item in told["diagnostics"] if item["code"] == "PRE101"]
    assert is_chinese(found["message"])


def test_a_refusal_is_told_in_chinese(client: TestClient) -> None:
    told = client.post("/convert?to=env&input=yaml&lang=zh", content="a: [")
    assert told.status_code == 400 and is_chinese(told.text)


REFUSED = {
    "a number": ("/validate", {"world_size": "x"}, "world_size 接受整数"),
    "a bound": ("/validate", {"world_size": "0"}, "world_size 接受整数 >= 1"),
    "a choice": ("/validate", {"format": "x"}, "format 接受 json, text, sarif, junit"),
    "a switch": ("/validate", {"strict": "x"}, "strict 接受 true 或 false"),
    "a text": ("/validate", {"name": ""}, "name 是空的"),
    "a long one": ("/validate", {"target": "x" * 101}, "target 最多 100 个字符"),
    "none": ("/complete", {}, "缺少 line"),
    "another": ("/validate", {"zz": "1"}, "没有这个参数"),
    "twice": ("/validate?strict=true&strict=true", {}, "有一个参数给出了两次"),
    "no address": ("/zz", {}, "没有这个地址"),
}


@pytest.mark.parametrize("address, asked, said", REFUSED.values(), ids=REFUSED)
def test_refusals_are_told_in_the_language_of_who_asks(
    address: str, asked: dict[str, str], said: str, client: TestClient
) -> None:
    def message(given: dict[str, str], **headers: str) -> Any:
        where = f"{address}{'&' if '?' in address else '?'}{'&'.join(f'{key}={text}' for key, text in given.items())}"
        told = client.post(where, content="seed: 1", headers={"Accept-Language": "", **headers})
        assert 400 <= told.status_code < 500
        return told.json()["diagnostics"][0]

    plain = message(asked)
    assert not is_chinese(str(plain))
    for told in (
        message({**asked, "lang": "zh"}),
        message(asked, **{"Accept-Language": "fr, en;q=0.5, zh-CN;q=0.9"}),
        message({**asked, "lang": "zh"}, **{"Accept-Language": "en"}),
    ):
        assert (told["code"], told["message"]) == (plain["code"], said)
    for more, header in (({"lang": "en"}, "zh"), ({}, "zh;q=0, en"), ({}, "zh-TW"), ({}, "zh;q=x, fr")):
        assert message({**asked, **more}, **{"Accept-Language": header}) == plain


def test_a_token_is_asked_for_in_the_language_of_who_asks() -> None:
    client = TestClient(create_app(Options(tokens=("a",))))
    told = client.get("/fields", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert told.status_code == 401 and is_chinese(told.json()["diagnostics"][0]["message"])
