"""What is hostile below HTTP's level, on the wire of a real service: heads, framing, slowness; and what it costs."""

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
from httpx2 import Client

from tests.service.api.test_hostile import BODIES, LEAKS
from tests.service_process import ForkedService
from tests.upload_files import FLOWERS, MEGABYTE, Content, Files, bad_files, made

MOST_MEGABYTES = 128
"""That all of it, eight at a time and over and over, may add to what the service has ever used."""
ROUNDS = 2
POST = b"POST /experiments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
GET = b"GET /experiments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
NEVER = b"X-Never: "
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"2\r\n{}\r\n0\r\n"

RAW: dict[str, tuple[Content, int]] = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a path of bytes": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an address of 100,000 letters": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a header of 60 MB": (lambda: GET + NEVER + b"a" * 60 * MEGABYTE, 431),
    "headers of 60 MB": (lambda: GET + b"X-A: a\r\n" * (60 * MEGABYTE // 8), 431),
    "a header with NUL": (GET + b"X-A: \x00\r\n\r\n", 400),
    "a header that is folded": (GET + b"X-A: a\r\n b\r\n\r\n", 400),
    "a header without a name": (GET + b": a\r\n\r\n", 400),
    "a space before the colon": (GET + b"X-A : a\r\n\r\n", 400),
    "another version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "a method of another protocol": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
    "a name of another host": (b"GET /experiments HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "no name of a host": (b"GET /experiments HTTP/1.1\r\n\r\n", 421),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400),
    "a length and chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a length of 2^70": (POST + b"Content-Length: 1180591620717411303424\r\n\r\n{}", 400),
    "a length of 10^18": (POST + b"Content-Length: 1000000000000000000\r\n\r\n{}", 413),
    "a chunk of a length that is none": (
        CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
        400,
    ),
    "chunks without end": (
        CHUNKED + b"a\r\n          \r\n" * 200_000,
        413,
    ),
    "a trailer of 60 MB": (
        lambda: CHUNKED + LAST_CHUNK + NEVER + b"a" * 60 * MEGABYTE,
        431,
    ),
    "trailers of 60 MB": (
        lambda: CHUNKED + LAST_CHUNK + b"X-A: a\r\n" * (60 * MEGABYTE // 8),
        431,
    ),
    "a chunk extension of 60 MB": (lambda: CHUNKED + b"2;" + b"a" * 60 * MEGABYTE, 431),
    "trailers": (CHUNKED + LAST_CHUNK + b"X-A: a\r\nExpect: 100-continue\r\n\r\n", 202),
    "an upgrade": (
        GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
        200,
    ),
    "a token of 60,000 letters": (GET + b"Authorization: Bearer " + b"a" * 60_000 + b"\r\n\r\n", 200),
    "a tag of 60,000 letters": (GET + b"If-None-Match: " + b'"' * 60_000 + b"\r\n\r\n", 200),
    "a forged place in a stream": (
        b"GET /experiments/1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: \xff\xfe\r\n\r\n",
        422,
    ),
    "a type of bytes": (POST.replace(b"application/json", b"\xff\xfe") + b"Content-Length: 2\r\n\r\n{}", 415),
    "JSON that is compressed": (
        POST
        + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        400,
    ),
    "a range": (GET + b"Range: bytes=0-1,0-2,0-3\r\n\r\n", 200),
}
SLOW: dict[str, tuple[bytes, int | None]] = {
    "nothing": (b"", None),
    "half a request line": (b"GET /experi", 408),
    "headers that do not end": (GET + NEVER + b"a", 408),
    "a body that does not come": (POST + b"Content-Length: 100\r\n\r\n{", 408),
    "a chunk that does not come": (CHUNKED + b"64\r\n{", 408),
    "a chunk without content": (CHUNKED + b"64\r\n", 408),
    "trailers that do not end": (CHUNKED + LAST_CHUNK + b"X-A: a\r\n", 408),
}
"""What is sent, and then nothing more; without an answer, the connection is closed."""


class Service:
    """The program, and its address."""

    def __init__(self, program: ForkedService) -> None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text())
        assert found is not None
        self.program, self.port = program, int(found[1])
        self.client = Client(base_url=found[0], timeout=60)

    def open(self, content: bytes) -> socket.socket:
        """A connection on which this was sent, or as much of it as was taken."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before its end
            connection.sendall(content)
        return connection

    def peak(self) -> float:
        """The most memory that it has ever used, in megabytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.program.id}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all. It has to be well when all is over."""
    folder = tmp_path_factory.mktemp("wire")
    program = ForkedService("serve", data_dir=folder, log=folder / "log", workers=0, port=0)
    try:
        program.wait_for("Holdout answers on")
        service = Service(program)
        with service.client:
            yield service
            assert service.client.get("/ready").status_code == 200
        assert "Traceback" not in program.log.read_text()
    finally:
        program.end()


def status(received: bytes) -> int | None:
    return int(received.split(b" ", 2)[1]) if received else None


def received(connection: socket.socket) -> bytes:
    """The answer; nothing where the connection was closed without one."""
    answer = b""
    with connection, suppress(ConnectionResetError):
        while not _is_whole(answer):
            if not (piece := connection.recv(65_536)):
                break
            answer += piece
    return answer


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


@pytest.mark.parametrize("name", RAW)
def test_what_is_wrong_on_the_wire_is_refused(service: Service, name: str) -> None:
    content, expected = RAW[name]
    answer = received(service.open(made(content)))
    assert status(answer) == expected, answer
    assert not [leak for leak in LEAKS if leak.encode() in answer]
    if expected >= 400 and answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body)["status"] == expected


def test_what_never_comes_is_not_waited_for_and_holds_up_nobody(service: Service) -> None:
    with ExitStack() as stack:
        connections = {
            name: [stack.enter_context(service.open(content)) for _ in range(20)]
            for name, (content, _) in SLOW.items()
        }
        answers = [service.client.get("/experiments").status_code for _ in range(20)]
        assert answers == [200] * 20
        statuses = {name: {status(received(each)) for each in connections[name]} for name in connections}
    assert statuses == {name: {expected} for name, (_, expected) in SLOW.items()}


@pytest.mark.thorough
def test_all_that_is_hostile_together_takes_little_memory(service: Service) -> None:
    """The bodies of test_hostile.py, every bad upload, and what is above, eight at a time."""
    upload(service, "first", "csv", {"file": FLOWERS})
    before = service.peak()
    bodies = [partial(post, service, content) for content, _ in BODIES.values()]
    uploads = [partial(upload, service, "bad", kind, files()) for kind, files, _, _ in bad_files().values()]
    raws = [partial(ask, service, made(content)) for content, _ in RAW.values()]
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda case: case(), (*bodies, *uploads, *raws)))
    added = service.peak() - before
    counts = f"{len(bodies)} bodies, {len(uploads)} uploads, {len(raws)} requests"
    print(f"\n{counts}: {added:.0f} MB above {before:.0f} MB")  # noqa: T201
    assert added < MOST_MEGABYTES
    assert not [each for each in statuses if each is not None and each >= 500]


def ask(service: Service, content: bytes) -> int | None:
    return status(received(service.open(content)))


def post(service: Service, content: bytes) -> int:
    headers = {"Content-Type": "application/json"}
    return service.client.post("/experiments", content=content, headers=headers).status_code


def upload(service: Service, name: str, kind: str, files: Files) -> int:
    form = {"name": name, "format": kind}
    return service.client.post("/datasets", data=form, files=files).status_code
