"""Host names and addresses: which name this machine, and how a bound one is reached from it."""

import ipaddress

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound
"""Each address that means every interface, with the loopback address at which a socket bound there is reached."""


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address, without a port and without brackets, means this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A socket that listens for both kinds shows 127.0.0.1 as ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def local_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a socket bound to an address."""
    reached = WILDCARDS.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
