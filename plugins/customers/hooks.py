"""How customers are wired in. No rule lives here: see services.py."""

from core.plugin import Action, Choice, Demo, Dictionary, Grant, Role, Scope, hookimpl
from plugins.customers import demo, services
from plugins.customers.models import Company, CompanyLink, Customer

ALL_BUT_PURGE = ("list", "view", "create", "update", "delete", "trash", "restore")
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
    return [Dictionary("customers.types", "Customer types", kinds)]


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
        )
    ]


@hookimpl
def register_grants():
    read = ("list", "view")
    links = tuple(verb for verb in ALL_BUT_PURGE if verb != "update")
    return [
        Grant(role="staff", entity=Customer, actions=(*ALL_BUT_PURGE, "bulk_update"), scope="all"),
        Grant(role="staff", entity=Company, actions=ALL_BUT_PURGE, scope="all"),
        Grant(role="staff", entity=CompanyLink, actions=links, scope="all"),
        Grant(role="seller", entity=Customer, actions=read, scope="company"),
        Grant(role="seller", entity=Company, actions=read, scope="company"),
        # The scope of a customer runs over the links, so whoever holds it must see his links.
        Grant(role="seller", entity=CompanyLink, actions=read, scope="company"),
        Grant(role="customer", entity=Customer, actions=("view",), scope="own"),
        Grant(role="customer", entity=Customer, actions=("update",), scope="own", fields=CONTACT),
    ]


@hookimpl
def register_demo():
    return [Demo(run=demo.fill)]
