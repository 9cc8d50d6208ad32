"""A declaration that raises."""

from core.registry.hookspecs import hookimpl


@hookimpl
def register_roles():
    return [][0]
