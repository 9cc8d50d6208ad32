"""Where a request comes from, believing a proxy only where the operator said so."""

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from litestar import Request

from core.auth.sign_in.sessions import Place


def place_of(request: Request[Any, Any, Any]) -> Place:
    """Return address and device of a request's sender, as the edge believes them."""
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    if not agent.isprintable():
        agent = "".join(c for c in agent if c.isprintable())
    return Place(address, agent[:300])


def sender(peer: str, forwarded: str, trusted: tuple[str, ...]) -> str:
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
