"""POSTs to webhooks: which addresses they may reach, and when they give up."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from service.webhooks import ssrf_protection
from service.webhooks.public_addresses import is_public
from service.webhooks.ssrf_protection import PrivateAddress, Undeliverable, post, resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9",
        "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "fe80::1%lo",
        "fec0::1", "feff::1", "3fff::1", "3fff:fff::1", "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:1ff::1",
        "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "192.0.0.9", "233.252.0.1", "0.1.2.3",
        "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::808:808", "100::1", "5f00::1",
        "2620:4f:8000::1", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "4000::1", "1::1",
        "64:ff9b::c058:6301", "2002:c058:6301::1",
    ],
)  # fmt: skip
def test_private_and_reserved_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.215.14",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "64:ff9b::808:808",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::5efe:808:808",
        "3ffe::1",
        "192.0.1.1",
    ],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1", "0", "::1"])
def test_loopback_addresses_are_recognised_in_every_notation(host: str) -> None:
    with pytest.raises(Undeliverable):
        resolve(host, 80, private=False)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("1.1.1.1", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(PrivateAddress, match="HOLDOUT_WEBHOOKS_PRIVATE"):
        resolve("both.example", 80, private=False)
    assert resolve("both.example", 80, private=True) == ("1.1.1.1", 80)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Responds with the status at the end of the path, and stores the requests."""

    received: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, dict(self.headers), content))
        status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def receiver() -> Iterator[http.server.ThreadingHTTPServer]:
    Receiver.received = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_content_and_headers_arrive_unchanged(receiver: http.server.ThreadingHTTPServer) -> None:
    port = receiver.server_port
    assert post(f"http://localhost:{port}/a/204?b=c/204", b"\x00{}", {"X-Mine": "1"}, private=True) == 204
    ((path, headers, content),) = Receiver.received
    assert path == "/a/204?b=c/204"
    assert (headers["Host"], headers["X-Mine"]) == (f"localhost:{port}", "1")
    assert content == b"\x00{}"


def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    receiver: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[str] = []

    def changing(host: str, port: int, *_: object, **__: object) -> list[Any]:
        resolved.append(host)
        address = "127.0.0.1" if len(resolved) == 1 else "127.0.0.99"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    original = socket.create_connection
    monkeypatch.setattr(ssrf_protection, "is_public", lambda _: True)
    monkeypatch.setattr(socket, "getaddrinfo", changing)
    monkeypatch.setattr(socket, "create_connection", lambda address, *more: _connect(address))
    assert original is not socket.create_connection
    url = f"http://rebinding.example:{receiver.server_port}/200"
    assert post(url, b"{}", {}, private=False) == 200
    assert resolved == ["rebinding.example"]


def _connect(address: tuple[str, int]) -> socket.socket:
    assert address[0] == "127.0.0.1", "the name was resolved a second time"
    connection = socket.socket()
    connection.settimeout(5)
    connection.connect(address)
    return connection


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 500, 503])
def test_only_2xx_is_a_delivery_and_redirects_are_not_followed(
    receiver: http.server.ThreadingHTTPServer, status: int
) -> None:
    with pytest.raises(Undeliverable, match=f"answered {status}"):
        post(f"http://127.0.0.1:{receiver.server_port}/{status}", b"{}", {}, private=True)
    assert len(Receiver.received) == 1


def test_an_unreachable_host_is_undeliverable() -> None:
    with pytest.raises(Undeliverable, match="no answer: ConnectionRefusedError"):
        post("http://127.0.0.1:1/", b"{}", {}, private=True)
    with pytest.raises(Undeliverable, match="there is no host"):
        post("http://nowhere.invalid/", b"{}", {}, private=True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_responds_byte_by_byte_times_out(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssrf_protection, "TIMEOUT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def respond_slowly() -> None:
            connection, _ = server.accept()
            with connection:
                beginning = (
                    b"HTTP/1.1 200 OK\r\nX: " if scheme == "http" else b"\x16\x03\x03\x20\x00\x02\x00\x1f\xfc"
                )
                for byte in beginning + b"x" * 1000:
                    if done.wait(0.1):
                        return
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=respond_slowly)
        thread.start()
        started = time.monotonic()
        with pytest.raises(Undeliverable):
            post(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, private=True)
        assert time.monotonic() - started < 2
        done.set()
        thread.join()


def test_a_connection_without_valid_tls_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(Undeliverable, match="no encrypted connection"):
            post(f"https://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, private=True)
        thread.join()
