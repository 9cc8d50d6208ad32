"""Access tokens: JWT with one fixed form, one algorithm and claims that are all required."""

import binascii
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID, uuid4

import jwt
import msgspec

from core.auth.lru_cache import LruCache
from core.auth.tokens.signing_keys import KeyRing
from core.errors import Unauthenticated

ISSUER = "trellis"
AUDIENCE = "trellis-api"
ALGORITHM = "HS256"
JWT_TYPE = "at+jwt"  # RFC 9068
SECONDS = 15 * 60
CLOCK_SKEW = 5  # how far the clocks of two servers of one installation may be apart
LONGEST = 2048
CACHE_SIZE = 4096
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token's header. Anything beyond these three (crit, jku, jwk, x5u) is refused."""

    alg: str
    typ: str
    kid: str


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says: ``sub`` of tenant ``tid`` in session ``sid``, with stamp ``ver``."""

    iss: str
    aud: str
    exp: int
    nbf: int
    iat: int
    jti: UUID
    sub: UUID
    tid: UUID
    sid: UUID
    ver: int


class AccessTokens:
    """Signs access tokens and reads them back; good ones are remembered until they expire."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._read: LruCache[str, Claims] = LruCache(CACHE_SIZE)

    def sign(self, *, tenant: UUID, user: UUID, session: UUID, stamp: int) -> str:
        """Return a new access token."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": now + SECONDS,
            "nbf": now,
            "iat": now,
            "jti": str(uuid4()),
            "sub": str(user),
            "tid": str(tenant),
            "sid": str(session),
            "ver": stamp,
        }
        key = self._ring.newest
        headers = {"typ": JWT_TYPE, "kid": key.id}
        return jwt.encode(claims, key.derived("access"), algorithm=ALGORITHM, headers=headers)

    def read(self, raw: str) -> Claims:
        """Return the claims of a token, or refuse; whether its bearer is still good is not known.

        The database says that in each transaction (``crm_check``).
        """
        found = self._read.get(raw)
        if found is None:
            found = self._verified(raw)
            self._read.put(raw, found)
        if found.exp <= time.time():
            self._read.drop(raw)
            raise Unauthenticated
        return found

    def _verified(self, raw: str) -> Claims:
        if len(raw) > LONGEST or not _FORM.fullmatch(raw):
            raise Unauthenticated
        try:
            key = self._key(raw)
            payload = jwt.decode(
                raw,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=CLOCK_SKEW,
                options={"require": list(Claims.__struct_fields__), "strict_aud": True},
            )
            claims = msgspec.convert(payload, Claims, strict=True)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated from None
        if claims.exp - claims.iat > SECONDS or claims.ver < 1:
            raise Unauthenticated
        return claims

    def _key(self, raw: str) -> bytes:
        head, _, signature = raw.split(".")
        header = msgspec.json.decode(_plain(head), type=Header)
        _plain(signature)
        key = self._ring.find(header.kid)
        if key is None or header.alg != ALGORITHM or header.typ != JWT_TYPE:
            raise ValueError("not one of our tokens")
        return key.derived("access")


def _plain(part: str) -> bytes:
    """Decode base64url; refuses a second spelling of the same bytes."""
    try:
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if urlsafe_b64encode(content).rstrip(b"=").decode() != part:
        raise ValueError("not canonical base64url")
    return content
