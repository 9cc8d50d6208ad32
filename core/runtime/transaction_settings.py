"""The settings that begin a transaction: its tenant, its principal and the scopes they hold."""

import re
from uuid import UUID

from core.access.rights import Principal

_SAFE = re.compile(r"[A-Za-z0-9_.:+|*-]*")


def _literal(value: str) -> str:
    """Quote a value for SET LOCAL, which takes no parameters; refuses any unexpected character."""
    if not _SAFE.fullmatch(value):
        raise ValueError(f"not a value for a setting: {value!r}")
    return f"'{value}'"


def transaction_settings(tenant: UUID, principal: Principal, scopes: str) -> str:
    """Return the settings of a transaction and the check of its principal, as one text."""
    parts = [f"SET LOCAL app.tenant_id = {_literal(str(tenant))}"]
    if principal.id:
        parts.append(f"SET LOCAL app.principal = {_literal(principal.id)}")
    parts.append(f"SET LOCAL app.scopes = {_literal(scopes)}")
    for scope, value in principal.attributes.items():
        parts.append(f"SET LOCAL app.scope_{scope} = {_literal(value)}")
    checks = []
    if principal.kind in ("user", "api_key"):
        checks.append(f"crm_check({_literal(principal.id or '')}, {int(principal.stamp)})")
    if principal.session_id:
        checks.append(f"crm_check_session({_literal(principal.session_id)})")
    if principal.key_id:
        checks.append(f"crm_check_key({_literal(principal.key_id)})")
    if checks:
        parts.append(f"SELECT {', '.join(checks)}")
    return "; ".join(parts)
