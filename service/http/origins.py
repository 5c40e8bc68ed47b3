"""Requests that a browser sends on behalf of somebody else.

An open service trusts its own machine, and a browser there runs other people's pages. Such a page can send
requests here, though not read the answers (CrossSite); or it can give its own name this machine's address, and
then read them too (ForeignHost).
"""

from collections.abc import Collection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class CrossSite(PermissionError):
    """A page of another site wants to change something here."""

    def __init__(self) -> None:
        super().__init__(
            "A page of another site sent this; list its origin in HOLDOUT_CORS_ORIGINS to let it do so."
        )


class ForeignHost(PermissionError):
    """The request reached this machine itself, but was meant for another name."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Without tokens this service answers to its own machine alone, not to the name {host[:100]!r}. "
            "Make a token (holdout token create), or ask for 127.0.0.1 or localhost."
        )


def cors(origins: Collection[str]) -> dict[str, Any]:
    """The settings of Starlette's CORSMiddleware: what a page of these origins may send, and read."""
    return {
        "allow_origins": list(origins),
        "allow_methods": ["GET", "HEAD", "POST", "DELETE"],
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
    """Raise CrossSite where a page that is not of a trusted origin wants to change something.

    Browsers say Sec-Fetch-Site; old ones, and all on plain HTTP, at least send Origin with what is not safe.
    """
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin in trusted:
        return
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or _authority(origin) == request.headers.get("host")
    if not ours:
        raise CrossSite


def require_own_name(request: Request) -> None:
    """Raise ForeignHost where a connection to a loopback address asks for a name that is not this machine's."""
    address, *_ = request.scope.get("server") or ("",)
    host = request.headers.get("host", "")
    if is_loopback(address) and not is_loopback(_hostname(host)):
        raise ForeignHost(host)


def is_loopback(host: str) -> bool:
    """Whether a name or an address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
