"""The address that a request is counted under."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.auth.client_addresses import MOST_HOPS, client_address

PROXIES = tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "fd00::/8")))


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return {"client": peer and (peer, 1234), "headers": [(b"host", b"x"), *headers]}


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        (None, ""),
        ("testclient", ""),
    ],
)
def test_one_client_is_counted_under_one_address_or_network(peer: str | None, counted: str) -> None:
    assert client_address(scope(peer), ()) == counted
    assert client_address(scope(peer, "198.51.100.7"), ()) == counted


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::/64"),
        ("fd00::1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", [" 192.0.2.1 , 10.1.1.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1", "10.1.1.1"], "192.0.2.1"),
        ("127.0.0.1", ["10.1.1.2, 10.1.1.1"], "10.1.1.2"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        # what the client wrote itself is left of what the first proxy wrote
        ("127.0.0.1", ["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.7, any text, 10.1.1.1"], "10.1.1.1"),
        ("192.0.2.9", ["198.51.100.7"], "192.0.2.9"),
    ],
)
def test_the_entries_of_proxies_count_up_to_the_first_that_is_none(
    peer: str, forwarded: list[str], counted: str
) -> None:
    assert client_address(scope(peer, *forwarded), PROXIES) == counted


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = client_address(scope("127.0.0.1", text), PROXIES)
    assert found == str(ip_network(found)).removesuffix("/32")


def test_of_many_entries_only_the_last_are_read() -> None:
    assert client_address(scope("127.0.0.1", _chain(20_000)), PROXIES) == "10.1.1.1"
    assert client_address(scope("127.0.0.1", _chain(MOST_HOPS - 1)), PROXIES) == "192.0.2.1"


def _chain(proxies: int) -> str:
    return ", ".join(["192.0.2.1"] + ["10.1.1.1"] * proxies)
