"""A load generator in its own process: python -m benchmarks.service.load

Each connection stays open and sends the next request when the response to the last has arrived. httptools parses the
responses, so the client takes a fraction of the time of any server written in Python. Prints the responses per second
and the bytes of each.
"""

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import httptools
import uvloop

from benchmarks.service.servers import on_cores, python

CONNECTIONS = 8


@dataclass(frozen=True)
class Rate:
    """Responses per second, and the bytes of each body."""

    per_second: float
    size: int


class Connection(asyncio.Protocol):
    """A connection whose responses httptools parses; it calls `on_header`, `on_body`, ... of a subclass."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transport is no subclass of it

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)


class LoadConnection(Connection):
    """Sends the next request when the response to the last one has arrived."""

    def __init__(self, request: bytes, status: int) -> None:
        super().__init__()
        self.request, self.expected = request, status
        self.responses = self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(self.request)

    def on_body(self, body: bytes) -> None:
        self.bytes += len(body)

    def on_message_complete(self) -> None:
        self.responses += self.parser.get_status_code() == self.expected
        self.transport.write(self.request)


def measure_rate(
    port: int, path: str, *, seconds: float, core: int, etag: str = "", status: int = 200
) -> Rate:
    """The rate of one server at one path. With an `etag`, the requests are conditional; pass `status=304`."""
    arguments = (f"--port={port}", f"--path={path}", f"--seconds={seconds}", f"--etag={etag}")
    command = python("benchmarks.service.load", *arguments, f"--status={status}")
    return Rate(**_printed(command, {core}))


def _printed(command: list[str], cores: Collection[int]) -> Any:
    with on_cores(cores):
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def _rate(port: int, request: bytes, status: int, seconds: float) -> Rate:
    loop = asyncio.get_running_loop()
    connections = [LoadConnection(request, status) for _ in range(CONNECTIONS)]
    for each in connections:
        await loop.create_connection(lambda each=each: each, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(seconds / 4)  # until connections and caches are warm
    before, started = sum(each.responses for each in connections), time.perf_counter()
    await asyncio.sleep(seconds)
    responses, took = sum(each.responses for each in connections), time.perf_counter() - started
    if responses == before:
        raise RuntimeError(f"no response had the status {status}: {request.decode()}")
    return Rate((responses - before) / took, sum(each.bytes for each in connections) // max(responses, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--etag", default="")
    parser.add_argument("--status", type=int, default=200)
    arguments = parser.parse_args()
    condition = f"If-None-Match: {arguments.etag}\r\n" if arguments.etag else ""
    request = f"GET {arguments.path} HTTP/1.1\r\nHost: 127.0.0.1:{arguments.port}\r\n{condition}\r\n".encode()
    rate = uvloop.run(_rate(arguments.port, request, arguments.status, arguments.seconds))
    print(json.dumps(vars(rate)))


if __name__ == "__main__":
    main()
