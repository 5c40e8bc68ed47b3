"""An early refusal reaches a client that still sends, and a client that never ends is cut off."""

import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service.api.transport import lingering_close
from service.settings import Settings
from tests.service.live_server import Live, live

MEGABYTE = 1_000_000
BODY = b"x" * (50 * MEGABYTE)
JSON = {"Content-Type": "application/json"}
REFUSALS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "too large": ("POST", "/experiments", JSON, 413),
    "of the wrong type": ("POST", "/experiments", {"Content-Type": "text/plain"}, 415),
    "to nowhere": ("POST", "/nowhere", JSON, 404),
    "by a wrong method": ("DELETE", "/catalog", JSON, 405),
    "with a wrong token": ("POST", "/experiments", JSON | {"Authorization": "Bearer hold_x"}, 401),
    "of another site": ("POST", "/experiments", JSON | {"Origin": "https://evil.example"}, 403),
    "with an unknown parameter": ("POST", "/experiments?spelling=1", JSON, 422),
    "of no form": ("POST", "/datasets", JSON, 415),
}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def service(settings: Settings) -> Iterator[Live]:
    with live(settings) as service:
        yield service


def address(service: Live) -> tuple[str, int]:
    return service.client.base_url.host, service.client.base_url.port or 0


def chunks() -> Iterator[bytes]:
    yield from (BODY[:MEGABYTE] for _ in range(50))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", REFUSALS)
def test_urllib_reads_the_refusal_of_50_megabytes(
    service: Live, name: str, record_property: Callable[[str, object], None]
) -> None:
    method, path, headers, expected = REFUSALS[name]
    started = time.monotonic()
    for body in (BODY, chunks()):
        url = "http://{}:{}".format(*address(service)) + path
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        with refused.value as answer:
            assert answer.code == expected
            assert json.loads(answer.read())["status"] == expected
    seconds = time.monotonic() - started
    record_property(
        "shown", f"urllib, 50 MB {name}, plain and in chunks: {expected} both times, {seconds:.1f} s"
    )


@pytest.mark.parametrize("more", [{}, {"Expect": "100-continue"}])
def test_a_connection_that_stays_open_is_used_again_or_closed_as_the_answer_says(
    service: Live, more: dict[str, str]
) -> None:
    connection = http.client.HTTPConnection(*address(service), timeout=60)
    for _ in range(2):
        connection.request("POST", "/experiments", BODY, JSON | more)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["connection"]) == (413, "close" if more else None)
        answer.read()
    connection.request("GET", "/health")
    assert connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("length", [b"Content-Length: 100000001", b"Transfer-Encoding: chunked"])
def test_an_early_answer_to_what_may_be_cut_off_says_that_the_connection_ends(
    service: Live, length: bytes
) -> None:
    """Else the client may send its next request on a connection that is closed at this moment."""
    with socket.create_connection(address(service), timeout=10) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length + b"\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in connection.recv(65_536)


def test_a_client_that_expects_to_be_told_sends_no_body_and_the_connection_ends(service: Live) -> None:
    with socket.create_connection(address(service), timeout=10) as connection:
        connection.sendall(
            b"POST /experiments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_client_that_expects_to_be_told_is_told_to_go_on(service: Live) -> None:
    with socket.create_connection(address(service), timeout=10) as connection:
        connection.sendall(
            b"POST /experiments/validate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def send_for_ever(service: Live, *, head: bytes, piece: bytes, pause: float = 0.0) -> tuple[float, int]:
    """For how many seconds, and how many bytes, a client that does not read could send."""
    started, sent = time.monotonic(), 0
    with socket.create_connection(address(service), timeout=20) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head)
        with suppress(ConnectionError):
            while time.monotonic() - started < 20:
                connection.sendall(piece)
                sent += len(piece)
                time.sleep(pause)
    return time.monotonic() - started, sent


ENDLESS = [b"Transfer-Encoding: chunked\r\n\r\n", b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"]


def memory() -> float:
    """The most that this process has ever used, in megabytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.parametrize("head", ENDLESS, ids=["keep-alive", "close"])
def test_a_client_that_never_ends_is_cut_off_by_size(
    service: Live,
    head: bytes,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(lingering_close, "LINGER_BYTES", 60 * MEGABYTE)
    piece = b"f4240\r\n" + BODY[:MEGABYTE] + b"\r\n"
    before = memory()
    _, sent = send_for_ever(service, head=head, piece=piece)
    assert 50 * MEGABYTE < sent < 80 * MEGABYTE
    added = memory() - before
    record_property(
        "shown", f"a client that never ends: cut off after {sent / 1e6:.0f} MB, {added:.0f} MB more memory"
    )
    assert added < 20
    assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize("head", ENDLESS, ids=["keep-alive", "close"])
def test_a_client_that_trickles_is_cut_off_by_time(
    service: Live, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering_close, "LINGER_SECONDS", 1.5)
    seconds, sent = send_for_ever(service, head=head, piece=b"1\r\nx\r\n", pause=0.1)
    assert 1 < seconds < 15
    assert sent < 1000


@pytest.mark.parametrize("head", ENDLESS, ids=["keep-alive", "close"])
def test_a_client_that_stops_sending_is_cut_off_after_the_pause(
    service: Live, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering_close, "LINGER_PAUSE_SECONDS", 0.5)
    with socket.create_connection(address(service), timeout=20) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + b"1\r\nx\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 404 ")
        time.sleep(2)
        with suppress(ConnectionError):
            for _ in range(5):
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.1)
            raise AssertionError("the connection is still open")
