"""The client of a request: its address behind trusted proxies, and its user agent."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec


class Client(msgspec.Struct, frozen=True):
    """Address and user agent of a client, by which people recognise their devices."""

    address: str = ""
    user_agent: str = ""


def client_address(peer: str, forwarded: str, trusted: tuple[str, ...]) -> str:
    """Return the last address that no trusted proxy has: everything left of it can be invented."""
    for hop in (peer, *(part.strip() for part in reversed(forwarded.split(",")))):
        if not _trusted(hop, trusted):
            return hop if is_address(hop) else peer
    return peer


@lru_cache(1024)
def is_address(text: str) -> bool:
    """Whether a text is an address of a host and not a name or a socket."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _trusted(hop: str, trusted: tuple[str, ...]) -> bool:
    if not is_address(hop):
        return False
    address = ip_address(hop)
    return any(address in ip_network(network, strict=False) for network in trusted)
