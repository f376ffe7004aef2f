"""The yardstick of a service: the framework's route that gives back the body it was sent, and nothing around it.

The same server with the same options as `trainspec serve` has, one route, the whole body read, sent back as it came.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/echo", echo, methods=["POST"])])
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"serving at http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
    options = uvicorn.Config(
        app, access_log=False, server_header=False, proxy_headers=False, log_level="warning", lifespan="off"
    )
    uvicorn.Server(options).run([listening])
