"""What of a request's address is believed, and which path it means."""

import base64
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from core.auth.credentials import tenant_at
from core.auth.sign_in.client_address import client_address
from core.config import ServerConfig
from core.errors import Invalid
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

Network = IPv4Network | IPv6Network
Headers = dict[bytes, bytes]


class _Claims(msgspec.Struct):
    tid: UUID


@lru_cache(maxsize=64)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:  # a host name
            continue
    return tuple(found)


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def believe(scope: Any, headers: Headers, server: ServerConfig) -> None:
    """Take client and scheme from a trusted proxy's headers; anybody else's are ignored."""
    client = scope.get("client")
    if not server.trusted_proxies or client is None:
        return
    if not _within(client[0], _networks(server.trusted_proxies)):
        return
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    scope["client"] = (client_address(client[0], forwarded, server.trusted_proxies), client[1])
    scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").rpartition(",")[2].strip()
    if scheme in ("http", "https"):
        scope["scheme"] = scheme


def check_host(headers: Headers, platform: Platform) -> None:
    """Refuse an address that is neither allowed, a tenant's, nor the server's own."""
    server = platform.config.server
    if not server.allowed_hosts:
        return
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if tenant_at(platform, host) is not None:
        return
    name = _name(host)
    for allowed in server.allowed_hosts:
        if name == allowed.lower():
            return
        if allowed.startswith("*.") and name.endswith(allowed[1:].lower()):
            return
    if server.base_url and name == (urlsplit(server.base_url).hostname or "").lower():
        return
    if not _within(name, _networks(server.allowed_hosts)):
        raise Invalid("This server does not answer for that host.", code="host")


def _name(host: str) -> str:
    """Return a Host header without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    bare, colon, port = host.rpartition(":")
    return (bare if colon and port.isdigit() else host).rstrip(".")


def canonical(path: str, headers: Headers, platform: Platform) -> str:
    """Return the path without its alias: ``/api/crm/leads`` is ``/api/leads``.

    The server's aliases come first, then those of the tenant that the request names.
    """
    path = _mapped(path, platform.config.server.aliases)
    if any(tenant.config.aliases for tenant in platform.by_id.values()):
        tenant = _named(headers, platform)
        if tenant is not None:
            path = _mapped(path, tenant.config.aliases)
    return path


def _mapped(path: str, aliases: dict[str, str]) -> str:
    """Apply the longest alias that the path begins with."""
    for alias in sorted(aliases, key=len, reverse=True):
        if path == alias or path.startswith(alias + "/"):
            return aliases[alias] + path[len(alias) :]
    return path


def _named(headers: Headers, platform: Platform) -> Tenant | None:
    """Return the tenant whose words a request uses. Nothing is proved here, and nothing granted."""
    scheme, _, raw = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        parts = raw.strip().split(b"_" if raw.startswith(b"crm_") else b".")
        if parts[0] == b"crm" and len(parts) > 1 and parts[1].isdigit():
            return platform.by_number.get(int(parts[1][:12]))
        if len(parts) == 3:
            try:
                text = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
                return platform.by_id.get(msgspec.json.decode(text, type=_Claims).tid)
            except (ValueError, msgspec.MsgspecError, RecursionError):
                return None
    return tenant_at(platform, headers.get(b"host", b"").decode("latin-1"))
