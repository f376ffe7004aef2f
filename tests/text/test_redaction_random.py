"""Promise: whatever is in a password or a signature is in no error and no source; what is no secret stays readable."""

from __future__ import annotations

import pickle
import traceback
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.storage import AlreadyThere, MissingPackage, NotFound, StorageError, TooLarge
from trainspec.storage.errors import already_there, failure, missing_package
from trainspec.text.redaction import HIDDEN, redact_url
from trainspec.training.checkpoint import CheckpointError

SECRET = "hunter2"
WORDS = st.text("abcxyzABC019-_.~", min_size=1, max_size=8).filter(lambda word: word.strip(".~"))
SCHEMES = st.sampled_from(["s3", "sftp", "ftp", "https", "gs", "hdfs", "simplecache::sftp", "S3"])
HOSTS = st.builds(lambda name, port: name + port, WORDS, st.sampled_from(["", ":22", ":65535"]))
PATHS = st.lists(WORDS, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))
# Nobody escapes what they paste.
NOISE = st.text("/@:?#%&=+!$ab1", max_size=6)
PASSWORDS = st.builds(lambda before, after: before + SECRET + after, NOISE, NOISE)
USERS = st.one_of(st.just(""), WORDS, st.builds(lambda name, at: f"{name}@{at}", WORDS, WORDS))
QUERIES = st.builds(lambda key, noise: f"?{key}={noise.replace('#', '')}{SECRET}&x=1", WORDS, NOISE)
WITH_PASSWORD = st.builds(
    lambda scheme, user, password, host, path: f"{scheme}://{user}:{password}@{host}{path}",
    SCHEMES,
    USERS,
    PASSWORDS,
    HOSTS,
    PATHS,
)
WITH_QUERY = st.builds(
    lambda scheme, host, path, query: f"{scheme}://{host}{path}{query}", SCHEMES, HOSTS, PATHS, QUERIES
)
SECRET_URLS = st.one_of(WITH_PASSWORD, WITH_QUERY)
AROUND = st.sampled_from(["{}", "cannot reach {} now", "'{}' is no bucket", 'URL("{}")', "{}\nand {}"])


def everything_shown(error: BaseException) -> str:
    known: dict[str, Any] = {name: value for name, value in vars(error).items() if name != "cause"}
    texts = [str(error), repr(error), repr(error.args), repr(known), *traceback.format_exception(error)]
    return "\n".join(texts) + pickle.dumps(error).decode("latin-1")


@given(SECRET_URLS, AROUND)
def test_no_error_of_storage_shows_a_secret(url: str, around: str) -> None:
    cause = OSError(around.replace("{}", url))
    errors = [
        *(kind(url, "read", str(cause), cause) for kind in (StorageError, NotFound, TooLarge, MissingPackage)),
        already_there(url),
        missing_package(url, "sftp", ImportError(str(cause))),
        *(failure(url, "write", kind(5, str(cause))) for kind in (OSError, PermissionError, FileExistsError)),
        failure(url, "write", RuntimeError(str(cause))),
    ]
    assert type(errors[4]) is AlreadyThere
    for error in errors:
        assert SECRET not in everything_shown(error)
        assert SECRET not in everything_shown(pickle.loads(pickle.dumps(error)))


@given(SECRET_URLS, AROUND)
def test_no_error_of_a_checkpoint_and_no_source_shows_a_secret(url: str, around: str) -> None:
    assert SECRET not in everything_shown(CheckpointError(url, around.replace("{}", url)))
    source = Source(SourceKind.FILE, url)
    assert SECRET not in str(source) + repr(source) + pickle.dumps(source).decode("latin-1")


@given(WITH_PASSWORD)
def test_what_is_hidden_is_the_userinfo_alone(url: str) -> None:
    scheme = url.partition("://")[0]
    userinfo, _, host_and_path = url.removeprefix(f"{scheme}://").rpartition("@")
    # After a question mark it might as well be a query that goes on behind the at sign.
    rest = HIDDEN if "?" in userinfo else host_and_path
    assert redact_url(url) == f"{scheme}://{HIDDEN}@{rest}"


READABLE = st.one_of(
    st.builds(lambda scheme, host, path: f"{scheme}://{host}{path}", SCHEMES, HOSTS, PATHS),
    st.builds(lambda host, name, at: f"s3://{host}/{name}@{at}/x", WORDS, WORDS, WORDS),
    st.builds(lambda name, account, path: f"abfs://{name}@{account}.net{path}", WORDS, WORDS, PATHS),
    st.lists(WORDS, min_size=1).map(lambda parts: str(PurePosixPath("/", *parts))),
    st.lists(WORDS, min_size=1).map(lambda parts: str(PureWindowsPath("C:\\", *parts))),
    st.lists(WORDS, min_size=1).map(lambda parts: "file:///C:/" + "/".join(parts)),
    st.builds(lambda name, at: f"C:\\Users\\{name}@{at}\\what?.yaml", WORDS, WORDS),
    st.builds(lambda host, path: f"\\\\{host}\\share{path}", WORDS, PATHS),
)


@given(READABLE)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact_url(text) == text
    assert str(StorageError(text, "read", f"no {text} there")) == f"cannot read {text}: no {text} there"
    assert str(CheckpointError(text, "gone")) == f"checkpoint {text}: gone"
