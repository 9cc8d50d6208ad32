"""The entities of this plugin, and what it adds to users."""

from plugins.customers.models.belongings import Address, Contact, Purchase
from plugins.customers.models.parties import (
    INTERNAL,
    Attributes,
    Company,
    CompanyKind,
    CompanyLink,
    Customer,
    Status,
)

__all__ = [
    "INTERNAL",
    "Address",
    "Attributes",
    "Company",
    "CompanyKind",
    "CompanyLink",
    "Contact",
    "Customer",
    "Purchase",
    "Status",
]
