"""How the library is wired in."""

from core.registry.hookspecs import hookimpl
from core.registry.registry import Grant, Role, Scope
from tests.sample_plugins.library.models import Book, Shelf


@hookimpl
def register_roles():
    return [Role("keeper", "Keeper")]


@hookimpl
def register_scopes():
    return [Scope("shelf", "library_shelf_id")]


@hookimpl
def register_grants():
    return [
        Grant(role="keeper", entity=Book, actions=("list", "view", "update"), scope="shelf"),
        Grant(role="keeper", entity=Shelf, actions=("list",), scope="all"),
    ]
