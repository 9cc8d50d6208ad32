"""How customers are wired in. No rule lives here: see services.py."""

from core.plugin import Action, Choice, Demo, Dictionary, Grant, Role, Scope, applies_to, hookimpl
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
    ui,
)
from plugins.customers.models import Address, Company, CompanyLink, Contact, Customer, Purchase

ALL_BUT_PURGE = ("list", "view", "create", "update", "delete", "trash", "restore")
CHANGES = (
    Action(
        entity=Customer,
        name="make_vip",
        label="Make VIP",
        values=status.StatusReason,
        run=status.make_vip,
    ),
    Action(
        entity=Customer,
        name="revoke_vip",
        label="Revoke VIP",
        values=status.StatusReason,
        run=status.revoke_vip,
    ),
    Action(
        entity=Customer,
        name="activate",
        label="Activate",
        values=status.StatusReason,
        run=status.activate,
    ),
    Action(
        entity=Customer,
        name="deactivate",
        label="Deactivate",
        values=status.StatusReason,
        run=status.deactivate,
    ),
    Action(
        entity=Customer,
        name="change_status",
        label="Change the status",
        values=status.NewStatus,
        run=status.change_status,
    ),
    Action(
        entity=Customer,
        name="transfer",
        label="Give to another salesperson",
        values=status.Transfer,
        run=status.transfer,
    ),
    Action(
        entity=Customer,
        name="record_order",
        label="Record an order",
        values=purchases.Order,
        run=purchases.record_order,
    ),
)
BULK = (
    Action(
        entity=Customer,
        name="bulk_update",
        label="Activate or deactivate",
        on="collection",
        permission="bulk_update",
        values=services.Selection,
        returns=services.Updated,
        run=services.bulk_update,
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
    ),
)
PROFILE = Action(
    entity=Customer,
    name="detailed-profile",
    label="Detailed profile",
    method="GET",
    permission="view",
    returns=profile.Profile,
    run=profile.detailed_profile,
)
DASHBOARDS = (
    Action(
        entity=Customer,
        name="dashboard-stats",
        label="Dashboard",
        on="collection",
        method="GET",
        permission="list",
        returns=dashboards.Stats,
        run=dashboards.dashboard_stats,
    ),
    Action(
        entity=Customer,
        name="analytics-overview",
        label="Overview",
        on="collection",
        method="GET",
        permission="list",
        returns=dashboards.Overview,
        run=dashboards.analytics_overview,
    ),
)
CONTACT = ("phone", "address", "city", "province", "postal_code")


@hookimpl
def register_roles():
    lists = ("customers.customer", "customers.contact", "loyalty.redemption", "loyalty.reward")
    return [
        Role("seller", "Seller", home="/app/me/company/", menu=lists),
        Role("customer", "Customer", internal=False, home="/app/me/"),
    ]


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
    return [*CHANGES, *BULK, *DASHBOARDS, PROFILE]


@hookimpl
def register_routes():
    return [routes.AdvancedSearch, routes.DetailedProfile]


@hookimpl
def register_grants():
    read = ("list", "view")
    links = tuple(verb for verb in ALL_BUT_PURGE if verb != "update")
    own = ("list", "view", "create", "update", "delete")
    changes = ("bulk_update", *(change.name for change in CHANGES))
    return [
        Grant(role="staff", entity=Customer, actions=(*ALL_BUT_PURGE, *changes), scope="all"),
        Grant(role="staff", entity=Company, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=CompanyLink, actions=links, scope="all"),
        Grant(role="staff", entity=Contact, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=Address, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=Purchase, actions=read, scope="all"),
        *(
            Grant(role="seller", entity=entity, actions=read, scope="company")
            # The scope of a customer runs over the links, so whoever holds it must see their links.
            for entity in (Customer, Company, CompanyLink, Contact, Address, Purchase)
        ),
        Grant(role="customer", entity=Customer, actions=("view",), scope="own"),
        Grant(role="customer", entity=Customer, actions=("update",), scope="own", fields=CONTACT),
        Grant(role="customer", entity=Contact, actions=own, scope="own"),
        Grant(role="customer", entity=Address, actions=own, scope="own"),
        Grant(role="customer", entity=Purchase, actions=read, scope="own"),
    ]


@hookimpl
def register_cards():
    return ui.cards()


@hookimpl
def register_screens():
    return ui.screens()


@hookimpl
def register_demo():
    return [Demo(run=demo.fill)]


@hookimpl(specname="before_write")
@applies_to("customers.customer", "create", "update")
async def before_customer(tenant, change, unit):
    await status.validate_customer(unit, tenant, change)


@hookimpl(specname="before_write")
@applies_to("customers.contact", "create", "update", "restore")
async def before_contact(tenant, change, unit):
    await contacts.keep_one_primary(unit, tenant, change)


@hookimpl(specname="before_write")
@applies_to("customers.address", "create", "update", "restore")
async def before_address(tenant, change, unit):
    await addresses.validate_address(unit, tenant, change)


@hookimpl(specname="before_write")
@applies_to("customers.company_link", "create")
async def before_company_link(tenant, change, unit):
    await services.refuse_link_to_buyer(unit, tenant, change)
