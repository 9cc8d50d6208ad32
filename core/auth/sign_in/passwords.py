"""Passwords: argon2id in two threads with a short queue, and the rule for new ones."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib.resources import files
from typing import ParamSpec, TypeVar

import argon2

from core.errors import Invalid, TooManyRequests

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 2
# A caller waits at most about a second: a hash takes some 25 to 50 ms.
QUEUE = 32
SHORTEST, LONGEST = 10, 256
FEWEST_CHARACTERS = 5
# The hash of a password that nobody knows, with the parameters below: what an unknown address,
# a person without a password and a wrong tenant are all checked against.
UNKNOWN_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$dHJlbGxpcy1ub2JvZHktMQ"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)


class Passwords:
    """The one hasher of a process. Every check costs the same, whether the person exists or not."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=2, memory_cost=19456, parallelism=1, type=argon2.Type.ID
        )
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._inside = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place in the queue, or refuse at once; taken before any other work is done."""
        if self._inside >= QUEUE:
            raise TooManyRequests(headers={"Retry-After": "2"}, code="busy")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def verify(self, stored: str | None, password: str) -> bool:
        """Return whether ``password`` is the one stored; ``None`` costs as much and fails."""
        good = await self._run(self._check, stored or UNKNOWN_HASH, password)
        return good and stored is not None

    async def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return await self._run(self._hash, password)

    def outdated(self, stored: str) -> bool:
        """Return whether a stored hash has other parameters than new ones."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(function, *given, **named))

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_normalize(password))

    def _check(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _normalize(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def _normalize(password: str) -> str:
    """One password, however the keyboard composes its accents."""
    return unicodedata.normalize("NFC", password)


@cache
def _well_known() -> frozenset[str]:
    text = files("core.auth").joinpath("well_known_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line)


def check_new_password(password: str, email: str, pointer: str = "#/password") -> None:
    """Refuse a password that others would try first; the refusal never repeats it."""
    folded = _normalize(password).casefold()
    if len(password) < SHORTEST:
        detail, code = f"The password needs at least {SHORTEST} characters.", "min_length"
    elif len(password) > LONGEST:
        detail, code = f"The password has more than {LONGEST} characters.", "max_length"
    elif folded in (email.casefold(), email.casefold().partition("@")[0]):
        detail, code = "The password must not be the e-mail address.", "email"
    elif folded in _well_known() or len(set(folded)) < FEWEST_CHARACTERS:
        detail, code = "This password is too well known; choose another.", "well_known"
    else:
        return
    raise Invalid.field(pointer, detail, code)
