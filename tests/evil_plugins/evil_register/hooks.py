"""A declaration that raises."""

from core.hookspecs import hookimpl


@hookimpl
def register_roles():
    return [][0]
