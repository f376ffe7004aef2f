"""Promise: of a text that is one URL all that may be its password is hidden, and each piece of it in what is said."""

from __future__ import annotations

import time

import pytest

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.text.redaction import redact_reason, redact_url, redact_whole_url, show_value

WHOLE = {
    "a space": ("sftp://me:a hunter2@host/x", "sftp://**********@host/x"),
    "two spaces and a slash": ("sftp://me:a /b hunter2@host/x", "sftp://**********@host/x"),
    "a quote": ("s3://me:a\"hunter2'@host/x", "s3://**********@host/x"),
    "a line break": ("s3://me:a\nhunter2@host/x", "s3://**********@host/x"),
    "a user with a space": ("s3://my self:hunter2@host/x", "s3://**********@host/x"),
    "a token with a space": ("https://a hunter2@host/x", "https://**********@host/x"),
    "a slash too many": ("s3:///me:hunter2@host/x", "s3://**********@host/x"),
    "a chain": ("simplecache::s3://me:a hunter2@host/x", "simplecache::s3://**********@host/x"),
    "an archive": ("zip://a::s3://me:a hunter2@host/x", "zip://**********@host/x"),
    "a second URL in the path": ("zip://a.zip::s3://me:a hunter2@host/x", "zip://**********@host/x"),
    "Azure": ("abfs://c:a hunter2@account.net/x", "abfs://**********@account.net/x"),
    "a query with a space": ("https://host/x?sig=a hunter2#top", "https://host/x?**********#top"),
    "a password with a question mark": ("s3://me:a ?hunter2@host/x", "s3://**********@**********"),
    "a pair in the path": ("https://host/token=hunter2/x", "https://host/token=**********"),
}


@pytest.mark.parametrize(("url", "shown"), WHOLE.values(), ids=WHOLE)
def test_a_whole_url(url: str, shown: str) -> None:
    assert redact_whole_url(url) == shown
    assert redact_whole_url(shown) == shown
    assert Source(SourceKind.FILE, url).name == shown
    assert "hunter2" not in show_value("output_dir", url) + show_value("x", {"a": [url]})


READABLE = (
    "/data/what?.yaml",
    "/data/a b@c/d:e",
    "C:\\Users\\me@work\\run 1.yaml",
    "file:///C:/Users/me@work/run.yaml",
    "s3://bucket/me@example.org/run 1",
    "s3://bucket/12:30@home/x",
    "gs://bucket/a: b@c",
    "http://host:8080/run 1",
    "abfss://runs@account.dfs.core.windows.net/run 1",
    "git@github.com:owner/repository.git",
    "me@example.org",
    "2026-01-01 12:30:00",
    "run at 12:30, by me@example.org",
    "see s3://bucket/x at 12:30, says me@example.org",
    "http://host:8080 is up",
)


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_credential_stays_readable(text: str) -> None:
    assert redact_whole_url(text) == text
    assert redact_reason(f"cannot read '{text}' today", text) == f"cannot read '{text}' today"


def test_a_sentence_is_no_url() -> None:
    text = "no ftp://me:hunter2@host, ask me@example.org"
    assert redact_whole_url(text) == redact_url(text) == "no ftp://**********@host, ask me@example.org"


PAIRS = {
    "JSON": ('{"password": "a b hunter2", "seed": 1}', '{"password": "**********", "seed": 1}'),
    "Python": ("f(password='a hunter2', x=1)", "f(password='**********', x=1)"),
    "the other quote inside": ("password='a \" hunter2' x", "password='**********' x"),
    "commas and braces": ('{"token": "a, {b} hunter2"} x', '{"token": "**********"} x'),
    "an escaped quote": ('{"secret": "a \\" hunter2"} x', '{"secret": "**********"} x'),
    "JSON in JSON": ('{\\"api_key\\": \\"a b hunter2\\", \\"x\\": 1}', '{\\"api_key\\": \\"**********\\", \\"x\\": 1}'),
    "a space at the start": ("password: ' hunter2' x", "password: '**********' x"),
    "no quotes": ("password=hunter2 x", "password=********** x"),
    "no second quote": ("password='hunter2 x", "password='********** x"),
    "nothing": ("password='' x='y'", "password='' x='y'"),
    "nothing in JSON": ('{"password": "", "x": "y"}', '{"password": "", "x": "y"}'),
    "null": ("tokens: 'a b'", "tokens: 'a b'"),
}


@pytest.mark.parametrize(("text", "shown"), PAIRS.values(), ids=PAIRS)
def test_a_quoted_pair(text: str, shown: str) -> None:
    assert redact_url(text) == shown
    assert redact_url(shown) == shown


# The URL, what a library says of it, what is shown of that.
REASONS = {
    "a bucket": ("s3://me:hunter2@h/x", 'no bucket "me:hunter2@h"', 'no bucket "**********@h"'),
    "cut at a slash": ("s3://me:hunter2/p@h", 'no bucket "me:hunter2"', 'no bucket "me:**********"'),
    "a port": ("ftp://me:hunter2/p@h", "no number: 'hunter2'", "no number: '**********'"),
    "in lower case": ("ftp://me:Hunter2#p@h", "no host hunter2", "no host **********"),
    "decoded": ("ftp://me:hunt%65r2@h", "no host hunter2", "no host **********"),
    "encoded": ("ftp://me:abc hunter2@h", "no abc%20hunter2", "no **********%20**********"),
    "the whole URL": ("s3://me:a 'hunter2@h/x", "no s3://me:a 'hunter2@h/x there", "no s3://**********@h/x there"),
    "a token": ("https://hunter2@h", "Bearer hunter2", "Bearer **********"),
    "a short piece": ("s3://me:red/hunter2@h", "required: 'red'", "required: '**********'"),
    "too short": ("s3://me:is/hunter2@h", "this is hunter2", "this is **********"),
    "the user": ("s3://root:hunter2@h", "root is no bucket", "root is no bucket"),
    "a query": ("http://h/x?sig=hunter2", "no /x?sig=hunter2 at h", "no /x?********** at h"),
    "a value of a query": ("http://h/x?sig=hunter2&a=1", "bad signature hunter2", "bad signature **********"),
    "none": ("s3://bucket/x", "Invalid bucket name bucket", "Invalid bucket name bucket"),
    "a path": ("/data/me:hunter2@x?abcdefgh", "hunter2 abcdefgh", "hunter2 abcdefgh"),
    "nothing": ("", "no hunter2", "no hunter2"),
}


@pytest.mark.parametrize(("url", "reason", "shown"), REASONS.values(), ids=REASONS)
def test_a_reason(url: str, reason: str, shown: str) -> None:
    assert redact_reason(reason, url) == shown
    assert redact_reason(shown, redact_whole_url(url)) == shown


@pytest.mark.parametrize(
    "text", ["a://b:" * 50_000, "a://" + "b/" * 50_000 + "@", "a://u:" + "abc/" * 50_000 + "@h", "password='" * 20_000]
)
def test_it_takes_no_time(text: str) -> None:
    begin = time.process_time()
    redact_whole_url(text)
    redact_reason(text, text)
    redact_url(text)
    assert time.process_time() - begin < 2
