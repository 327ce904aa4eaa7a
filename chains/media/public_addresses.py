"""Which IP addresses are of the public Internet: by the registries themselves, not by what a Python release knows."""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# IANA's special-purpose registry with everything that is not globally reachable, and a little more.
# https://www.iana.org/assignments/iana-ipv4-special-registry
_NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers; 100.100.100.200 is where Alibaba Cloud tells a machine its secrets
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; 169.254.169.254 is where most clouds do
        "172.16.0.0/12",
        "192.0.0.0/24",  # 192.0.0.192 is where Oracle Cloud does
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's own, public by its number alone
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry
_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
# Where an IPv4 address stands in an IPv6 one: its network, and how many bits come after it.
_EMBEDDED = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_IPV4 = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether an address is of the public Internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public_6(ip) if isinstance(ip, IPv6Address) else _is_public_4(ip)


def _is_public_4(ip: IPv4Address) -> bool:
    return not any(ip in network for network in _NOT_PUBLIC)


def _is_public_6(ip: IPv6Address) -> bool:
    if ip.scope_id:
        return False
    for network, after in _EMBEDDED:
        if ip in network:
            return _is_public_4(IPv4Address(int(ip) >> after & _IPV4))
    return ip in _UNICAST and not any(ip in network for network in _NOT_PUBLIC_6)
