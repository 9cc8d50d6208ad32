"""How customers are wired in. No rule lives here: see services.py."""

from core.plugin import Action, Choice, Demo, Dictionary, Grant, Role, Scope, concerns, hookimpl
from plugins.customers import (
    addresses,
    contacts,
    dashboards,
    demo,
    profile,
    purchases,
    routes,
    services,
    status,
)
from plugins.customers.models import Address, Company, CompanyLink, Contact, Customer, Purchase

ALL_BUT_PURGE = ("list", "view", "create", "update", "delete", "trash", "restore")
CHANGES = (
    ("make_vip", "Make VIP", status.Because, status.make_vip),
    ("revoke_vip", "Revoke VIP", status.Because, status.revoke_vip),
    ("activate", "Activate", status.Because, status.activate),
    ("deactivate", "Deactivate", status.Because, status.deactivate),
    ("change_status", "Change the status", status.NewStatus, status.change_status),
    ("transfer", "Give to another salesperson", status.Transfer, status.transfer),
)
VIEWS = (
    (
        "detailed-profile",
        "Detailed profile",
        "record",
        "view",
        profile.Profile,
        profile.detailed_profile,
    ),
    (
        "dashboard-stats",
        "Dashboard",
        "collection",
        "list",
        dashboards.Stats,
        dashboards.dashboard_stats,
    ),
    (
        "analytics-overview",
        "Overview",
        "collection",
        "list",
        dashboards.Overview,
        dashboards.analytics_overview,
    ),
)
CONTACT = ("phone", "address", "city", "province", "postal_code")


@hookimpl
def register_roles():
    return [Role("seller", "Seller"), Role("customer", "Customer", internal=False)]


@hookimpl
def register_scopes():
    return [Scope("company", "customers_company_id"), Scope("own", "customers_customer_id")]


@hookimpl
def register_dictionaries():
    kinds = (
        Choice("individual", "Individual", 1),
        Choice("small_business", "Small business", 2),
        Choice("enterprise", "Enterprise", 3),
        Choice("government", "Government", 4),
    )
    places = (
        Choice("billing", "Billing", 1),
        Choice("shipping", "Shipping", 2),
        Choice("home", "Home", 3),
        Choice("work", "Work", 4),
        Choice("other", "Other", 5),
    )
    return [
        Dictionary("customers.types", "Customer types", kinds),
        Dictionary("customers.address_kinds", "Kinds of addresses", places),
    ]


@hookimpl
def register_actions():
    return [
        Action(
            entity=Customer,
            name="bulk_update",
            label="Activate or deactivate",
            on="collection",
            values=services.Selection,
            returns=services.Updated,
            run=services.bulk_update,
            description="Activates or deactivates the customers whose ids are given.",
        ),
        Action(
            entity=Customer,
            name="bulk-action",
            label="Change many",
            on="collection",
            permission="bulk_update",
            values=services.BulkAction,
            returns=services.Updated,
            run=services.bulk_action,
            description="Activity, VIP, status or salesperson of those whose ids are given.",
        ),
        *(
            Action(entity=Customer, name=name, label=label, values=values, run=run)
            for name, label, values, run in CHANGES
        ),
        Action(
            entity=Customer,
            name="record_order",
            label="Record an order",
            values=purchases.Order,
            run=purchases.record_order,
            description="Counts an order in the totals; with the same key once only.",
        ),
        *(
            Action(
                entity=Customer,
                name=name,
                label=label,
                on=on,
                method="GET",
                permission=right,
                returns=returns,
                run=run,
            )
            for name, label, on, right, returns, run in VIEWS
        ),
    ]


@hookimpl
def register_routes():
    return [routes.AdvancedSearch, routes.DetailedProfile]


@hookimpl
def register_grants():
    read = ("list", "view")
    links = tuple(verb for verb in ALL_BUT_PURGE if verb != "update")
    own = ("list", "view", "create", "update", "delete")
    changes = ("bulk_update", "record_order", *(name for name, *_ in CHANGES))
    return [
        Grant(role="staff", entity=Customer, actions=(*ALL_BUT_PURGE, *changes), scope="all"),
        Grant(role="staff", entity=Company, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=CompanyLink, actions=links, scope="all"),
        Grant(role="staff", entity=Contact, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=Address, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=Purchase, actions=read, scope="all"),
        *(
            Grant(role="seller", entity=entity, actions=read, scope="company")
            # The scope of a customer runs over the links, so whoever holds it must see his links.
            for entity in (Customer, Company, CompanyLink, Contact, Address, Purchase)
        ),
        Grant(role="customer", entity=Customer, actions=("view",), scope="own"),
        Grant(role="customer", entity=Customer, actions=("update",), scope="own", fields=CONTACT),
        Grant(role="customer", entity=Contact, actions=own, scope="own"),
        Grant(role="customer", entity=Address, actions=own, scope="own"),
        Grant(role="customer", entity=Purchase, actions=read, scope="own"),
    ]


@hookimpl
def register_demo():
    return [Demo(run=demo.fill)]


@hookimpl(specname="before_write")
@concerns("customers.customer", "create", "update")
async def before_customer(tenant, change, unit):
    await status.judge_customer(unit, tenant, change)


@hookimpl(specname="before_write")
@concerns("customers.contact", "create", "update", "restore")
async def before_contact(tenant, change, unit):
    await contacts.keep_one_primary(unit, tenant, change)


@hookimpl(specname="before_write")
@concerns("customers.address", "create", "update", "restore")
async def before_address(tenant, change, unit):
    await addresses.judge_address(unit, tenant, change)


@hookimpl(specname="before_write")
@concerns("customers.company_link", "create")
async def before_company_link(tenant, change, unit):
    await services.refuse_link_to_buyer(unit, tenant, change)
