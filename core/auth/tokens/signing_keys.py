"""The installation's signing keys: each line of the key file is one, and the last one signs."""

import hashlib
import hmac

import msgspec

ACTIVE_KEYS = 2
_SHORTEST = 32


class Key(msgspec.Struct, frozen=True):
    """One secret of the key file. Each use derives a key of its own from it."""

    id: str
    secret: bytes

    def derived(self, use: str) -> bytes:
        """Return the 256-bit key for one use, so that no two uses share a key."""
        return hmac.digest(self.secret, f"trellis {use}".encode(), "sha256")

    def __repr__(self) -> str:
        return f"Key({self.id})"


class KeyRing:
    """The active keys. To rotate, append a line to the key file and restart.

    The last line signs; the one before it still verifies, longer than any access token lives.
    """

    def __init__(self, content: bytes) -> None:
        lines = [line.strip() for line in content.splitlines() if line.strip()]
        usable = lines[-ACTIVE_KEYS:]
        if not usable or any(len(line) < _SHORTEST for line in usable):
            raise ValueError(f"each line of the key file needs at least {_SHORTEST} bytes")
        self._keys = {key.id: key for key in (_key(line) for line in usable)}
        self.newest = _key(usable[-1])

    def find(self, key_id: str) -> Key | None:
        """Return the active key with this id."""
        return self._keys.get(key_id)


def _key(secret: bytes) -> Key:
    key_id = hmac.digest(secret, b"trellis key id", hashlib.sha256).hex()[:16]
    return Key(key_id, secret)
