"""How the dummy is wired in."""

from core.plugin import Action, Choice, Dictionary, Grant, Role, Scope, applies_to, hookimpl
from tests.dummy_plugin import demo, routes, services
from tests.dummy_plugin.models import Device, Reading


@hookimpl
def register_roles():
    return [Role("inspector", "Inspector")]


@hookimpl
def register_scopes():
    return [Scope("desk", None)]


@hookimpl
def register_grants():
    everything = ("list", "view", "create", "update", "delete", "trash", "restore", "inspect")
    return [
        Grant(role="staff", entity=Device, actions=everything, scope="all"),
        Grant(role="staff", entity=Reading, actions=everything[:-1], scope="all"),
        Grant(role="inspector", entity=Device, actions=("list", "view", "inspect"), scope="all"),
        Grant(
            role="inspector", entity=Device, actions=("update",), scope="all", fields=("manual",)
        ),
        Grant(role="inspector", entity=Reading, actions=("create", "list", "view"), scope="author"),
        Grant(role="customer", entity=Device, actions=("list", "view"), scope="own"),
        Grant(role="customer", entity=Device, actions=("create", "update"), scope="own"),
    ]


@hookimpl
def register_dictionaries():
    colours = (Choice("red", "Red", 1), Choice("blue", "Blue", 2))
    return [Dictionary("dummy.colours", "Colours", colours)]


@hookimpl
def register_actions():
    return [
        Action(
            entity=Device,
            name="inspect",
            label="Inspect",
            run=services.inspect,
            values=services.Inspection,
        ),
        Action(
            entity=Device,
            name="loudest",
            label="Loudest",
            run=services.loudest,
            on="collection",
            method="GET",
            returns=services.Loudest,
            permission="list",
        ),
    ]


@hookimpl
def register_routes():
    return [routes.Ping]


@hookimpl
def register_demo():
    return [demo.DEMO]


@hookimpl
def visible_rows(entity):
    if entity == "dummy.device":
        return {"not": {"field": "name", "op": "=", "value": "invisible"}}
    return None


@hookimpl
@applies_to("dummy.device")
async def before_write(change):
    services.refuse_cursed(change.values)
    services.slow_down(change.values)
    services.seal_heirlooms(change.values)
