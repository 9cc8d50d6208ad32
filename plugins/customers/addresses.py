"""A customer's addresses: checked by the rules of their country, placed on the map, one default."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.plugin import Change, Invalid, Rejected, Tenant, Unit
from plugins.customers.geography.cities import GEOCODERS, AddressQuery
from plugins.customers.geography.rules import Lines, country_code, normalize_address
from plugins.customers.services import lock_customers
from plugins.customers.settings import Settings

LINES = Lines.__struct_fields__
STORED = """
SELECT a.country, a.province, a.city, a.postal_code, a.line1 FROM customers_address a
 WHERE a.tenant_id = $1 AND a.id = ANY ($2)
"""
# Which kind of whose addresses gets a default, after the change.
DEFAULTS = """
SELECT coalesce($3::uuid, a.customer_id) AS customer_id, coalesce($4::text, a.kind) AS kind
  FROM customers_address a
 WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND coalesce($5::bool, a.is_default)
UNION SELECT $3::uuid, $4::text WHERE $6::bool
"""
CLEAR_DEFAULT = """
UPDATE customers_address a SET is_default = false
  FROM unnest($2::uuid[], $3::text[]) AS d (customer_id, kind)
 WHERE a.tenant_id = $1 AND a.customer_id = d.customer_id AND a.kind = d.kind
   AND a.id <> ALL ($4) AND a.is_default AND a.deleted_at IS NULL
"""
CLEAR_RESTORED_DEFAULT = """
UPDATE customers_address a SET is_default = false
 WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND a.is_default AND EXISTS (
   SELECT 1 FROM customers_address o
    WHERE o.tenant_id = $1 AND o.customer_id = a.customer_id AND o.kind = a.kind AND o.is_default
      AND (o.deleted_at IS NULL OR (o.id = ANY ($2) AND o.id < a.id)))
"""


async def validate_address(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Complete what is written: spelling, coordinates, and the default that another gives up."""
    if change.verb == "restore":
        await unit.execute(CLEAR_RESTORED_DEFAULT, tenant.id, list(change.ids))
    elif change.verb in ("create", "update"):
        if any(name in change.values for name in LINES):
            await _complete(unit, tenant, change)
        await _keep_one_default(unit, tenant, change)


async def _complete(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Check the address as it will stand; write it as its country does, with its coordinates."""
    before: Mapping[str, Any] = {}
    if change.verb == "update":
        if len(change.ids) > 1:
            raise Rejected("Addresses are rewritten one by one.", code="one_by_one")
        before = await unit.fetchrow(STORED, tenant.id, list(change.ids)) or {}
    given: dict[str, Any] = {name: change.values.get(name, before.get(name)) for name in LINES}
    given["country"] = country_code(given["country"])
    lines, errors = normalize_address(Lines(**given))
    if errors:
        raise Invalid.fields(errors)
    point = await locate(tenant, lines)
    written = msgspec.structs.asdict(lines).items()
    change.values.update(
        {n: value for n, value in written if n in change.values or value != before.get(n)},
        latitude=point.latitude if point else None,
        longitude=point.longitude if point else None,
        is_validated=True,
    )


async def locate(tenant: Tenant, lines: Lines) -> Any:
    """Ask the tenant's geocoder for the point of an address."""
    settings: Settings = tenant.settings("customers")
    query = AddressQuery(lines.country, lines.province, lines.city, lines.postal_code, lines.line1)
    return await GEOCODERS[settings.geocoder].locate(query)


async def _keep_one_default(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Take the default away from the other addresses of the same kind."""
    values, ids, fresh = change.values, list(change.ids), change.verb == "create"
    default, kind, customer = (values.get(n) for n in ("is_default", "kind", "customer_id"))
    if default is False or (default is None and (fresh or (kind is None and customer is None))):
        return
    if fresh:
        kind = kind or "shipping"
    rows = await unit.fetch(DEFAULTS, tenant.id, ids, customer, kind, default, fresh)
    found = [(row["customer_id"], row["kind"]) for row in rows]
    if default and len(found) < len(ids):
        raise Invalid.field("#/set/is_default", "A customer has one default of a kind.", "unique")
    if found:
        customers, kinds = (list(column) for column in zip(*found, strict=True))
        await lock_customers(unit, tenant, customers)
        await unit.execute(CLEAR_DEFAULT, tenant.id, customers, kinds, ids)
