"""Counting attempts to sign in or to reset: per account, per network and for both together.

The counters live in the database, so all workers share them. Their keys are keyed digests: the
table tells nobody who tried, and an address that nobody has is counted like any other.
"""

import hmac
from ipaddress import IPv6Address, ip_address

import msgspec

from core.auth.tokens.signing_keys import Key
from core.database.connections import Unit
from core.errors import TooManyRequests


class Counters(msgspec.Struct, frozen=True):
    """The three keys of one attempt."""

    purpose: str
    account: bytes
    network: bytes
    pair: bytes


def network_of(address: str) -> str:
    """Return the network that one customer of a provider usually holds: /24, or /56 for IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return f"{IPv6Address(int(parsed) >> 72 << 72)}/56"
        parsed = parsed.ipv4_mapped
    return f"{parsed.__class__(int(parsed) >> 8 << 8)}/24"


def counters(key: Key, purpose: str, email: str, address: str) -> Counters:
    """Return the keys for an attempt at ``email`` from ``address``."""
    secret, network = key.derived("attempts"), network_of(address)

    def keyed(text: str) -> bytes:
        return hmac.digest(secret, text.encode(), "sha256")

    return Counters(purpose, keyed(email), keyed(network), keyed(f"{email} {network}"))


async def register_failure(unit: Unit, tried: Counters) -> int:
    """Count an attempt as failed; returns 0, or how many seconds it comes too early."""
    return int(
        await unit.fetchval(
            "SELECT crm_attempt($1, $2, $3, $4)",
            tried.purpose,
            tried.account,
            tried.network,
            tried.pair,
        )
    )


def too_many_attempts(seconds: int) -> TooManyRequests:
    """Return the refusal; it is the same whether the account exists or not."""
    return TooManyRequests(
        "Too many attempts; wait before the next one.", headers={"Retry-After": str(seconds)}
    )


async def clear(unit: Unit, tried: Counters) -> None:
    """Take a counted attempt back: it was good, and its network is known from now on."""
    await unit.execute(
        "SELECT crm_attempt_good($1, $2, $3, $4)",
        tried.purpose,
        tried.account,
        tried.network,
        tried.pair,
    )


async def register_refusal(unit: Unit, tried: Counters) -> None:
    """Add to the tally of a network's refused attempts."""
    await unit.execute("SELECT crm_attempt_refused($1, $2)", tried.purpose, tried.network)
