"""Requests that a browser sends on behalf of a page of another site.

An open service trusts its own machine, and a browser there runs other people's pages. Such a page can send
requests here, though it cannot read the responses (CrossSite); or its host name can resolve to this machine's
address, and then it can read them too (ForeignHost).
"""

from collections.abc import Collection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class CrossSite(PermissionError):
    """A page of another site sent a request that it may not send."""

    def __init__(self, origin: str | None = None) -> None:
        whose = "The page's origin" if origin is None else f"The page's origin, {origin[:100]},"
        super().__init__(
            f"{whose} is not allowed to use this service. To allow it, add it to HOLDOUT_CORS_ORIGINS and restart "
            "the service."
        )


class ForeignHost(PermissionError):
    """An open service does not answer to the host name of the request."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Without tokens, this service does not answer to the host name {host[:100]!r}. Create a token "
            "(holdout token create), use 127.0.0.1 or localhost, or add the name to HOLDOUT_HOSTS."
        )


def cors(origins: Collection[str]) -> dict[str, Any]:
    """The settings of Starlette's CORSMiddleware: what pages of these origins may send and read."""
    return {
        "allow_origins": list(origins),
        "allow_methods": ["GET", "HEAD", "POST", "PATCH", "DELETE"],
        "allow_headers": [
            "Authorization",
            "Idempotency-Key",
            "If-None-Match",
            "Last-Event-ID",
            "X-Request-ID",
        ],
        "expose_headers": ["ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
    }


def require_same_site(request: Request, trusted: Collection[str]) -> None:
    """Raise CrossSite if a page of an origin that is not trusted sent a request that changes something.

    Browsers send Sec-Fetch-Site. Old ones, and all of them on plain HTTP, at least send Origin with such requests.
    """
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin in trusted:
        return
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or is_of(origin, request.headers.get("host"))
    if not ours:
        raise CrossSite(origin)


def require_no_embedding(request: Request, trusted: Collection[str]) -> None:
    """Raise CrossSite if a page of another site makes a browser read here. For an open service.

    The page cannot see the response, but it sees that there is one, how long it takes, and it can ask for expensive
    ones. A link that a user follows is no such request.
    """
    if request.headers.get("sec-fetch-site") != "cross-site":
        return
    origin = request.headers.get("origin")
    is_navigation = (
        request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
    if origin not in trusted and not is_navigation:
        raise CrossSite(origin)


def is_of(origin: str, host: str | None) -> bool:
    """Whether an origin has the host and port that a request was sent to."""
    return _authority(origin) == host


def require_own_name(request: Request, names: Collection[str], *, trusted: bool) -> None:
    """Raise ForeignHost if the request's host name is neither this machine's own nor in `names`. For an open service.

    If the network is `trusted`, any address is accepted too: a page can point a host name at another machine, but
    not an address.
    """
    address, *_ = request.scope.get("server") or ("",)
    host = request.headers.get("host", "")
    hostname = _hostname(host)
    if is_loopback(hostname) or hostname in names:
        return
    if trusted and _is_address(hostname):
        return
    if trusted or is_loopback(address):
        raise ForeignHost(host)


def is_loopback(host: str) -> bool:
    """Whether a name or an address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _hostname(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
