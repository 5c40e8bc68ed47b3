"""A client that asks as fast as it is answered, in a process of its own: python -m benchmarks.service.load

It keeps connections open and reads answers with httptools, so that it takes a fraction of the time of any server
written in Python. Prints answers a second, and how many bytes each had.
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
    """What a client got: answers a second, and the bytes of the body of each."""

    per_second: float
    size: int


class Connection(asyncio.Protocol):
    """One connection, whose answers httptools reads: it calls what a subclass has of `on_header`, `on_body`, ..."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)


class Asker(Connection):
    """The next request leaves when the answer to the last has come."""

    def __init__(self, request: bytes, status: int) -> None:
        super().__init__()
        self.request, self.expected = request, status
        self.answers = self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(self.request)

    def on_body(self, body: bytes) -> None:
        self.bytes += len(body)

    def on_message_complete(self) -> None:
        self.answers += self.parser.get_status_code() == self.expected
        self.transport.write(self.request)


def ask(port: int, path: str, *, seconds: float, core: int, tag: str = "", status: int = 200) -> Rate:
    """The rate of one server at one path; with a tag, of 304."""
    arguments = (f"--port={port}", f"--path={path}", f"--seconds={seconds}", f"--tag={tag}")
    command = python("benchmarks.service.load", *arguments, f"--status={status}")
    return Rate(**_printed(command, {core}))


def _printed(command: list[str], cores: Collection[int]) -> Any:
    with on_cores(cores):
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def _asked(port: int, request: bytes, status: int, seconds: float) -> Rate:
    loop = asyncio.get_running_loop()
    askers = [Asker(request, status) for _ in range(CONNECTIONS)]
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(seconds / 4)  # connections and caches are warm
    before, started = sum(asker.answers for asker in askers), time.perf_counter()
    await asyncio.sleep(seconds)
    answers, took = sum(asker.answers for asker in askers), time.perf_counter() - started
    if answers == before:
        raise RuntimeError(f"nothing was answered with the status {status}: {request.decode()}")
    return Rate((answers - before) / took, sum(asker.bytes for asker in askers) // max(answers, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tag", default="")
    parser.add_argument("--status", type=int, default=200)
    given = parser.parse_args()
    condition = f"If-None-Match: {given.tag}\r\n" if given.tag else ""
    request = f"GET {given.path} HTTP/1.1\r\nHost: 127.0.0.1:{given.port}\r\n{condition}\r\n".encode()
    rate = uvloop.run(_asked(given.port, request, given.status, given.seconds))
    print(json.dumps(vars(rate)))


if __name__ == "__main__":
    main()
