"""A process of its own: saves to an S3 server on the loopback interface, and the same bytes by the raw clients.

uploading.py ROUNDS FILE    FILE gets, for every round, the seconds of each

The server is another process, so that it does not take turns with the clients.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.checkpoints.job import Wide
from benchmarks.training.loops import quiet
from trainspec.storage import open_store
from trainspec.training.checkpoint import save_checkpoint
from trainspec.training.checkpoint.contents import Contents, pack

SERVER = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """Its URL, which the environment names from here on, and the clients find there."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        os.environ |= {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield url
    finally:
        server.kill()
        server.communicate()


def main(rounds: str, file: str) -> None:
    quiet()
    folder = Path(file).parent
    files = pack(Contents(Wide().state_dict()))
    local = save_checkpoint(open_store(folder / "local"), 1, files)
    paths = sorted(path for path in Path(local.url).iterdir() if path.is_file())
    found = []
    with s3_server() as url:
        import boto3
        import s3fs

        bare, s3 = boto3.client("s3"), s3fs.S3FileSystem(endpoint_url=url)
        s3.mkdir("bench")
        store = open_store("s3://bench/run")
        # Its client is made with the first request, boto3's by name.
        assert not store.exists("checkpoint-1")

        def ours() -> None:
            save_checkpoint(store, 1, files)

        def by_s3fs() -> None:
            for path in paths:
                s3.put_file(str(path), f"bench/s3fs/{path.name}")

        def by_boto3() -> None:
            for path in paths:
                bare.upload_file(str(path), "bench", f"boto3/{path.name}")

        ways = {"ours": ours, "s3fs": by_s3fs, "boto3": by_boto3}
        # Before the first round the server's memory is new to it.
        for number in range(-len(ways), int(rounds)):
            seconds = {}
            # Who comes first changes from round to round.
            for name in [*ways][number % len(ways) :] + [*ways][: number % len(ways)]:
                start = time.perf_counter()
                ways[name]()
                seconds[name] = time.perf_counter() - start
                s3.rm("bench/" + ("run" if name == "ours" else name), recursive=True)
            if number >= 0:
                found.append(seconds)
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
