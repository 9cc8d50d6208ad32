"""What can be done with the chosen rows of a list: the buttons, and the fields that can be set."""

import msgspec

from core.admin.page import Page
from core.admin.words.wording import SWITCH
from core.model.entities import Declaration
from core.model.fields import Field
from core.runtime.context import Context

# The buttons that switch a record, and to what.
SWITCHES = {"activate": True, "deactivate": False}


class BulkAction(msgspec.Struct, frozen=True):
    """What is to be done: ``name`` as the button says it, and the field that it sets."""

    name: str
    title: str
    submit: str
    field: Field | None = None
    dangerous: bool = False


def settable_fields(ctx: Context, entity: Declaration) -> list[Field]:
    """Return the fields that the caller may set for many records at once."""
    writable = ctx.rights.writable(entity.name, "update") if "update" in entity.verbs else ()
    return [
        field
        for field in entity.fields.values()
        if field.name in writable
        and not field.unique
        and field.kind not in ("json", "money", "currency")
    ]


def bulk_actions(page: Page, entity: Declaration) -> list[BulkAction]:
    """Return what the caller may do with chosen rows."""
    say, fields = page.translate, {f.name: f for f in settable_fields(page.ctx, entity)}
    found = []
    if SWITCH in fields:
        field = fields[SWITCH]
        found.append(BulkAction("activate", say("Activate Selected"), say("Activate"), field))
        found.append(BulkAction("deactivate", say("Deactivate Selected"), say("Deactivate"), field))
    if fields:
        found.append(BulkAction("set", say("Set a field…"), say("Continue")))
    if "delete" in entity.verbs and page.ctx.rights.may(entity.name, "delete"):
        found.append(BulkAction("delete", say("Delete"), say("Delete"), dangerous=True))
    return found
