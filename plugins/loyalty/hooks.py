"""How loyalty is wired in. No rule lives here: see services/."""

from core.plugin import Action, Choice, Demo, Dictionary, Grant, applies_to, hookimpl
from plugins.customers.models import Customer
from plugins.loyalty import demo, ui
from plugins.loyalty.models import Entry, Lot, Part, Redemption, Reward, TierVersion
from plugins.loyalty.schemas import (
    Adjustment,
    Cancellation,
    Expired,
    Issued,
    Movement,
    Once,
    Period,
    Posted,
    Progress,
    Retiered,
    Reversal,
    RewardRequest,
    Statement,
    Transfer,
    Transferred,
)
from plugins.loyalty.services import points, rewards, statements, tiers


@hookimpl
def register_dictionaries():
    found = (
        Choice("bronze", "Bronze", 1),
        Choice("silver", "Silver", 2),
        Choice("gold", "Gold", 3),
        Choice("platinum", "Platinum", 4),
    )
    return [Dictionary("loyalty.tiers", "Loyalty tiers", found)]


@hookimpl
def register_actions():
    return [*_movements(), *_views(), *_collections(), *_redemptions()]


def _movements():
    return [
        Action(
            entity=Customer,
            name="update_points",
            label="Adjust points",
            values=Adjustment,
            run=points.update_points,
            description="Adds or takes points by hand, for a reason.",
            row_label="Points",
            icon="coins",
            submit="Update Points",
            success_message="Points updated",
        ),
        Action(
            entity=Customer,
            name="earn",
            label="Add earned points",
            values=Movement,
            run=points.earn,
            description="Adds points, in a lot of their own.",
        ),
        Action(
            entity=Customer,
            name="redeem_points",
            label="Redeem points",
            values=Movement,
            run=points.redeem_points,
            description="Takes points; answers 409 for too few.",
        ),
        Action(
            entity=Customer,
            name="reverse_points",
            label="Reverse an entry",
            values=Reversal,
            returns=Posted,
            run=points.reverse_points,
            description="Takes an entry back, once, whole or in part.",
        ),
    ]


def _views():
    return [
        Action(
            entity=Customer,
            name="tier_progress",
            label="Way to the next tier",
            method="GET",
            returns=Progress,
            run=tiers.progress,
            description="Tells the tier, what the next one needs, and every change of tier.",
        ),
        Action(
            entity=Customer,
            name="statement",
            label="Statement of points",
            method="GET",
            values=Period,
            returns=Statement,
            run=statements.statement,
            description="Tells balances and entries of a period, and which points end soon.",
        ),
    ]


def _collections():
    return [
        Action(
            entity=Customer,
            name="transfer_points",
            label="Transfer points",
            on="collection",
            values=Transfer,
            returns=Transferred,
            run=points.transfer_points,
            description="Moves points from one customer to another; they keep their end.",
        ),
        Action(
            entity=Lot,
            name="expire",
            label="Expire points",
            on="collection",
            values=Once,
            returns=Expired,
            run=points.expire_points,
            description="Takes what remains of every lot that has ended; repeatable.",
        ),
        Action(
            entity=TierVersion,
            name="recalculate",
            label="Recalculate tiers",
            on="collection",
            values=Once,
            returns=Retiered,
            run=tiers.recalculate,
            description="Applies the tiers in force to all customers.",
        ),
    ]


def _redemptions():
    return [
        Action(
            entity=Customer,
            name="redeem_reward",
            label="Redeem a reward",
            values=RewardRequest,
            returns=Issued,
            run=rewards.redeem_reward,
            description="Gives a reward for its price in points.",
        ),
        Action(
            entity=Redemption,
            name="fulfil",
            label="Hand over",
            run=rewards.fulfil,
            description="Notes that the customer has the reward.",
        ),
        Action(
            entity=Redemption,
            name="cancel",
            label="Cancel",
            values=Cancellation,
            run=rewards.cancel,
            description="Gives points and stock back.",
        ),
    ]


@hookimpl
def register_grants():
    read, views = ("list", "view"), ("tier_progress", "statement")
    # The tiers are read by whoever moves points, the rewards by whoever may take one.
    everywhere = (TierVersion, Reward)
    moves = ("earn", "update_points", "redeem_points", "redeem_reward", "reverse_points")
    every = ("list", "view", "create", "update", "delete", "trash", "restore")
    return [
        Grant(role="staff", entity=Customer, actions=(*moves, "transfer_points"), scope="all"),
        Grant(role="staff", entity=Reward, actions=every, scope="all"),
        Grant(role="staff", entity=Redemption, actions=(*read, "fulfil", "cancel"), scope="all"),
        Grant(role="staff", entity=TierVersion, actions=read, scope="all"),
        Grant(role="customer", entity=Customer, actions=moves[2:4], scope="own"),
        *(
            Grant(role=role, entity=Customer, actions=views, scope=scope)
            for role, scope in (("staff", "all"), ("seller", "company"), ("customer", "own"))
        ),
        *(Grant(role="staff", entity=one, actions=read, scope="all") for one in (Entry, Lot, Part)),
        *(
            Grant(role=role, entity=one, actions=read, scope=scope)
            for role, scope in (("seller", "company"), ("customer", "own"))
            for one in (Entry, Lot, Part, Redemption)
        ),
        *(
            Grant(role=role, entity=one, actions=read, scope="all")
            for role in ("seller", "customer")
            for one in everywhere
        ),
    ]


@hookimpl
def register_tabs():
    return ui.tabs()


@hookimpl
def register_cards():
    return ui.cards()


@hookimpl
def register_screens():
    return ui.screens()


@hookimpl
def register_demo():
    return [Demo(run=demo.fill)]


@hookimpl
def visible_rows(tenant, actor, entity):
    return rewards.offered_to(tenant, actor) if entity == "loyalty.reward" else None


@hookimpl
@applies_to("customers.customer", "purge")
async def before_write(tenant, change, unit):
    await points.refuse_purge_with_points(unit, tenant, change)
