"""How loyalty is wired in. No rule lives here: see services.py."""

from core.plugin import Action, Choice, Demo, Dictionary, Grant, concerns, hookimpl
from plugins.customers.models import Customer
from plugins.loyalty import demo, services
from plugins.loyalty.models import Entry


@hookimpl
def register_dictionaries():
    tiers = (
        Choice("bronze", "Bronze", 1),
        Choice("silver", "Silver", 2),
        Choice("gold", "Gold", 3),
        Choice("platinum", "Platinum", 4),
    )
    return [Dictionary("loyalty.tiers", "Loyalty tiers", tiers)]


@hookimpl
def register_actions():
    return [
        Action(
            entity=Customer,
            name="earn",
            label="Add earned points",
            values=services.Earning,
            run=services.earn,
            description="Adds points; with the same key once only.",
        ),
        Action(
            entity=Customer,
            name="update_points",
            label="Adjust points",
            values=services.Adjustment,
            run=services.update_points,
            description="Adds or takes points by hand, for a reason.",
        ),
        Action(
            entity=Customer,
            name="redeem_points",
            label="Redeem points",
            values=services.Redemption,
            run=services.redeem_points,
            description="Takes points; answers 409 when there are too few.",
        ),
    ]


@hookimpl
def register_grants():
    read = ("list", "view")
    moves = ("earn", "update_points", "redeem_points")
    return [
        Grant(role="staff", entity=Customer, actions=moves, scope="all"),
        Grant(role="staff", entity=Entry, actions=read, scope="all"),
        Grant(role="seller", entity=Entry, actions=read, scope="company"),
        Grant(role="customer", entity=Customer, actions=("redeem_points",), scope="own"),
        Grant(role="customer", entity=Entry, actions=read, scope="own"),
    ]


@hookimpl
def register_demo():
    return [Demo(run=demo.fill)]


@hookimpl
@concerns("customers.customer", "purge")
async def before_write(tenant, change, unit):
    await services.refuse_purge_with_points(unit, tenant, change)
