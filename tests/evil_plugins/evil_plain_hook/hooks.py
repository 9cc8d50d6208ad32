"""A hook of the wrong colour."""

from core.hookspecs import hookimpl


@hookimpl
def before_write(change):
    """Not awaitable."""
