"""One demo device."""

from core.plugin import Demo


async def _run(unit, tenant, scale, progress):
    await unit.execute(
        "INSERT INTO dummy_device (tenant_id, name, serial, currency) VALUES ($1, 'Demo', 'demo',"
        " 'USD') ON CONFLICT DO NOTHING",
        tenant.id,
    )


DEMO = Demo(run=_run)
