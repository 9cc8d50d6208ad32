"""A hook of the wrong colour."""

from core.registry.hookspecs import hookimpl


@hookimpl
def before_write(change):
    """Not awaitable."""
