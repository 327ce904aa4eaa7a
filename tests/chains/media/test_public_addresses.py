"""Which addresses a picture may be fetched from."""

import ipaddress

import pytest

from chains.media.public_addresses import is_public

PUBLIC = ("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "168.63.129.15", "192.0.1.1", "223.255.255.255")
INNER = (
    *("0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "198.18.0.1", "198.19.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "169.254.0.1", "192.0.0.1", "192.0.0.9"),
)
METADATA = (
    pytest.param("169.254.169.254", id="most clouds"),
    pytest.param("169.254.170.2", id="Amazon's containers"),
    pytest.param("192.0.0.192", id="Oracle"),
    pytest.param("168.63.129.16", id="Azure"),
    pytest.param("100.100.100.200", id="Alibaba"),
)


def wrapped(address: str) -> list[str]:
    """Give an IPv4 address as it is, mapped, behind NAT64, and as a network of 6to4."""
    number = int(ipaddress.IPv4Address(address))
    inside = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1]
    return [address, *(str(ipaddress.IPv6Address(each)) for each in inside)]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_everybody_reaches_is_public_however_it_is_wrapped(address: str) -> None:
    assert [True] * 4 == [is_public(each) for each in wrapped(address)]


@pytest.mark.parametrize("address", [*INNER, *METADATA])
def test_what_is_within_a_network_is_not_however_it_is_wrapped(address: str) -> None:
    assert [False] * 4 == [is_public(each) for each in wrapped(address)]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("2606:4700::1111", True),
        ("2400:3200::1", True),
        ("fd00:ec2::254", False),
        ("fd20:ce::254", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2606:4700::1111%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::", False),
        ("::1", False),
        ("::8.8.8.8", False),
        ("64:ff9b:1::808:808", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:2::1", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("not an address", False),
        ("", False),
        ("0x7f.1", False),
        ("2130706433", False),
    ],
)
def test_of_ipv6_only_what_is_routed_everywhere_is_public(address: str, *, public: bool) -> None:
    assert public == is_public(address)


def test_nothing_is_public_that_python_knows_to_be_none() -> None:
    addresses = [
        ipaddress.ip_address(f"{block}.{rest.replace('.', f'.{block}.', 1)}")
        for block in range(256)
        for rest in ("0.1", "16.1", "100.200", "169.254", "255.255")
    ]

    assert [] == [str(address) for address in addresses if is_public(str(address)) and not address.is_global]
