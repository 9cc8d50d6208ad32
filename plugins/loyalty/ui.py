"""What loyalty shows: a tab of each customer, cards, and points and rewards in a portal."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from core.plugin import (
    Connection,
    Declaration,
    Invalid,
    NotFound,
    conditions,
    read_values,
    visible_records,
)
from core.plugin.ui import Card, Chart, Page, Screen, Tab
from plugins.customers.models import Customer
from plugins.loyalty.models import Entry
from plugins.loyalty.schemas import Period
from plugins.loyalty.services import statements, tiers

CUSTOMER, ENTRY = "customers.customer", "loyalty.entry"
NEWEST, MOST = 10, 50
# Which colour each kind of entry has, and how it is drawn.
KINDS = {
    "earned": ("success", "plus"),
    "redeemed": ("info", "gift"),
    "adjusted": ("warning", "sliders-horizontal"),
    "expired": ("danger", "clock"),
    "reversed": ("danger", "undo-2"),
    "transferred": ("info", "send"),
    "retiered": ("neutral", "award"),
}
TAB_ACTIONS = ("update_points", "earn", "redeem_points", "redeem_reward")
POINTS_BY_MONTH = """
SELECT to_char(date_trunc('month', x.created_at AT TIME ZONE $2), 'YYYY-MM') AS month,
       coalesce(sum(x.points) FILTER (WHERE x.points > 0), 0)::int8 AS given,
       coalesce(-sum(x.points) FILTER (WHERE x.points < 0), 0)::int8 AS taken
  FROM loyalty_entry x WHERE {where}
   AND x.created_at >= (date_trunc('month', now() AT TIME ZONE $2) - interval '11 months')
                       AT TIME ZONE $2
 GROUP BY 1 ORDER BY 1
"""


def label_texts(page: Page) -> dict[str, Any]:
    """Return the words of tiers and kinds, and how the kinds are drawn."""
    found = page.ctx.tenant.dictionary("loyalty.tiers")
    kinds = page.ctx.tenant.entities[ENTRY].fields["kind"].choices
    return {
        "tier_words": {choice.code: page.translate(choice.label) for choice in found},
        "kind_words": {code: page.translate(label) for code, label in kinds},
        "kinds": KINDS,
    }


def read_period(page: Page) -> tuple[Period, str]:
    """Return the period in the address; of a wrong one the whole time, and what is wrong."""
    given = page.request.query_params
    body: dict[str, Any] = {name: given[name] for name in ("from", "to") if given.get(name)}
    text = given.get("page", "1")
    body["page"] = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
    try:
        return read_values(Period, body), ""
    except Invalid as wrong:
        return Period(), page.translate(wrong.errors[0].detail if wrong.errors else wrong.detail)


async def read_tab(page: Page, entity: Declaration, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a customer's points stand, and what they did in a period."""
    labels = {action.name: action.label for action in page.ctx.tenant.actions(CUSTOMER)}
    return {
        **await read_account(page, UUID(str(row["id"]))),
        "here": f"/app/customers/{row['id']}/",
        "deeds": [
            (name, page.translate(labels[name]))
            for name in TAB_ACTIONS
            if name in labels and page.ctx.rights.may(CUSTOMER, name)
        ],
    }


async def read_account(page: Page, id: UUID) -> dict[str, Any]:
    """Return balance, way to the next tier, and the statement of the period in the address."""
    period, problem = read_period(page)
    ctx = page.ctx

    async def run(connection: Connection) -> dict[str, Any]:
        where = {"field": "id", "op": "=", "value": str(id)}
        found = await visible_records(ctx, connection, CUSTOMER, where, detail=True)
        if not found:
            raise NotFound
        try:
            told, wrong = await statements.statement(ctx, connection, found[0], period), problem
        except Invalid as refused:
            wrong = page.translate(refused.errors[0].detail)
            told = await statements.statement(ctx, connection, found[0], Period())
        return {
            "customer": found[0],
            "progress": await tiers.progress(ctx, connection, found[0], None),
            "statement": told,
            "problem": wrong,
            "period": {"from": _day(told.since), "to": _day(told.until)},
            "this_page": period.page,
        }

    return {**await ctx.read(run), **label_texts(page)}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def own_customer_id(page: Page) -> UUID:
    """Return the id of the customer who has signed in."""
    found = page.ctx.principal.attributes.get("own")
    if not found:
        raise NotFound
    return UUID(str(found))


async def read_points(page: Page) -> dict[str, Any]:
    """Return a customer's own balance and statement."""
    return await read_account(page, own_customer_id(page))


async def read_rewards(page: Page) -> dict[str, Any]:
    """Return the rewards that are offered to a customer, and those that they have taken."""
    id, ctx = own_customer_id(page), page.ctx

    async def run(connection: Connection) -> dict[str, Any]:
        every = {"field": "is_active", "op": "=", "value": True}
        mine = {"field": "customer_id", "op": "=", "value": str(id)}
        me = {"field": "id", "op": "=", "value": str(id)}
        found = await visible_records(ctx, connection, CUSTOMER, me, detail=True)
        if not found:
            raise NotFound
        return {
            "customer": found[0],
            "rewards": await visible_records(
                ctx, connection, "loyalty.reward", every, ordering="points", limit=MOST
            ),
            "redemptions": await visible_records(
                ctx, connection, "loyalty.redemption", mine, ordering="-created_at", limit=MOST
            ),
        }

    values = await ctx.read(run)
    thresholds = {tier.code: tier.points for tier in ctx.tenant.settings("loyalty").tiers}
    names = {str(one["id"]): one["name"] for one in values["rewards"] or ()}
    values["rewards"] = [one for one in values["rewards"] or () if _offered(one)]
    choices = ctx.tenant.entities["loyalty.redemption"].fields["status"].choices
    stands = {code: page.translate(label) for code, label in choices}
    return {
        **values,
        **label_texts(page),
        "thresholds": thresholds,
        "names": names,
        "stands": stands,
    }


def _offered(reward: Mapping[str, Any]) -> bool:
    """Return whether a reward can be taken on this day."""
    now, since, until = datetime.now(UTC), reward["valid_from"], reward["valid_until"]
    return (since is None or since <= now) and (until is None or until > now)


async def take_reward(page: Page) -> tuple[str, UUID, dict[str, Any]]:
    """Ask for the reward whose button was pressed."""
    return "redeem_reward", own_customer_id(page), {"reward_id": page.form.get("reward_id")}


async def points_by_month(page: Page, connection: Connection) -> Chart | None:
    """Return how many points were given and taken in each of the last twelve months."""
    ctx = page.ctx
    where, values = conditions(ctx, ctx.tenant.entities[ENTRY], "list", (), 3)
    sql = POINTS_BY_MONTH.format(where=where)
    rows = await connection.fetch(sql, ctx.tenant.id, ctx.tenant.config.timezone, *values)
    if not rows:
        return None
    return Chart(
        kind="bar",
        first=page.translate("Month"),
        labels=tuple(page.formats.month(date.fromisoformat(f"{r['month']}-01")) for r in rows),
        series={
            page.translate("Given"): tuple(row["given"] for row in rows),
            page.translate("Taken"): tuple(row["taken"] for row in rows),
        },
    )


def tabs() -> list[Tab]:
    """Return the tab of a customer."""
    return [
        Tab(
            key="loyalty",
            label="Loyalty",
            template="loyalty/tab.html",
            read=read_tab,
            entity=Customer,
            right="statement",
            icon="gem",
        )
    ]


def cards() -> list[Card]:
    """Return the cards of the dashboard."""
    return [
        Card(
            key="moved",
            label="Points by month",
            text="The last twelve months",
            read=points_by_month,
            entity=Entry,
            home=True,
        )
    ]


def screens() -> list[Screen]:
    """Return the pages of a customer's portal."""
    return [
        Screen(
            path="me/points",
            label="My points",
            template="loyalty/points.html",
            read=read_points,
            entity=Customer,
            right="statement",
            icon="coins",
            portal_role="customer",
        ),
        Screen(
            path="me/rewards",
            label="Rewards",
            template="loyalty/rewards.html",
            read=read_rewards,
            submit=take_reward,
            entity=Customer,
            right="redeem_reward",
            icon="gift",
            portal_role="customer",
        ),
    ]
