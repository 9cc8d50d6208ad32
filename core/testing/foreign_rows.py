"""Rows that nobody in a test asked for, so that no test depends on an empty shared world."""

from core.database.connections import Unit
from core.testing.world import World

TENANTS = ("acme", "globex")
ROLES = ("admin", "staff", "seller")
RECORDS_EACH = 3
SETTING = """
INSERT INTO core_setting (tenant_id, kind, name, value) VALUES ($1, 'settings', $2, '{}')
"""
LOGIN_FAILURE = """
INSERT INTO core_security_event (tenant_id, kind, user_id)
SELECT tenant_id, 'login.failed', id FROM core_user WHERE tenant_id = $1 LIMIT 5
"""


async def leave_foreign_rows(world: World) -> None:
    """Leave records, people with sessions, settings, audit entries and security events."""
    for slug in TENANTS:
        for role in ROLES:
            await world.person(role, tenant=slug)
        for entity in world.platform.registry.entities:
            for _ in range(RECORDS_EACH):
                await world.plant(entity, tenant=slug)
        await _leave_kernel_rows(world, slug)
        await world.platform.renew(world.tenant(slug))


async def _leave_kernel_rows(world: World, slug: str) -> None:
    tenant = world.tenant(slug)

    async def insert(unit: Unit) -> None:
        for plugin in world.platform.registry.plugins:
            await unit.execute(SETTING, tenant.id, plugin)
        await unit.execute(LOGIN_FAILURE, tenant.id)

    await world.system(slug).write(insert)
