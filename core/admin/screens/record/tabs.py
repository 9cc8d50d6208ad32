"""The tabs of a record: details, related lists, and the tabs of the kernel and of plugins."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from core.admin.page import Page
from core.model.entities import Declaration
from core.records.projection import Row
from core.registry.registry import Tab

__all__ = ["KERNEL_TABS", "Tab", "tabs_of"]
Read = Callable[[Page, Declaration, Row], Awaitable[Mapping[str, Any]]]
# What the kernel shows with every record: a line each.
KERNEL_TABS: list[Tab] = []


def tabs_of(page: Page, entity: Declaration) -> list[Tab]:
    """Return the tabs beside details and related lists that the reader may open."""
    ctx = page.ctx
    own = ctx.tenant.registry.tabs.get(entity.name, ())
    return [
        tab
        for tab in (*KERNEL_TABS, *own)
        if tab.plugin in ctx.tenant.enabled and ctx.rights.may(entity.name, tab.right)
    ]
