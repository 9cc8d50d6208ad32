"""A customer's contacts: a customer has one primary contact, the latest chosen."""

from core.plugin import Change, Invalid, Tenant, Unit
from plugins.customers.services import lock_customers

# Whose contacts are meant: of those that exist, and of the one that is about to.
CUSTOMERS = """
SELECT coalesce($3::uuid, c.customer_id) FROM customers_contact c
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND coalesce($4::bool, c.is_primary)
UNION SELECT $3::uuid WHERE $3::uuid IS NOT NULL AND $4::bool
"""
CLEAR_PRIMARY = """
UPDATE customers_contact c SET is_primary = false
 WHERE c.tenant_id = $1 AND c.customer_id = ANY ($2) AND c.id <> ALL ($3) AND c.is_primary
   AND c.deleted_at IS NULL
"""
# Out of the trash comes no second primary contact: neither beside a live one, nor beside another
# that comes back at once.
CLEAR_RESTORED_PRIMARY = """
UPDATE customers_contact c SET is_primary = false
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.is_primary AND EXISTS (
   SELECT 1 FROM customers_contact o
    WHERE o.tenant_id = $1 AND o.customer_id = c.customer_id AND o.is_primary
      AND (o.deleted_at IS NULL OR (o.id = ANY ($2) AND o.id < c.id)))
"""


async def keep_one_primary(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Make the other contacts of the customer plain ones."""
    ids = list(change.ids)
    if change.verb == "restore":
        await unit.execute(CLEAR_RESTORED_PRIMARY, tenant.id, ids)
        return
    if change.verb not in ("create", "update"):
        return
    customer, primary = change.values.get("customer_id"), change.values.get("is_primary")
    if primary is False or (primary is None and customer is None):
        return
    if change.verb == "create" and not primary:
        return
    rows = await unit.fetch(CUSTOMERS, tenant.id, ids, customer, primary)
    found = [row[0] for row in rows]
    if primary and len(ids) > 1 and len(found) < len(ids):
        raise Invalid.field("#/set/is_primary", "A customer has one primary contact.", "unique")
    if found:
        await lock_customers(unit, tenant, found)
        await unit.execute(CLEAR_PRIMARY, tenant.id, found, ids)
