"""settings_customise_sources: our four reordered, dropped, wrapped and mixed with others, each value with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    JsonConfigSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
    YamlConfigSettingsSource,
)

from trainspec import SettingsParser, TrainingArguments, load
from trainspec.settings.base import Settings

Hook = Callable[[type[BaseSettings], dict[str, Any]], tuple[Any, ...]]
FOUR = ("init_settings", "env_settings", "dotenv_settings", "file_secret_settings")


def ordered(hook: Hook, base: type[Settings] = TrainingArguments, **config: Any) -> type[Any]:
    """A subclass with these sources, strongest first."""

    def settings_customise_sources(cls: Any, settings_cls: type[BaseSettings], **sources: Any) -> tuple[Any, ...]:
        return hook(settings_cls, sources)

    namespace = {
        "__module__": __name__,
        "model_config": SettingsConfigDict(**config),
        "settings_customise_sources": classmethod(settings_customise_sources),
    }
    return type("Ordered", (base,), namespace)


def by_name(*names: str) -> Hook:
    return lambda cls, sources: tuple(sources[name] for name in names)


@pytest.fixture
def everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A seed in every source, by the source's name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/seed").write_text("4")
    (tmp_path / "run.env").write_text("TRAINSPEC_SEED=3\n")
    (tmp_path / "run.yaml").write_text("seed: 5\n")
    monkeypatch.setenv("TRAINSPEC_SEED", "2")
    monkeypatch.setenv("TRAINSPEC_CONFIG", "run.yaml")
    return dict(zip(FOUR, (1, 2, 3, 4), strict=True))


ORDERS = {
    "usual": FOUR,
    "turned round": FOUR[::-1],
    "environment first": ("env_settings", "init_settings", "dotenv_settings", "file_secret_settings"),
    "secrets over the environment": ("file_secret_settings", "env_settings"),
    "dotenv alone": ("dotenv_settings",),
    "no arguments": FOUR[1:],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_first_wins_and_the_others_are_overridden_in_turn(order, everywhere) -> None:
    args = ordered(by_name(*order), env_file="run.env", secrets_dir="secrets")(seed=1)
    assert args.seed == everywhere[order[0]]
    entry = args.provenance["seed"]
    said = [everywhere[name] for name in order] + [5] * ("env_settings" in order)
    assert [entry.value, *(one.value for one in entry.overrode)] == [str(value) for value in said]


def test_none_at_all(everywhere) -> None:
    args = ordered(lambda cls, sources: ())(seed=1)
    assert (args.seed, args.to_dict()) == (42, {})


def test_config_files_stay_below_and_need_the_source_that_names_them(everywhere, monkeypatch) -> None:
    monkeypatch.delenv("TRAINSPEC_SEED")
    assert ordered(by_name("env_settings"))().seed == 5
    assert ordered(by_name("init_settings"))().seed == 42
    assert load(ordered(by_name("init_settings")), config="run.yaml").seed == 5


FLAGS = {
    "below arguments": (("init_settings", "env_settings"), {}, 7),
    "arguments over them": (("init_settings", "env_settings"), {"seed": 1}, 1),
    "below the environment too": (("env_settings", "init_settings"), {}, 2),
    "no arguments": (("env_settings",), {}, 7),
}


@pytest.mark.parametrize(("order", "arguments", "seed"), FLAGS.values(), ids=FLAGS)
def test_where_flags_stand(order, arguments, seed, everywhere) -> None:
    model = ordered(by_name(*order))
    assert load(model, ["--seed", "7"], **arguments).seed == seed
    if not arguments:
        assert SettingsParser(model).parse_args(["--seed", "7"])[0].seed == seed


def test_ours_are_sources_of_pydantic_settings(everywhere) -> None:
    seen: dict[str, Any] = {}

    def hook(cls: type[BaseSettings], sources: dict[str, Any]) -> tuple[Any, ...]:
        seen.update(sources)
        seen["said"] = {name: source() for name, source in sources.items()}
        return tuple(sources.values())

    made = ordered(hook, env_file="run.env", secrets_dir="secrets")
    assert made(seed=1).seed == 1
    kinds = (InitSettingsSource, EnvSettingsSource, DotEnvSettingsSource, SecretsSettingsSource)
    assert [isinstance(seen[name], kind) for name, kind in zip(FOUR, kinds, strict=True)] == [True] * 4
    assert seen["said"] == {name: {"seed": number} for name, number in everywhere.items()}
    assert seen["init_settings"].init_kwargs == {"seed": 1} and seen["dotenv_settings"].env_file == "run.env"
    assert seen["env_settings"].env_prefix == "TRAINSPEC_" and seen["env_settings"].settings_cls is made
    field = made.model_fields["seed"]
    assert seen["env_settings"].get_field_value(field, "seed") == ("2", "seed", False)
    assert seen["dotenv_settings"].get_field_value(field, "seed") == ("3", "seed", False)


class Doubling:
    """What people wrap sources in: any callable that gives a mapping."""

    def __init__(self, source: Callable[[], dict[str, Any]]) -> None:
        self.source = source

    def __call__(self) -> dict[str, Any]:
        return {name: value * 2 for name, value in self.source().items()}


def test_a_wrapped_source_keeps_its_shield(everywhere, monkeypatch) -> None:
    model = ordered(lambda cls, sources: (Doubling(sources["env_settings"]),))
    args = model()
    assert (args.seed, str(args.provenance["seed"].source)) == (4, "Doubling (settings source)")
    assert [str(one.source) for one in args.provenance["seed"].overrode] == ["run.yaml:1:1"]
    monkeypatch.setenv("TRAINSPEC_SEDE", "2")
    with pytest.raises(ValidationError, match=r"TRAINSPEC_SEDE matches no setting(.|\n)*did you mean TRAINSPEC_SEED"):
        model()


def test_a_source_that_is_dropped_is_not_judged(everywhere, monkeypatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEDE", "2")
    assert ordered(by_name("init_settings"))(seed=1).seed == 1


class Later(PydanticBaseSettingsSource):
    """Sees what stronger sources gave."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        assert "Later" not in self.settings_sources_data
        return {"run_name": f"seed-{self.current_state['seed']}"}


def test_a_source_knows_what_stands_above_it(everywhere) -> None:
    args = ordered(lambda cls, sources: (sources["env_settings"], Later(cls)))()
    assert (args.run_name, str(args.provenance["run_name"].source)) == ("seed-2", "Later (settings source)")


def test_files_that_sources_of_pydantic_settings_read(everywhere, tmp_path) -> None:
    (tmp_path / "a.toml").write_text("[x]\nlearning_rate = 0.5\nseed = 8\n")
    (tmp_path / "b.json").write_text('{"weight_decay": 0.25, "seed": 9}')
    (tmp_path / "pyproject.toml").write_text("[tool.train]\nmax_steps = 7\nseed = 10\n")

    def hook(cls: type[BaseSettings], sources: dict[str, Any]) -> tuple[Any, ...]:
        files = (YamlConfigSettingsSource(cls), TomlConfigSettingsSource(cls, "a.toml"))
        more = (JsonConfigSettingsSource(cls, Path("b.json")), PyprojectTomlConfigSettingsSource(cls))
        return (*files, *more, sources["env_settings"])

    config = {"toml_table_header": ("x",), "pyproject_toml_table_header": ("tool", "train"), "yaml_file": "run.yaml"}
    args = ordered(hook, **config)()
    assert args.to_dict() == {"seed": 5, "learning_rate": 0.5, "weight_decay": 0.25, "max_steps": 7}
    where = {name: str(args.provenance[name].source) for name in ("seed", "learning_rate", "weight_decay")}
    assert where == {"seed": "run.yaml:1:1", "learning_rate": "a.toml:2:1", "weight_decay": "b.json:1:2"}
    assert "PyprojectTomlConfigSettingsSource" in str(args.provenance["max_steps"].source)
    (tmp_path / "a.toml").write_text('[x]\nlearning_rat = 0.5\nseed = "8"\n')
    with pytest.raises(ValidationError) as caught:
        ordered(hook, **config)()
    assert "a.toml:2:1" in str(caught.value) and "did you mean learning_rate" in str(caught.value)


class Inner(BaseModel):
    rank: int = 1


class Nested(Settings):
    inner: Inner = Inner()
    key: SecretStr | None = None


def test_nested_secrets(tmp_path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/rank").write_text("12")
    (tmp_path / "key").write_text("hf_1")

    def hook(cls: type[BaseSettings], sources: dict[str, Any]) -> tuple[Any, ...]:
        return sources["init_settings"], NestedSecretsSettingsSource(sources["file_secret_settings"])

    made = ordered(hook, Nested, secrets_dir=tmp_path, secrets_nested_subdir=True, env_prefix="")()
    assert (made.inner.rank, made.key.get_secret_value()) == (12, "hf_1")
    assert str(made.provenance["inner"].source).startswith("NestedSecretsSettingsSource")
    with pytest.raises(ValidationError, match="SRC123"):
        ordered(hook, Nested, secrets_dir=tmp_path / "no", secrets_dir_missing="error")()


def test_a_mistake_in_the_method_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        ordered(lambda cls, sources: (1 / 0,))()


def test_documents_ask_no_source() -> None:
    def hook(cls: type[BaseSettings], sources: dict[str, Any]) -> tuple[Any, ...]:
        raise AssertionError("asked")

    model = ordered(hook)
    assert model.from_dict({"seed": 1}).seed == model.model_validate({"seed": 1}).seed == 1
    assert model.from_dict({"seed": 1}).replace(seed=2).seed == 2


class Program(Settings, env_prefix="PROGRAM_"):
    number: int = 1
    inner: Inner = Inner()
    switch: bool = False

    def cli_cmd(self) -> None:
        self.number = self.number * 10


COMMAND_LINES: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "flags": ({}, ["--number", "3", "--inner.rank", "4"], {"number": 3, "inner": {"rank": 4}}),
    "prefix": ({"cli_prefix": "my"}, ["--my.number", "3"], {"number": 3}),
    "implicit": ({"cli_implicit_flags": True}, ["--switch"], {"switch": True}),
    "shortcuts": ({"cli_shortcuts": {"number": "n"}}, ["-n", "3"], {"number": 3}),
    "unknown": ({"cli_ignore_unknown_args": True}, ["--other", "3"], {}),
}


@pytest.mark.parametrize(("config", "words", "said"), COMMAND_LINES.values(), ids=COMMAND_LINES)
def test_the_command_line_of_pydantic_settings(config, words, said, monkeypatch) -> None:
    class Configured(Program, **config, cli_parse_args=words):
        pass

    made = Configured()
    assert made.to_dict() == said and Program(_cli_parse_args=words, **_of_call(config)).to_dict() == said
    assert Program(_cli_settings_source=CliSettingsSource(Configured, cli_parse_args=words)).to_dict() == said
    if "number" in said:
        assert str(made.provenance["number"].source) == "--number (command line)"


def _of_call(config: dict[str, Any]) -> dict[str, Any]:
    return {f"_{name}": value for name, value in config.items()}


def test_an_unknown_flag_ends_the_process_as_pydantic_settings_has_it(capsys) -> None:
    with pytest.raises(SystemExit):
        Program(_cli_parse_args=["--numbre", "3"])
    assert "unrecognized arguments: --numbre" in capsys.readouterr().err


def test_cli_app(monkeypatch) -> None:
    monkeypatch.setenv("PROGRAM_INNER__RANK", "5")
    made = CliApp.run(Program, cli_args=["--number", "3"], switch=True)
    assert (made.number, made.inner.rank, made.switch) == (30, 5, True)
    with pytest.raises(ValidationError, match=r"number must be a whole number(.|\n)*--number"):
        CliApp.run(Program, cli_args=["--number", "three"])
    args = CliApp.run(TrainingArguments, cli_args=["--eval_strategy", "steps", "--report_to", "jsonl"], seed=3)
    assert (args.eval_strategy, args.report_to, args.seed) == ("steps", ["jsonl"], 3)
