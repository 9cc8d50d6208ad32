"""What customers show beside their generated screens: cards, a portal, a seller's company."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from weakref import WeakKeyDictionary

from core.plugin import Connection, NotFound, visible_records
from core.plugin.ui import Card, Chart, Page, Screen
from plugins.customers.dashboards import Overview, analytics_overview
from plugins.customers.models import Company, Customer

CUSTOMER, COMPANY = "customers.customer", "customers.company"
LIST = "/app/customers/"
EVER = {"field": "created_at", "op": ">", "value": "1970-01-01T00:00:00Z"}
_overviews: WeakKeyDictionary[Page, Overview] = WeakKeyDictionary()


async def overview(page: Page, connection: Connection) -> Overview:
    """Return the figures of all cards, read once per page."""
    found = _overviews.get(page)
    if found is None:
        found = _overviews[page] = await analytics_overview(page.ctx, connection, None, None)
    return found


async def by_month(page: Page, connection: Connection) -> Chart | None:
    """Count the new customers of each of the last twelve months."""
    months = (await overview(page, connection)).new_customers_by_month
    return Chart(
        kind="line",
        first=page.translate("Month"),
        labels=tuple(page.formats.month(date.fromisoformat(f"{m.month}-01")) for m in months),
        series={page.translate("New customers"): tuple(month.customers for month in months)},
    )


async def by_type(page: Page, connection: Connection) -> Chart | None:
    """Count the customers of each type."""
    found = (await overview(page, connection)).customers_by_type
    labels = {c.code: c.label for c in page.ctx.tenant.dictionary("customers.types")}
    return Chart(
        kind="doughnut",
        first=page.translate("Type"),
        labels=tuple(page.translate(labels.get(code, code)) for code in found),
        series={page.translate("Customers"): tuple(found.values())},
        hrefs=tuple(f"{LIST}?type={code}&view=all" for code in found),
    )


async def by_city(page: Page, connection: Connection) -> Chart | None:
    """Return the cities where most customers live."""
    found = (await overview(page, connection)).top_cities
    if not found:
        return None
    return Chart(
        first=page.translate("City"),
        labels=tuple(one.city for one in found),
        series={page.translate("Customers"): tuple(one.customers for one in found)},
        hrefs=tuple(_href(city=one.city) for one in found),
    )


def _href(**filters: str) -> str:
    return f"{LIST}?{urlencode(filters)}&view=all"


async def count_vips(page: Page, connection: Connection) -> int | None:
    """Count the VIP customers, or return None where the reader may not see that."""
    return (await overview(page, connection)).vip_customers


async def total_spent(page: Page, connection: Connection) -> str | None:
    """Return what all customers spent, in each currency."""
    found = (await overview(page, connection)).spending
    parts = [page.formats.money(float(one.total_spent), one.currency) for one in found]
    return " · ".join(parts) or None


def cards() -> list[Card]:
    """Return the cards of the dashboard."""
    return [
        Card(
            key="vips",
            label="VIP customers",
            read=count_vips,
            entity=Customer,
            icon="star",
            href=f"{LIST}?is_vip=true&view=all",
        ),
        Card(key="spent", label="Total spent", read=total_spent, entity=Customer, icon="banknote"),
        Card(
            key="months",
            label="New customers by month",
            read=by_month,
            entity=Customer,
            text="The last twelve months",
            home=True,
        ),
        Card(key="types", label="Customers by type", read=by_type, entity=Customer),
        Card(key="cities", label="Most customers live in", read=by_city, entity=Customer),
    ]


def own_id(page: Page, name: str) -> UUID:
    """Return the id of the record that the user stands for, or answer 404."""
    found = page.ctx.principal.attributes.get(name)
    if not found:
        raise NotFound
    return UUID(str(found))


async def read_record(page: Page, connection: Connection, name: str, id: UUID) -> dict[str, Any]:
    """Return a record as the reader may see it."""
    where = {"field": "id", "op": "=", "value": str(id)}
    rows = await visible_records(page.ctx, connection, name, where, detail=True)
    if not rows:
        raise NotFound
    return dict(rows[0])


async def read_profile(page: Page) -> dict[str, Any]:
    """Return a customer's own data, contacts and addresses."""
    id = own_id(page, "own")
    mine = {"field": "customer_id", "op": "=", "value": str(id)}

    async def run(connection: Connection) -> dict[str, Any]:
        return {
            "customer": await read_record(page, connection, CUSTOMER, id),
            "contacts": await visible_records(page.ctx, connection, "customers.contact", mine),
            "addresses": await visible_records(page.ctx, connection, "customers.address", mine),
            "purchases": await visible_records(
                page.ctx, connection, "customers.purchase", mine, ordering="-ordered_at", limit=10
            ),
        }

    return await page.ctx.read(run)


async def read_company(page: Page) -> dict[str, Any]:
    """Return a seller's own company, with the newest of its customers."""
    id = own_id(page, "company")

    async def run(connection: Connection) -> dict[str, Any]:
        company = await read_record(page, connection, COMPANY, id)
        newest = await visible_records(
            page.ctx, connection, CUSTOMER, EVER, ordering="-created_at", limit=10
        )
        figures = await analytics_overview(page.ctx, connection, None, None)
        return {"company": company, "newest": newest or [], "figures": figures}

    return await page.ctx.read(run)


def screens() -> list[Screen]:
    """Return the pages of a customer's portal, and of a seller's desk."""
    return [
        Screen(
            path="me",
            label="My profile",
            template="customers/profile.html",
            read=read_profile,
            entity=Customer,
            icon="circle-user",
            portal_role="customer",
        ),
        Screen(
            path="me/company",
            label="My company",
            template="customers/company.html",
            read=read_company,
            entity=Company,
            icon="building-2",
            portal_role="seller",
        ),
    ]
