"""POSTs to URLs that users chose, protected against server-side request forgery (SSRF).

A host name is resolved once. Every address of it has to be public, and the connection goes to the checked address, so
a second DNS lookup cannot redirect it. HTTP redirects are not followed. Users therefore cannot reach through the
service what only the service can reach.

Undeliverable           unknown host, no connection, no response in time, or a status other than 2xx
└── PrivateAddress      the host is in a private network or on this machine
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from urllib.parse import urlsplit

from service.webhooks.public_addresses import is_public

TIMEOUT_SECONDS = 10.0
"""Of a whole request, even if the receiver sends its response byte by byte."""

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
    """Send `content`. Returns the status, which is 2xx. Raises Undeliverable."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(host, port, private=private)
    connection = _PinnedConnection(host, port, address, encrypted=parts.scheme == "https")
    deadline = Timer(TIMEOUT_SECONDS, connection.abort)
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
    """The first address of a host. Raises Undeliverable if the host is unknown.

    Raises PrivateAddress if any of its addresses is not public, unless `private` allows it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undeliverable(f"there is no host {host[:100]}") from None
    addresses = [str(each[4][0]) for each in found]
    if not private and not all(map(is_public, addresses)):
        raise PrivateAddress(host)
    return addresses[0], port


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to an address that was checked before; the host serves for the certificate and the Host header."""

    def __init__(self, host: str, port: int, address: Address, *, encrypted: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._address, self._encrypted = address, encrypted
        self.default_port = 443 if encrypted else 80

    def connect(self) -> None:
        self.sock = plain = socket.create_connection(self._address, TIMEOUT_SECONDS)
        if self._encrypted:
            context = ssl.create_default_context()
            self.sock = encrypted = context.wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            encrypted.do_handshake()

    def abort(self) -> None:
        """Close the connection; called from another thread."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
