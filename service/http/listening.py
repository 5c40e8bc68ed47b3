"""Binds the socket that the service listens on, or says why that failed and what to do."""

import errno
import socket

from service.settings import UnusableSetting

REMEDIES = {
    errno.EADDRINUSE: "Another program listens there, perhaps another Holdout (`ss -ltnp` shows which)."
    " End it, or take another port with --port or HOLDOUT_PORT; 0 takes a free one.",
    errno.EACCES: "Ports below 1024 need more rights. Take another one with --port or HOLDOUT_PORT.",
    errno.EADDRNOTAVAIL: "This machine has no such address. Take another one with --host or HOLDOUT_HOST.",
}
ANY_OTHER = "Take another address with --host or HOLDOUT_HOST, or another port with --port or HOLDOUT_PORT."


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; the server makes it listen. Raises UnusableSetting."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        remedy = REMEDIES.get(error.errno or 0, ANY_OTHER)
        reason = error.strerror or str(error)
        raise UnusableSetting(f"Cannot listen on {host}, port {port}: {reason}. {remedy}") from None
    return listening
