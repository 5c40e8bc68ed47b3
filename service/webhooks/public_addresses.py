"""Which addresses are reachable from the whole internet, and are nobody's special ones.

The lists are those of the IANA registries of special-purpose addresses. Python's `is_global` differs between its
versions, and takes site-local addresses, some documentation and relays for global.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

SPECIAL_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by a carrier's customers
            "127.0.0.0/8",  # this machine
            "169.254.0.0/16",  # link-local, and the metadata of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # relays of multicast
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
"""All others are local, special or not assigned."""
SPECIAL_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
TRANSLATED = IPv6Network("64:ff9b::/96")
ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))


def is_public(address: str) -> bool:
    """Whether an address, and the IPv4 address that it may embed, is reachable from the whole internet."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in SPECIAL_IPV4)
    if (embedded := _embedded(parsed)) and not is_public(str(embedded)):
        return False
    if parsed.ipv4_mapped or parsed in TRANSLATED:
        return True
    return parsed in GLOBAL_IPV6 and not any(parsed in network for network in SPECIAL_IPV6)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, translated (64:ff9b::/96), or ISATAP."""
    last = IPv4Address(address.packed[12:])
    if address in TRANSLATED or address.packed[8:12] in ISATAP:
        return last
    return address.ipv4_mapped or address.sixtofour
