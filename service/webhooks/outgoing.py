"""Requests that leave this machine, to addresses that somebody else chose: a POST, and the status of its answer.

A name is resolved once; each of its addresses has to be public, and the one that was looked at is connected to. A
redirect is not followed. So nobody reaches through the service what it alone reaches.

Undeliverable           no such host, no connection, no answer in time, or not with the status 2xx
└── PrivateAddress      it leads into a private network, or to this machine
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Timer
from urllib.parse import urlsplit

SECONDS = 10.0
"""What a request may take in all, however slowly the other side talks."""

Address = tuple[str, int]


class Undeliverable(Exception):
    """The webhook cannot be reached. `detail` gives the reason."""


class PrivateAddress(Undeliverable):
    """The webhook's URL is in a private network or on this machine."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host[:100]} is not a public address. To allow it, set HOLDOUT_WEBHOOKS_PRIVATE=1."
        )


def post(url: str, content: bytes, headers: Mapping[str, str], *, private: bool) -> int:
    """Send `content`; the status, which is 2xx. Raises Undeliverable."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(host, port, private=private)
    connection = _Pinned(host, port, address, encrypted=parts.scheme == "https")
    deadline = Timer(SECONDS, connection.abort)
    deadline.daemon = True
    deadline.start()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, content, dict(headers))
        status = connection.getresponse().status
    except ssl.SSLError as error:
        raise Undeliverable(f"no encrypted connection: {error.reason or 'TLS failed'}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Undeliverable(f"no answer: {type(error).__name__}") from None
    finally:
        deadline.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise Undeliverable(f"answered {status}")
    return status


def resolve(host: str, port: int, *, private: bool) -> Address:
    """An address of a host. Raises PrivateAddress where any of them is not public, unless `private` allows it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undeliverable(f"there is no host {host[:100]}") from None
    addresses = [str(each[4][0]) for each in found]
    if not private and not all(map(is_public, addresses)):
        raise PrivateAddress(host)
    return addresses[0], port


def is_public(address: str) -> bool:
    """Whether an address is one of the whole internet, with whatever other address is written into it."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and (embedded := _embedded(parsed)):
        return is_public(str(embedded))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, or translated (64:ff9b::/96)."""
    if address.packed[:12] == ip_address("64:ff9b::").packed[:12]:
        return IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour


class _Pinned(http.client.HTTPConnection):
    """Connects to an address that was decided on before; the host is for the certificate and the header."""

    def __init__(self, host: str, port: int, address: Address, *, encrypted: bool) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._address, self._encrypted = address, encrypted
        self.default_port = 443 if encrypted else 80

    def connect(self) -> None:
        self.sock = plain = socket.create_connection(self._address, SECONDS)
        if self._encrypted:
            context = ssl.create_default_context()
            self.sock = encrypted = context.wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            encrypted.do_handshake()

    def abort(self) -> None:
        """End it from another thread."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
