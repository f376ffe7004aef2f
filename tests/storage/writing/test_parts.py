"""Large files go up to S3 in parts, several at a time, in their order, and with bounded memory."""

from __future__ import annotations

import random
from typing import Any

import fsspec
import pytest

from trainspec.storage import StorageError, open_store
from trainspec.storage.pieces import parts
from trainspec.storage.pieces.parts import Parts

s3fs = pytest.importorskip("s3fs")

PART = 5 << 20


@pytest.fixture
def sent(s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Of every part that went up: its number, its bytes, and how many were under way with it."""
    monkeypatch.setattr(parts, "_PART", PART)
    monkeypatch.setattr(parts, "_IN_MEMORY", 4 * PART)
    found: list[tuple[int, int, int]] = []
    under_way: set[int] = set()
    call = s3fs.S3FileSystem._call_s3

    async def noted(self: Any, method: str, *words: Any, **named: Any) -> Any:
        if method != "upload_part":
            return await call(self, method, *words, **named)
        under_way.add(named["PartNumber"])
        found.append((named["PartNumber"], len(named["Body"]), len(under_way)))
        try:
            return await call(self, method, *words, **named)
        finally:
            under_way.remove(named["PartNumber"])

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", noted)
    return found


@pytest.mark.parametrize("more", [0, 1, 12345])
def test_parts_are_sent_side_by_side_and_joined_in_their_order(
    s3_bucket: str, sent: list[tuple[int, int, int]], more: int
) -> None:
    store = open_store(f"{s3_bucket}/side-by-side")
    content = random.Random(0).randbytes(6 * PART + more)

    def write(file: Any) -> None:
        for start in range(0, len(content), 3_000_001):
            file.write(memoryview(content)[start : start + 3_000_001])

    assert store.write("a.bin", write).size == len(content)
    assert store.read_bytes("a.bin") == content
    assert [size for _, size, _ in sorted(sent)] == [PART] * 6 + [more] * (more > 0)
    # What is in memory holds four: where all are under way, the next one waits to be filled.
    assert 2 <= max(beside for *_, beside in sent) <= 4


@pytest.mark.parametrize("size", [0, 1, PART - 1])
def test_what_is_less_than_a_part_is_one_request(s3_bucket: str, sent: list[tuple[int, int, int]], size: int) -> None:
    store = open_store(f"{s3_bucket}/small")
    store.write("a.bin", lambda file: file.write(b"x" * size))
    assert store.read_bytes("a.bin") == b"x" * size and sent == []


def test_a_part_that_is_refused_ends_the_file_and_leaves_nothing(
    s3_bucket: str, sent: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = s3fs.S3FileSystem._call_s3

    async def refused(self: Any, method: str, *words: Any, **named: Any) -> Any:
        if named.get("PartNumber") == 2:
            raise PermissionError("not this one")
        return await noted(self, method, *words, **named)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", refused)
    store = open_store(f"{s3_bucket}/refused")
    with pytest.raises(StorageError, match="not this one"):
        store.write("a.bin", lambda file: file.write(bytes(8 * PART)))
    assert store.entries() == []
    answer = s3fs.S3FileSystem().call_s3("list_multipart_uploads", Bucket=s3_bucket.removeprefix("s3://"))
    assert answer.get("Uploads", []) == []


@pytest.mark.parametrize("size", [1, 3 * PART])
def test_what_the_user_says_of_every_object_holds_for_these(
    s3_bucket: str, sent: list[tuple[int, int, int]], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"s3_additional_kwargs": {"ServerSideEncryption": "AES256", "StorageClass": "STANDARD_IA"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", said)
    open_store(f"{s3_bucket}/said").write("a.bin", lambda file: file.write(bytes(size)))
    bucket = s3_bucket.removeprefix("s3://")
    found = s3fs.S3FileSystem().call_s3("head_object", Bucket=bucket, Key="said/a.bin")
    assert (found["ServerSideEncryption"], found["StorageClass"]) == ("AES256", "STANDARD_IA")
    assert len(sent) == size // PART


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, {"x-amz-checksum-algorithm": "CRC32"}),
        # For servers that know nothing of checksums.
        ({"config_kwargs": {"request_checksum_calculation": "when_required"}}, {}),
        ({"s3_additional_kwargs": {"ChecksumAlgorithm": "SHA256"}}, {"x-amz-checksum-algorithm": "SHA256"}),
    ],
)
def test_the_whole_is_held_against_the_checksums_of_its_parts(
    s3_bucket: str, sent: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch, said: Any, told: dict[str, str]
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "s3", said)
    store = open_store(f"{s3_bucket}/checksums")
    requests: list[tuple[str, dict[str, Any]]] = []

    def note(request: Any, **_: Any) -> None:
        if request.method == "POST":
            headers = {str(name).lower(): value for name, value in request.headers.items()}
            requests.append((bytes(request.body or b"").decode(), headers))

    filesystem = vars(store)["_filesystem"]
    fsspec.asyn.sync(filesystem.loop, filesystem.set_session)
    client = fsspec.asyn.sync(filesystem.loop, filesystem.get_s3, s3_bucket.removeprefix("s3://"))
    client.meta.events.register("before-send.s3", note)
    store.write("a.bin", lambda file: file.write(bytes(3 * PART)))
    assert store.read_bytes("a.bin") == bytes(3 * PART)
    (_, begun), (ended, _) = requests
    assert {name: bytes(value).decode() for name, value in begun.items() if name.startswith("x-amz-checksum")} == told
    for algorithm in told.values():
        assert ended.count(f"<Checksum{algorithm}>") == 3


@pytest.mark.parametrize("fixed", [False, True])
def test_parts_grow_so_that_ten_thousand_are_enough(fixed: bool) -> None:
    class Files:
        fixed_upload_size = fixed

        def split_path(self, path: str) -> tuple[str, str, None]:
            return "bucket", path, None

    file = Parts(Files(), "a.bin")
    sizes = []
    for sent in (0, 2499, 2500, 9999):
        file._sent = [{}] * sent
        sizes.append(file._size)
    mebibytes = [8, 8, 8, 8] if fixed else [8, 8, 16, 64]
    assert sizes == [size << 20 for size in mebibytes]
