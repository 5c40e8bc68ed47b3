"""The address that a request is counted under: that of the client, or of its network if it has many addresses.

X-Forwarded-For is text that any client can write. Only the entries that the proxies of the settings have added count,
and only if they are addresses.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

IPV6_PREFIX = 64
"""One client usually has all addresses of such a network."""
MOST_HOPS = 16
"""The most entries of X-Forwarded-For that are read, from its end."""


def client_address(scope: Scope, proxies: Collection[Network]) -> str:
    """The address of the client of a request, or its network; empty if it has none, as on a Unix socket."""
    peer = scope["client"][0] if scope.get("client") else ""
    if not proxies:
        return _counted_under(peer)
    client = ""
    for hop in _hops(peer, scope):
        if (address := _parsed(hop)) is None:
            break
        client = hop
        if not any(address in network for network in proxies):
            break
    return _counted_under(client)


def _hops(peer: str, scope: Scope) -> Iterator[str]:
    """The address of the connection, then the entries of X-Forwarded-For, the latest first."""
    yield peer
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    yield from reversed(forwarded.decode("latin-1").rsplit(",", MOST_HOPS)[-MOST_HOPS:])


@lru_cache(maxsize=4096)
def _counted_under(client: str) -> str:
    address = _parsed(client)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address.packed, IPV6_PREFIX), strict=False))
    return str(address or "")


def _parsed(hop: str) -> Address | None:
    """An address, alone or with a port; None if it is none. One of IPv4 that is written as IPv6 is of IPv4."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        address = ip_address(hop.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
