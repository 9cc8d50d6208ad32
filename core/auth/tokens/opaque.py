"""Opaque credentials: refresh tokens, reset tokens and API keys; stored as digests only.

Each names its tenant by number, so that it is only ever looked up inside that tenant.
"""

import hashlib
import hmac
import re
from secrets import token_urlsafe
from uuid import UUID

import msgspec

_RANDOM = r"[A-Za-z0-9_-]{43}"
_REFRESH = re.compile(rf"crr_(\d{{1,9}})_({_RANDOM})\.({_RANDOM})", re.ASCII)
_RESET = re.compile(rf"crp_(\d{{1,9}})_({_RANDOM})", re.ASCII)
_API_KEY = re.compile(rf"crm_(\d{{1,9}})_([0-9a-f]{{32}})_({_RANDOM})", re.ASCII)


class RefreshToken(msgspec.Struct, frozen=True):
    """``family`` stays for the life of a session, ``secret`` is good once.

    Who shows the family with a spent secret holds a stolen token, however old, or was robbed.
    """

    tenant: int
    family: str
    secret: str

    def text(self) -> str:
        """Return the token as the client gets it."""
        return f"crr_{self.tenant}_{self.family}.{self.secret}"


class ResetToken(msgspec.Struct, frozen=True):
    """A one-time right to set a password."""

    tenant: int
    secret: str

    def text(self) -> str:
        """Return the token as it stands in the link."""
        return f"crp_{self.tenant}_{self.secret}"


class ApiKeyToken(msgspec.Struct, frozen=True):
    """A key of a program; ``id`` finds it, ``secret`` proves it."""

    tenant: int
    id: UUID
    secret: str

    def text(self) -> str:
        """Return the key as its owner sees it, once."""
        return f"crm_{self.tenant}_{self.id.hex}_{self.secret}"


def new_secret() -> str:
    """Return 256 random bits as text."""
    return token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored of a secret; 256 random bits need no salt and no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches_digest(stored: str, secret: str) -> bool:
    """Return whether ``secret`` is the stored one, in a time that tells nothing."""
    return hmac.compare_digest(stored, digest(secret))


def read_refresh(text: str) -> RefreshToken | None:
    """Return the parts of a refresh token, or None for anything else."""
    found = _REFRESH.fullmatch(text)
    return RefreshToken(int(found[1]), found[2], found[3]) if found else None


def read_reset(text: str) -> ResetToken | None:
    """Return the parts of a reset token, or None for anything else."""
    found = _RESET.fullmatch(text)
    return ResetToken(int(found[1]), found[2]) if found else None


def read_api_key(text: str) -> ApiKeyToken | None:
    """Return the parts of an API key, or None for anything else."""
    found = _API_KEY.fullmatch(text)
    return ApiKeyToken(int(found[1]), UUID(hex=found[2]), found[3]) if found else None
