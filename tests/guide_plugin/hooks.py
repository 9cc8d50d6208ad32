"""How visits are wired in. No rule lives here: see services.py."""

from core.plugin import Action, Grant, applies_to, hookimpl
from tests.guide_plugin import services
from tests.guide_plugin.models import Visit


@hookimpl
def register_grants():
    verbs = ("list", "view", "create", "update", "delete", "trash", "restore", "hold")
    return [Grant(role="staff", entity=Visit, actions=verbs, scope="all")]


@hookimpl
def register_actions():
    return [
        Action(
            entity=Visit,
            name="hold",
            label="Hold",
            values=services.Holding,
            run=services.hold,
            description="Says that a visit took place, and what came out of it.",
        )
    ]


@hookimpl
@applies_to("visits.visit", "create", "update")
async def before_write(tenant, change, unit):
    await services.refuse_inactive(tenant, unit, change)
