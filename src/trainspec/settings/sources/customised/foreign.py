"""Sources of pydantic-settings that are not ours, people's own too, as layers: asked once, for what is still open.

One that lists nothing by itself is asked field by field, for the fields that no stronger source gave. Each has a time
limit, since a secret manager that does not answer would otherwise hold every start up. What it raises is told by the
exception's type alone: its text may hold what was read.
"""

from __future__ import annotations

import contextvars
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.cloud.refusals import refusal_of
from trainspec.settings.sources.cloud.silence import silent
from trainspec.settings.sources.customised.options import TIME_LIMIT
from trainspec.settings.sources.customised.swallowed import Overheard
from trainspec.settings.sources.layer import Layer, Path
from trainspec.settings.sources.reading import Reading
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import shape_of
from trainspec.text.redaction import printable, redact_url, shortened

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

    from trainspec.settings.base import Settings

T = TypeVar("T")

_SAYS = {
    "SRC120": "is not there",
    "SRC121": "refuses to be read: no credentials, expired ones, or no permission",
    "SRC122": "does not answer",
    "SRC123": "fails",
}
# The only words of pydantic-settings' own errors that are shown: they name a field and a source, never a value.
_OF_FIELD = re.compile(r'error (?:getting|parsing) value for field "(\w+)"')


def read_foreign(
    model: type[Settings],
    source: PydanticBaseSettingsSource,
    *,
    said: frozenset[str] = frozenset(),
    limit: float | None = TIME_LIMIT,
) -> tuple[Layer, list[Diagnostic]]:
    """What a source says about the settings that are not among those `said`, and what is wrong with it.

    `limit` is in seconds; None for one that waits for nothing, such as a command line, and may end the process.
    Nothing else that the source raises gets out of here.
    """
    name = _described(source, ())
    found: list[Diagnostic] = []
    ask, overheard = partial(_ask, model, source, said), Overheard(source)
    try:
        values = ask() if limit is None else within(limit, ask, name)
    except SourceError as error:
        return Layer(_kind_of(source), {}, _locate(source)), list(error.diagnostics)
    if not isinstance(values, Mapping):
        found.append(_failed(name, f"gives {type(values).__name__} where a mapping of settings is expected"))
        values = {}
    reading = Reading(model, _kind_of(source), _manner_of(source), _locate(source))
    layer = reading.read(values)
    found += _refused(_described(source, ()), overheard.refusals(model, said, gave=bool(values)))
    return layer, [*found, *reading.diagnostics, *_misspelled(model, source)]


def _refused(name: str, refusals: Iterable[tuple[str, Exception, bool]]) -> Iterator[Diagnostic]:
    """One diagnostic a kind of refusal; a warning where it may be that there is nothing to read."""
    kinds: dict[tuple[str | None, bool], tuple[Exception, list[str]]] = {}
    for field, error, certain in refusals:
        kinds.setdefault((refusal_of(error), certain), (error, []))[1].append(field)
    for (_, certain), (error, fields) in kinds.items():
        found = failure(name, error, fields=dict.fromkeys(fields))
        yield found if certain else replace(found, severity="warning")


def name_of(source: Any) -> str:
    """The name that people know a source by: that of its class, or of the function that it is."""
    return str(getattr(source, "__name__", None) or type(source).__name__)


def _kind_of(source: Any) -> SourceKind:
    from pydantic_settings import CliSettingsSource

    return SourceKind.FLAG if isinstance(source, CliSettingsSource) else SourceKind.FOREIGN


def _locate(source: Any) -> Callable[[Path], Source]:
    if _kind_of(source) is SourceKind.FLAG:
        dash = "-" if getattr(source, "cli_kebab_case", False) else "_"
        return lambda path: Source(SourceKind.FLAG, f"--{'.'.join(path).replace('_', dash)}")
    return lambda path: Source(SourceKind.FOREIGN, _described(source, path))


def _described(source: Any, path: Path) -> str:
    """The source's name, with that of the secret or file and its version where the source tells them."""
    name = name_of(source)
    describe = getattr(source, "describe", None)
    if callable(describe):
        try:
            return f"{name} {describe('.'.join(path))}" if path else name
        except Exception:  # a name in an error must never be the next error
            return name
    attributes = (
        "_secret_id",
        "_ssm_path",
        "_project_id",
        "_url",
        "yaml_file_path",
        "json_file_path",
        "toml_file_path",
    )
    place = next((str(value) for one in attributes if (value := getattr(source, one, None))), "")
    if not place:
        return name
    version = getattr(source, "_version_id", None)
    key = f"#{'.'.join(path)}" if path and not place.endswith((".yaml", ".yml", ".json", ".toml")) else ""
    return f"{name} {place}{key}" + (f" version {version}" if version else "")


def _manner_of(source: Any) -> Manner:
    """A file holds types; everything else may hold text, which is read as from the environment."""
    from pydantic_settings.sources.base import ConfigFileSourceMixin

    return Manner.DOCUMENT if isinstance(source, ConfigFileSourceMixin) else Manner.STRINGS


class _Open:
    """A settings class as a source sees it that is asked for some of its fields only."""

    def __init__(self, model: type[Settings], fields: Mapping[str, Any]) -> None:
        self._model = model
        self.model_fields = self.__pydantic_fields__ = dict(fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._model(*args, **kwargs)


def _ask(model: type[Settings], source: Any, said: frozenset[str]) -> Any:
    """What the source answers where it sees none of the fields that a stronger one gave."""
    whole = getattr(source, "settings_cls", None)
    if whole is not model or not said:
        return source()
    source.settings_cls = _Open(model, {name: info for name, info in model.model_fields.items() if name not in said})
    try:
        return source()
    finally:
        source.settings_cls = whole


def _misspelled(model: type[Settings], source: Any) -> Iterator[Diagnostic]:
    """Names in what the source read that are almost a setting's, and those with our prefix that are none.

    Sources of pydantic-settings pick what they know and drop the rest; most of it is other programs'.
    """
    from pydantic_settings import EnvSettingsSource

    held = getattr(source, "env_vars", None)
    if not isinstance(source, EnvSettingsSource) or not isinstance(held, dict):
        return
    if type(source)._load_env_vars is EnvSettingsSource._load_env_vars and not source.env_prefix:
        return
    from trainspec.text.suggestions import nearest

    shape, prefix = shape_of(model), source.env_prefix or ""
    known = {*shape.kinds, *shape.spellings}
    delimiter = source.env_nested_delimiter or "\0"
    for key in held:
        if not key.lower().startswith(prefix.lower()):
            continue
        name = key[len(prefix) :].lower()
        head = name.partition(delimiter)[0]
        if head in known:
            continue
        near = nearest(head, shape.kinds if prefix else shape.secrets)
        if near is not None or prefix:
            yield _near_miss(source, key, near, prefix)


def _near_miss(source: Any, key: str, near: str | None, prefix: str) -> Diagnostic:
    code = CODES["SRC102" if prefix else "SRC116"]
    where = Source(SourceKind.FOREIGN, _described(source, (key,)))
    message = printable(f"{key} in {name_of(source)} matches no setting")
    remedy = f"did you mean {prefix}{near}?" if near is not None else code.fix
    evidence = (Evidence(near or printable(key), None, where),)
    kind = "SRC102" if prefix else "SRC116"
    return Diagnostic(kind, code.name, "error" if prefix else "warning", message, code.reason, remedy, evidence)


def within(limit: float, work: Callable[[], T], name: str) -> T:
    """What `work` gives, done in a thread of its own. Raises SourceError: it failed, or took more than `limit` seconds.

    The thread of one that is too late is left behind; it does not keep the process from ending.
    """
    answer: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with silent():
                answer.append(work())
        except BaseException as error:  # of whatever kind, it belongs to the source and not to this thread
            failed.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name=f"trainspec {name}", daemon=True)
    thread.start()
    thread.join(limit)
    # Raised here and not where it was caught: what the source's exception holds must not be shown as the cause.
    if failed:
        raise SourceError(failure(_source_in(_frames_of(failed[0])) or name, failed[0]))
    if not answer:
        stuck = sys._current_frames().get(thread.ident or 0)
        raise SourceError(_refusal("SRC122", _source_in(_callers(stuck)) or name, f"within {limit:g} s"))
    return answer[0]


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    place = error.__traceback__
    while place is not None:
        yield place.tb_frame
        place = place.tb_next


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _source_in(frames: Iterable[FrameType]) -> str | None:
    """The source at work in these frames: several may be made in one method of a class."""
    from pydantic_settings import PydanticBaseSettingsSource

    at_work = (frame.f_locals.get("self") for frame in frames)
    source = next((one for one in at_work if isinstance(one, PydanticBaseSettingsSource)), None)
    return None if source is None else _described(source, ())


def is_refusal(error: BaseException) -> bool:
    """Whether the fault is of what a source reads (it is missing, denied, unreachable), rather than of its code."""
    from pydantic_settings import SettingsError

    return isinstance(error, SourceError | ImportError | SettingsError) or refusal_of(error) is not None


def failure(name: str, error: BaseException, *, fields: Iterable[str] = ()) -> Diagnostic:
    """Why a source gave nothing: missing, denied, unreachable, or failed. The exception's text is never shown."""
    if isinstance(error, SourceError):
        return error.diagnostics[0]
    if isinstance(error, ImportError):
        return _missing_package(name, error)
    code = refusal_of(error)
    about = _OF_FIELD.match(str(error)) if type(error).__name__ == "SettingsError" else None
    named = [about[1]] if about else list(fields)
    if code is not None:
        return _refusal(code, name, type(error).__name__ if about is None else type(error.__cause__).__name__, named)
    cause = error.__cause__ if about is not None and error.__cause__ is not None else error
    place = next((f" at {one.filename}:{one.lineno}" for one in reversed(_frames(cause))), "")
    return _failed(name, f"fails: {_own_words(cause) or type(cause).__name__ + place}", named)


def _own_words(error: BaseException) -> str:
    """What pydantic-settings itself says of a folder or an option, which holds nothing of what was read."""
    from pydantic_settings import SettingsError

    said = isinstance(error, SettingsError) and error.__cause__ is None and error.__context__ is None
    frames = traceback.extract_tb(error.__traceback__)
    return shortened(redact_url(str(error)), 200) if said and "pydantic_settings" in frames[-1].filename else ""


def _missing_package(name: str, error: ImportError) -> Diagnostic:
    text = CODES["SRC111"]
    evidence = (Evidence("", None, Source(SourceKind.FOREIGN, name)),)
    message = printable(f"{name} needs a package that is not installed: {error}")
    return Diagnostic("SRC111", text.name, "error", message, text.reason, text.fix, evidence)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Where in people's own code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    # os.environ["NAME"] raises inside Python's own modules, some of which have no file.
    others = ("site-packages", "/trainspec/settings/", "<frozen ", os.path.dirname(os.__file__))
    return [one for one in frames if not any(other in one.filename for other in others)]


def _refusal(code: str, name: str, detail: str, fields: Iterable[str] = ()) -> Diagnostic:
    text = CODES[code]
    evidence = tuple(Evidence(field, None, Source(SourceKind.FOREIGN, name)) for field in fields or ("",))
    return Diagnostic(code, text.name, "error", f"{name} {_SAYS[code]} ({detail})", text.reason, text.fix, evidence)


def _failed(name: str, what: str, fields: Iterable[str] = ()) -> Diagnostic:
    text = CODES["SRC123"]
    evidence = tuple(Evidence(field, None, Source(SourceKind.FOREIGN, name)) for field in fields or ("",))
    return Diagnostic("SRC123", text.name, "error", printable(f"{name} {what}"), text.reason, text.fix, evidence)
