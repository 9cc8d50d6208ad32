"""The form of a generated function."""

import hashlib

import msgspec

PREFIX = "crm_g_"
LONGEST = 63
# The hash of what the server keeps of a function ``f``, which tells whether somebody changed it.
KEPT = "md5(concat_ws(' ', f.prosrc, f.prosecdef, f.proconfig, f.proacl))"


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """A function that follows from ``table``, with its trigger and its grants.

    ``statements`` may run again over what exists: ``CREATE OR REPLACE FUNCTION``, ``CREATE OR
    REPLACE TRIGGER``, ``REVOKE``, ``GRANT``, each one statement.
    """

    name: str
    table: str
    statements: tuple[str, ...]
    arguments: str = ""


def routine_name(*parts: str) -> str:
    """Return the name of a generated function; a long one ends in a hash of itself."""
    name = PREFIX + "_".join(parts)
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
